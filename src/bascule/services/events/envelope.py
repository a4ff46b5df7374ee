"""The event as it travels: compact JSON with the keys in one fixed order. Bytes from here on are never decoded and re-encoded."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

import msgspec


class Envelope(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An event on the bus. The order of the fields is the order on the wire; ``detail`` goes through as it is."""

    version: str = "0"
    id: str
    detail_type: str = msgspec.field(name="detail-type")
    source: str
    account: str
    time: str
    region: str
    resources: list[str]
    detail: msgspec.Raw


class Origin(msgspec.Struct, frozen=True, gc=False):
    """The parts of an event that say where it came from, read out of its bytes."""

    id: str
    account: str
    region: str


encode_envelope = msgspec.json.Encoder().encode
_decode_origin = msgspec.json.Decoder(Origin).decode
_DETAIL_KEY = b',"detail":'


def head_of(event: bytes) -> bytes:
    """The event without its ``detail``, which is the last key: a small flat object, however deep the detail is.

    Inside a string the quotes of the key would be escaped, so the first place that looks like the key is the key.
    """
    place = event.find(_DETAIL_KEY)
    return event if place < 0 else event[:place] + b"}"


def origin_of(payload: bytes) -> Origin | None:
    """Where an event came from, or None for bytes that are not an event."""
    try:
        return _decode_origin(head_of(payload))
    except (msgspec.DecodeError, RecursionError):
        return None


@lru_cache(maxsize=64)
def iso_second(seconds: int) -> str:
    """``2026-01-15T10:07:30Z`` of whole seconds since 1970.

    Raises   ValueError, OverflowError outside the years 1 to 9999.
    """
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")


def with_id(event: bytes, old_id: str, new_id: str) -> bytes:
    """The same event under another id; the id is the second key, so nothing before it can look like it."""
    return event.replace(b'"id":"%b"' % old_id.encode(), b'"id":"%b"' % new_id.encode(), 1)
