"""Decoded JSON -> values by wire name, checked against the types of the model.

Gives Python's own types: timestamps as epoch seconds (float), blobs as bytes. Unknown members are ignored, null members are
absent, as on AWS. Rules of the file: shapes are compiled to closures once; a value of the wrong type raises
``SerializationException`` in AWS's words; constraints are not looked at here.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite

import msgspec

from bascule.protocol.dialects import REQUIRED_ONLY
from bascule.protocol.errors import SerializationException
from bascule.protocol.limits import INTEGER_MAX, LONG_MAX, TIMESTAMP_MAX, TIMESTAMP_MIN
from bascule.protocol.model import Ref, ServiceModel, Shape
from bascule.protocol.timestamps import parse_timestamp

Convert = Callable[[object], object]


def refuse(value: object, expected: str) -> SerializationException:
    """The error for a value that is not what the model says."""
    if isinstance(value, list):
        return SerializationException("Start of list found where not expected")
    if isinstance(value, dict):
        return SerializationException("Start of structure or map found where not expected.")
    if isinstance(value, bool):
        token = "TRUE_VALUE" if value else "FALSE_VALUE"
    else:
        token = "STRING_VALUE" if isinstance(value, str) else "NUMBER_VALUE"
    return SerializationException(f"{token} can not be converted to {expected}")


def convert_string(value: object) -> object:
    """A JSON string."""
    if isinstance(value, str):
        return value
    raise refuse(value, "a String")


def convert_boolean(value: object) -> object:
    """A JSON boolean."""
    if isinstance(value, bool):
        return value
    raise refuse(value, "a Boolean")


def convert_blob(value: object) -> object:
    """A string in base64; CBOR brings bytes as they are."""
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str):
        raise refuse(value, "a Blob")
    try:
        return msgspec.convert(value, bytes)
    except msgspec.ValidationError:
        raise SerializationException("STRING_VALUE can not be converted to a Blob") from None


def convert_float(value: object) -> object:
    """A JSON number, or one of the three names for those that JSON has not."""
    if isinstance(value, bool | list | dict) or not isinstance(value, int | float | str):
        raise refuse(value, "a Double")
    if isinstance(value, str):
        if value in ("NaN", "Infinity", "-Infinity"):
            return float(value)
        raise refuse(value, "a Double")
    try:
        return float(value)
    except OverflowError:
        raise refuse(value, "a Double") from None


def _integer(bound: int, expected: str) -> Convert:
    def convert(value: object) -> object:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise refuse(value, expected)
        if isinstance(value, float):
            if not isfinite(value):
                raise refuse(value, expected)
            # A fraction is cut off, as AWS does.
            value = int(value)
        if not -bound - 1 <= value <= bound:
            raise refuse(value, expected)
        return value

    return convert


def _timestamp(form: str) -> Convert:
    def convert(value: object) -> object:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise refuse(value, "milliseconds since epoch")
        seconds = parse_timestamp(value, form) if isinstance(value, str) else value
        if seconds is None or not TIMESTAMP_MIN <= seconds <= TIMESTAMP_MAX:
            raise refuse(value, "milliseconds since epoch")
        return float(seconds)

    return convert


_SCALARS: dict[str, Convert] = {
    "string": convert_string,
    "character": convert_string,
    "boolean": convert_boolean,
    "blob": convert_blob,
    "float": convert_float,
    "double": convert_float,
    "integer": _integer(INTEGER_MAX, "an Integer"),
    "long": _integer(LONG_MAX, "a Long"),
}


class Converters:
    """The compiled converters of one service's JSON shapes."""

    def __init__(self, service: ServiceModel) -> None:
        self._service = service
        self._known: dict[tuple[str, str | None], Convert] = {}

    def of(self, ref: Ref) -> Convert:
        """The converter of a member, compiled at first use; recursive shapes are fine."""
        key = (ref.shape, ref.timestamp_format)
        known = self._known.get(key)
        if known is not None:
            return known
        compiled: list[Convert] = []

        def later(value: object) -> object:
            return compiled[0](value)

        self._known[key] = later
        compiled.append(self._compile(ref, self._service.shapes[ref.shape]))
        self._known[key] = compiled[0]
        return compiled[0]

    def _compile(self, ref: Ref, shape: Shape) -> Convert:
        if shape.document:
            return lambda value: value
        if shape.type == "structure":
            return self.structure(shape)
        if shape.type == "list":
            return self._list(shape)
        if shape.type == "map":
            return self._map(shape)
        if shape.type == "timestamp":
            return _timestamp(ref.timestamp_format or shape.timestamp_format or "unixTimestamp")
        return _SCALARS[shape.type]

    def structure(self, shape: Shape) -> Convert:
        """The converter of a structure's body members; members with a location are somewhere else."""
        members = [
            (ref.location_name or name, name, self.of(ref))
            for name, ref, _ in self._service.members(shape)
            if ref.location is None
        ]

        def convert(value: object) -> object:
            if not isinstance(value, dict):
                raise refuse(value, "a structure")
            found: dict[str, object] = {}
            for wire_name, name, member in members:
                given = value.get(wire_name)
                if given is not None:
                    found[name] = member(given)
            return found

        return convert

    def _list(self, shape: Shape) -> Convert:
        assert shape.member is not None
        member = self.of(shape.member)
        # Validation has words for a null element, except where it only looks for missing members.
        drops_null = self._service.name in REQUIRED_ONLY

        def convert(value: object) -> object:
            if not isinstance(value, list):
                raise (
                    SerializationException("Expected list or null")
                    if not isinstance(value, dict)
                    else refuse(value, "")
                )
            if drops_null:
                return [member(item) for item in value if item is not None]
            return [None if item is None else member(item) for item in value]

        return convert

    def _map(self, shape: Shape) -> Convert:
        assert shape.value is not None
        member = self.of(shape.value)

        def convert(value: object) -> object:
            if not isinstance(value, dict):
                raise (
                    SerializationException("Expected map or null") if not isinstance(value, list) else refuse(value, "")
                )
            return {key: member(item) for key, item in value.items() if item is not None}

        return convert
