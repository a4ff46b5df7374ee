"""The three forms of a point in time on the wire: epoch seconds, ISO 8601, and the date of HTTP headers."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

_NUMBER = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,9})?\Z")


def parse_timestamp(text: str, form: str) -> float | None:
    """Read a timestamp; None when it is none.

    Takes    ``form`` unixTimestamp, iso8601 or rfc822; the textual forms also take a plain number of seconds.
    Gives    epoch seconds.
    """
    try:
        if form != "unixTimestamp" and not _NUMBER.match(text):
            moment = parsedate_to_datetime(text) if form == "rfc822" else datetime.fromisoformat(text)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        return float(text) if _NUMBER.match(text) and form != "unixTimestamp" else None
    except (ValueError, OverflowError):
        return None


def format_timestamp(seconds: float, form: str) -> str | float:
    """Write a timestamp: a number for unixTimestamp, text for iso8601 (milliseconds only when there are any) and rfc822."""
    if form == "unixTimestamp":
        return seconds
    moment = datetime.fromtimestamp(seconds, UTC)
    if form == "rfc822":
        return format_datetime(moment.replace(microsecond=0), usegmt=True)
    text = moment.isoformat(timespec="milliseconds" if moment.microsecond >= 1000 else "seconds")
    return text.replace("+00:00", "Z")
