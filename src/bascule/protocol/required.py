"""Missing members in the words of SQS: one at a time, by their names in the Query protocol, and nothing else is checked.

    The request must contain the parameter SendMessageBatchRequestEntry.2.MessageBody.

An empty text counts as missing in a member of the request itself; inside entries SQS has an answer for each entry.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bascule.kernel.errors import AwsError
from bascule.protocol.dialects import EMPTY_WHEN_MISSING
from bascule.protocol.errors import MissingParameter
from bascule.protocol.model import ServiceModel, Shape


def required_only(service: ServiceModel, shape: Shape) -> Callable[[dict[str, object]], AwsError | None]:
    """The check of an input: gives the error that answers it, or None."""

    def checked(value: dict[str, object]) -> AwsError | None:
        found = _first_missing(service, shape, value, "", absent=(None, ""))
        return MissingParameter(f"The request must contain the parameter {found}.") if found else None

    return checked


def lists_empty_when_missing(service: ServiceModel, shape: Shape) -> tuple[str, ...]:
    """Required members that are read as empty lists when missing: the service has its own words (``EmptyBatchRequest``)."""
    return tuple(name for name in shape.required if (service.name, name) in EMPTY_WHEN_MISSING)


def _first_missing(
    service: ServiceModel, shape: Shape, value: Any, prefix: str, *, absent: tuple[object, ...] = (None,)
) -> str | None:
    for name, ref, target in service.members(shape):
        given = value.get(name)
        if name in shape.required and given in absent:
            return prefix + name
        if isinstance(given, list) and target.member is not None:
            nested, where = target.member.shape, target.member.shape
            items = [(f"{where}.{index}.", item) for index, item in enumerate(given, 1)]
        elif isinstance(given, dict) and target.value is not None:
            nested = target.value.shape
            items = [(f"{prefix}{name}.{key}.", item) for key, item in given.items()]
        elif isinstance(given, dict):
            nested, items = ref.shape, [(f"{prefix}{name}.", given)]
        else:
            continue
        if service.shapes[nested].type == "structure":
            for where, item in items:
                found = _first_missing(service, service.shapes[nested], item, where)
                if found:
                    return found
    return None
