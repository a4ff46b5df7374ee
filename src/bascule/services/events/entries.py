"""One entry of PutEvents: is it acceptable, how large is it, and which event does it become. Pure.

The order of the checks is the service's own. A refusal is the finished result element, because every one is a constant.
"""

from __future__ import annotations

import math

import msgspec

from bascule.api import events as api
from bascule.kernel.scope import Scope
from bascule.services.events.detail_json import canonical_detail
from bascule.services.events.envelope import Envelope, encode_envelope, iso_second
from bascule.services.events.limits import DETAIL_TYPE_CHARS_MAX

Entry = api.PutEventsRequestEntry
Refusal = api.PutEventsResultEntry

#: Sources that only AWS services may use start with this.
RESERVED_SOURCE = "aws."
#: What ``Time`` adds to the size of an entry. bytes; "Calculating PutEvents event entry size"
_TIME_BYTES = 14


def _invalid(parameter: str, reason: str = "") -> Refusal:
    text = f"Parameter {parameter} is not valid." + (f" Reason: {reason}" if reason else "")
    return Refusal(error_code="InvalidArgument", error_message=text)


NO_SOURCE = _invalid("Source", "Source is a required argument.")
NO_DETAIL_TYPE = _invalid("DetailType", "DetailType is a required argument.")
NO_DETAIL = _invalid("Detail", "Detail is a required argument.")
LONG_DETAIL_TYPE = _invalid("DetailType", f"DetailType is longer than {DETAIL_TYPE_CHARS_MAX} characters.")
BAD_TIME = _invalid("Time", "Time is outside the years 1 to 9999.")
MALFORMED_DETAIL = Refusal(error_code="MalformedDetail", error_message="Detail is malformed.")
RESERVED = Refusal(error_code="NotAuthorizedForSourceException", error_message="Not authorized for the source.")


def _utf8_bytes(text: str | None) -> int:
    if not text:
        return 0
    return len(text) if text.isascii() else len(text.encode())


def entry_bytes(entry: Entry) -> int:
    """The size of an entry as EventBridge counts it: the bus name and the trace header are free."""
    size = _utf8_bytes(entry.source) + _utf8_bytes(entry.detail_type) + _utf8_bytes(entry.detail)
    if entry.resources:
        size += sum(map(_utf8_bytes, entry.resources))
    return size if entry.time is None else size + _TIME_BYTES


def event_of(entry: Entry, event_id: str, origin: Scope, now_ms: int, *, is_service: bool = False) -> bytes | Refusal:
    """The event that an entry becomes, or why it becomes none.

    Takes    origin: account and Region of who puts it; is_service: whether reserved sources are allowed.
    Gives    the bytes of the event: ``time`` in whole seconds, ``detail`` as written but compact.
    Source   PutEvents API reference; order and texts as recorded.
    """
    if not entry.source:
        return NO_SOURCE
    if not entry.detail_type:
        return NO_DETAIL_TYPE
    if not entry.detail:
        return NO_DETAIL
    detail = canonical_detail(entry.detail)
    if detail is None:
        return MALFORMED_DETAIL
    if entry.source.startswith(RESERVED_SOURCE) and not is_service:
        return RESERVED
    if len(entry.detail_type) > DETAIL_TYPE_CHARS_MAX:
        return LONG_DETAIL_TYPE
    try:
        time = iso_second(now_ms // 1000 if entry.time is None else math.floor(entry.time))
    except (ValueError, OverflowError, OSError):
        return BAD_TIME
    return encode_envelope(
        Envelope(
            id=event_id,
            detail_type=entry.detail_type,
            source=entry.source,
            account=origin.account,
            time=time,
            region=origin.region,
            resources=entry.resources or [],
            detail=msgspec.Raw(detail),
        )
    )
