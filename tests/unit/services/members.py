"""Which structures the inputs of a service hold, so that a table can be checked to name each of their members."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, get_args

import msgspec

#: Operation or structure -> member -> what it does here.
Table = Mapping[str, Mapping[str, str]]


def nested(api: Any, operations: Iterable[str]) -> dict[str, set[str]]:
    """Structures that inputs of ``operations`` hold, at any depth, with their members as the wire names them."""
    found: dict[str, set[str]] = {}
    for name in operations:
        _walk(api.OPERATIONS[name][0], found)
    inputs = {api.OPERATIONS[name][0].__name__ for name in operations}
    return {name: members for name, members in found.items() if name not in inputs}


def _walk(kind: Any, found: dict[str, set[str]]) -> None:
    if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
        for part in get_args(kind):
            _walk(part, found)
    elif kind.__name__ not in found:
        found[kind.__name__] = set(kind.__struct_encode_fields__)
        for field in msgspec.structs.fields(kind):
            _walk(field.type, found)


def check(api: Any, operations: Mapping[str, Any], acts: Table, parts: Table, not_built: str) -> None:
    """The tables name every operation, every member and every member of what inputs hold; refusals are the operations' own.

    ``not_built``: what the tables say of a member that the operation refuses whatever its value.
    """
    assert set(acts) == set(operations)
    for name, operation in operations.items():
        assert set(acts[name]) == set(api.OPERATIONS[name][0].__struct_encode_fields__), name
        refused = {member for member, act in acts[name].items() if act == not_built}
        assert refused == {member for member in operation.refuses if "." not in member}, name
    wanted = nested(api, operations)
    assert set(parts) == set(wanted)
    for name, members in wanted.items():
        assert set(parts[name]) == members, name
