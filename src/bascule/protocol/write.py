"""Outputs -> JSON: wire names, formats of timestamps, and the numbers JSON has not.

Rules of the file: typed outputs become plain values first (msgspec, in C). Where the model asks for nothing beyond what
msgspec writes by itself, which is everything in EventBridge and SQS, the struct is encoded as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

import msgspec

from bascule.protocol.model import Ref, ServiceModel, Shape
from bascule.protocol.timestamps import format_timestamp

Write = Callable[[Any], Any]

ENCODER = msgspec.json.Encoder()


def plain(output: object) -> dict[str, Any]:
    """A typed or plain output as a dict of member names; absent members are left out, blobs stay bytes."""
    if isinstance(output, Mapping):
        return dict(output)
    if output is None:
        return {}
    found: dict[str, Any] = msgspec.to_builtins(output, builtin_types=(bytes,))
    return found


def _write_float(value: Any) -> Any:
    if isinstance(value, float) and not isfinite(value):
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    return value


def _same(value: Any) -> Any:
    return value


class Writers:
    """The compiled writers of one service. ``timestamp`` is the protocol's default form."""

    def __init__(self, service: ServiceModel, timestamp: Callable[[float, str], Any] = format_timestamp) -> None:
        self._service = service
        self._timestamp = timestamp
        self._known: dict[tuple[str, str | None], Write] = {}

    def of(self, ref: Ref) -> Write:
        """The writer of a use of a shape; ``_same`` when nothing needs to be done."""
        key = (ref.shape, ref.timestamp_format)
        known = self._known.get(key)
        if known is None:
            late: list[Write] = [_same]
            self._known[key] = lambda value: late[0](value)
            known = late[0] = self._known[key] = self._compile(ref, self._service.shapes[ref.shape])
        return known

    def is_same(self, shape: Shape) -> bool:
        """Whether a structure is written as msgspec encodes it by itself."""
        return self.structure(shape) is _same

    def _compile(self, ref: Ref, shape: Shape) -> Write:
        if shape.document:
            return _same
        if shape.type == "structure":
            return self.structure(shape)
        if shape.type == "list":
            assert shape.member is not None
            item = self.of(shape.member)
            return _same if item is _same else lambda value: [item(element) for element in value]
        if shape.type == "map":
            assert shape.value is not None
            entry = self.of(shape.value)
            return _same if entry is _same else lambda value: {key: entry(element) for key, element in value.items()}
        if shape.type == "timestamp":
            form, write = ref.timestamp_format or shape.timestamp_format or "unixTimestamp", self._timestamp
            return _same if (form, write) == ("unixTimestamp", format_timestamp) else lambda value: write(value, form)
        return _write_float if shape.type in ("float", "double") else _same

    def structure(self, shape: Shape) -> Write:
        """The writer of a structure's body members."""
        members = [
            (name, ref.location_name or name, self.of(ref))
            for name, ref, _ in self._service.members(shape)
            if ref.location is None
        ]
        if len(members) == len(shape.members) and all(m[0] == m[1] and m[2] is _same for m in members):
            return _same

        def write(value: Any) -> Any:
            return {
                wire_name: member(value[name]) for name, wire_name, member in members if value.get(name) is not None
            }

        return write
