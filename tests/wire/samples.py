"""Sample values of any shape of a service model, in the form botocore takes and gives them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from botocore.model import Shape

MOMENT = datetime(2026, 1, 15, 10, 7, 30, tzinfo=UTC)
DEPTH_MAX = 4


def sample(shape: Shape, *, full: bool = True, depth: int = 0) -> Any:
    """A value of the shape: with every member, or with the required ones only."""
    kind = shape.type_name
    if kind == "structure":
        if getattr(shape, "is_document_type", False):
            return {"any": ["thing", 1, None]}
        members = {
            name: member
            for name, member in shape.members.items()
            if (full and depth < DEPTH_MAX)
            or name in shape.required_members
            or name == shape.serialization.get("payload")
        }
        members = {name: member for name, member in members.items() if not getattr(member, "is_eventstream", False)}
        if getattr(shape, "is_tagged_union", False) or (depth and not members):
            # One member of a union; and Query has no way to say "a structure without members".
            members = dict(list(members.items() or shape.members.items())[:1])
        return {name: sample(member, full=full, depth=depth + 1) for name, member in members.items()}
    if kind == "list":
        return [sample(shape.member, full=full, depth=depth + 1) for _ in range(2)]
    if kind == "map":
        key = sample(shape.key, full=full, depth=depth + 1)
        return {f"{key}{suffix}": sample(shape.value, full=full, depth=depth + 1) for suffix in ("", "2")}
    if kind == "string":
        return shape.enum[-1] if shape.enum else f"a {shape.name} & <é>"
    return {
        "character": "c",
        "boolean": True,
        "integer": 7,
        "long": 2**40,
        "float": 1.5,
        "double": -2.25,
        "timestamp": MOMENT,
        "blob": b"\x00\xffbytes",
    }[kind]


def as_wire(value: Any) -> Any:
    """The value as the wire layer has it: moments as epoch seconds."""
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, dict):
        return {key: as_wire(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_wire(item) for item in value]
    return value
