"""The three forms of a point in time on the wire: epoch seconds, ISO 8601, and the date of HTTP headers."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_NUMBER = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,9})?\Z")


def parse_timestamp(text: str, form: str) -> float | None:
    """Read a timestamp; None when it is none.

    Takes    ``form`` unixTimestamp, iso8601 or rfc822; the textual forms also take a plain number of seconds.
    Gives    epoch seconds.
    """
    try:
        if _NUMBER.match(text):
            return None if form == "unixTimestamp" else float(text)
        if form == "unixTimestamp":
            return None
        moment = _parse_http_date(text) if form == "rfc822" else datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _parse_http_date(text: str) -> datetime:
    # Header dates are rare, and email.utils is a sixth of this package's import time.
    from email.utils import parsedate_to_datetime

    return parsedate_to_datetime(text)


def format_timestamp(seconds: float, form: str) -> str | float:
    """Write a timestamp: a number for unixTimestamp, text for iso8601 (milliseconds only when there are any) and rfc822."""
    if form == "unixTimestamp":
        return seconds
    moment = datetime.fromtimestamp(seconds, UTC)
    if form == "rfc822":
        from email.utils import format_datetime

        return format_datetime(moment.replace(microsecond=0), usegmt=True)
    text = moment.isoformat(timespec="milliseconds" if moment.microsecond >= 1000 else "seconds")
    return text.replace("+00:00", "Z")
