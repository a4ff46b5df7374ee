"""Page tokens of the Logs operations. A token that we did not make is refused, never guessed at."""

from __future__ import annotations

import base64
import binascii
import re

import msgspec

from bascule.services.logs.errors import InvalidParameter

INVALID = "The specified nextToken is invalid."

_EVENTS = re.compile(r"(?P<direction>[fb])/(?P<position>\d{56})/s")
_encode = msgspec.msgpack.Encoder().encode
_decode_positions = msgspec.msgpack.Decoder(tuple[bool, dict[str, int]]).decode


def name_token(name: str) -> str:
    """The token of a page that ends with ``name``."""
    return base64.urlsafe_b64encode(name.encode()).decode()


def name_after(token: str | None) -> str:
    """The name that a page starts after; empty for the first page."""
    if token is None:
        return ""
    try:
        return base64.b64decode(token.encode(), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeError) as error:
        raise InvalidParameter(INVALID) from error


def forward_token(sequence: int) -> str:
    """GetLogEvents: what comes after ``sequence``."""
    return f"f/{sequence:056d}/s"


def backward_token(sequence: int) -> str:
    """GetLogEvents: what comes before ``sequence``."""
    return f"b/{sequence:056d}/s"


def event_position(token: str) -> tuple[bool, int]:
    """Whether a GetLogEvents token goes forward, and its sequence number."""
    found = _EVENTS.fullmatch(token)
    if found is None:
        raise InvalidParameter(INVALID)
    return found["direction"] == "f", int(found["position"])


def positions_token(is_forward: bool, positions: dict[str, int]) -> str:
    """FilterLogEvents: the direction, and stream name -> last sequence read, for streams that are not at their end."""
    return base64.urlsafe_b64encode(_encode((is_forward, positions))).decode()


def positions(token: str) -> tuple[bool, dict[str, int]]:
    """The direction, the streams still to be read, and from where."""
    try:
        return _decode_positions(base64.b64decode(token.encode(), altchars=b"-_", validate=True))
    except (binascii.Error, UnicodeError, msgspec.DecodeError) as error:
        raise InvalidParameter(INVALID) from error
