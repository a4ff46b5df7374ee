"""Plain values as text: in paths, query strings, headers, form fields and XML."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable
from typing import Any

from bascule.protocol.convert import refuse
from bascule.protocol.limits import INTEGER_MAX, LONG_MAX, TIMESTAMP_MAX, TIMESTAMP_MIN
from bascule.protocol.model import Ref, ServiceModel
from bascule.protocol.timestamps import format_timestamp, parse_timestamp

_INTEGER = re.compile(r"[+-]?[0-9]{1,19}\Z", re.ASCII)
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]")

#: The form of a timestamp where the model does not say: by where the text is.
DEFAULT_FORMS = {"header": "rfc822", "headers": "rfc822"}


def text_reader(service: ServiceModel, ref: Ref, location: str) -> Callable[[str], object]:
    """How a plain shape is read from text at a location (``uri``, ``querystring``, ``header``, or of a form)."""
    shape = service.shapes[ref.shape]
    if shape.type == "boolean":
        return _read_boolean
    if shape.type in ("integer", "long"):
        return _read_integer if shape.type == "integer" else _read_long
    if shape.type in ("float", "double"):
        return _read_float
    if shape.type == "timestamp":
        form = ref.timestamp_format or shape.timestamp_format or DEFAULT_FORMS.get(location, "iso8601")
        return lambda text: _read_timestamp(text, form)
    return _read_blob if shape.type == "blob" else lambda text: text


def text_writer(service: ServiceModel, ref: Ref, location: str) -> Callable[[Any], str]:
    """How a plain shape is written as text at a location."""
    shape = service.shapes[ref.shape]
    if shape.type == "timestamp":
        form = ref.timestamp_format or shape.timestamp_format or DEFAULT_FORMS.get(location, "iso8601")
        return lambda value: str(format_timestamp(value, form))
    if shape.type == "blob":
        return lambda value: b64encode(value).decode("ascii")
    if shape.type == "boolean":
        return lambda value: "true" if value else "false"
    if location == "header":
        return lambda value: header_text(str(value))
    return str


def header_text(text: str) -> str:
    """A text that may stand in a header: no line breaks, nothing outside Latin-1."""
    return _UNPRINTABLE.sub(" ", text).encode("latin-1", "replace").decode("latin-1")


def _read_boolean(text: str) -> bool:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    raise refuse(text, "a Boolean")


def _read_integer(text: str) -> int:
    if _INTEGER.match(text) and -INTEGER_MAX - 1 <= int(text) <= INTEGER_MAX:
        return int(text)
    raise refuse(text, "an Integer")


def _read_long(text: str) -> int:
    if _INTEGER.match(text) and -LONG_MAX - 1 <= int(text) <= LONG_MAX:
        return int(text)
    raise refuse(text, "a Long")


def _read_float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise refuse(text, "a Double") from None


def _read_timestamp(text: str, form: str) -> float:
    seconds = parse_timestamp(text, "iso8601" if form == "unixTimestamp" else form)
    if seconds is None or not TIMESTAMP_MIN <= seconds <= TIMESTAMP_MAX:
        raise refuse(text, "milliseconds since epoch")
    return seconds


def _read_blob(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except (Base64Error, ValueError):
        raise refuse(text, "a Blob") from None
