"""Values as constraint messages print them: the way Java's ``toString`` does."""

from __future__ import annotations

from collections.abc import Mapping

from bascule.protocol.dialects import UNMODELLED_MEMBERS
from bascule.protocol.limits import VALUE_TEXT_MAX
from bascule.protocol.model import Ref, ServiceModel
from bascule.protocol.timestamps import format_timestamp

#: What stands for a sensitive member inside a printed structure.
REDACTED = "*** Sensitive Data Redacted ***"


def lower_first(name: str) -> str:
    """``EventBusName`` -> ``eventBusName``, as in the paths of constraint messages."""
    return name[:1].lower() + name[1:]


def render(service: ServiceModel, ref: Ref, value: object) -> str:
    """The text of a value of that shape, at most ``VALUE_TEXT_MAX`` long."""
    text = _render(service, ref, value)
    return text if len(text) <= VALUE_TEXT_MAX else f"{text[:VALUE_TEXT_MAX]}..."


def _render(service: ServiceModel, ref: Ref, value: object) -> str:
    shape = service.shapes[ref.shape]
    if value is None:
        return "null"
    if shape.sensitive:
        return REDACTED
    if isinstance(value, list) and shape.member is not None:
        return f"[{', '.join(_render(service, shape.member, item) for item in value)}]"
    if isinstance(value, Mapping) and shape.value is not None:
        return "{" + ", ".join(f"{key}={_render(service, shape.value, item)}" for key, item in value.items()) + "}"
    if isinstance(value, Mapping):
        parts = [
            f"{lower_first(name)}={_render(service, member, value.get(name))}" for name, member in shape.members.items()
        ]
        parts += [f"{name}=null" for name in UNMODELLED_MEMBERS.get((service.name, ref.shape), ())]
        return f"{ref.shape}({', '.join(parts)})"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return f"java.nio.HeapByteBuffer[pos=0 lim={len(value)} cap={len(value)}]"
    if shape.type == "timestamp" and isinstance(value, int | float):
        return str(format_timestamp(float(value), "iso8601"))
    return str(value)
