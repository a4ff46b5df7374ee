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
#: Bytes of an event -> its Origin; raises msgspec.DecodeError when they are not an event.
decode_origin = msgspec.json.Decoder(Origin).decode


@lru_cache(maxsize=64)
def iso_second(seconds: int) -> str:
    """``2026-01-15T10:07:30Z`` of whole seconds since 1970.

    Raises   ValueError, OverflowError outside the years 1 to 9999.
    """
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")


def with_id(event: bytes, old_id: str, new_id: str) -> bytes:
    """The same event under another id; the id is the second key, so nothing before it can look like it."""
    return event.replace(b'"id":"%b"' % old_id.encode(), b'"id":"%b"' % new_id.encode(), 1)
