"""Points in time, read and written in three forms."""

from __future__ import annotations

import pytest

from bascule.protocol.timestamps import format_timestamp, parse_timestamp

MOMENT = 1768471650.0


@pytest.mark.parametrize(
    ("text", "form", "seconds"),
    [
        ("2026-01-15T10:07:30Z", "iso8601", MOMENT),
        ("2026-01-15T10:07:30", "iso8601", MOMENT),
        ("2026-01-15T11:07:30.250+01:00", "iso8601", MOMENT + 0.25),
        ("1768471650", "iso8601", MOMENT),
        ("1768471650.5", "rfc822", MOMENT + 0.5),
        ("Thu, 15 Jan 2026 10:07:30 GMT", "rfc822", MOMENT),
        ("1768471650", "unixTimestamp", None),
        ("soon", "iso8601", None),
        ("soon", "rfc822", None),
        ("soon", "unixTimestamp", None),
        ("0001-01-01T00:00:00+23:59", "iso8601", -62135683140.0),
    ],
)
def test_a_timestamp_is_read(text: str, form: str, seconds: float | None) -> None:
    assert parse_timestamp(text, form) == seconds


@pytest.mark.parametrize(
    ("seconds", "form", "text"),
    [
        (MOMENT, "unixTimestamp", MOMENT),
        (MOMENT, "iso8601", "2026-01-15T10:07:30Z"),
        (MOMENT + 0.25, "iso8601", "2026-01-15T10:07:30.250Z"),
        (MOMENT + 0.25, "rfc822", "Thu, 15 Jan 2026 10:07:30 GMT"),
    ],
)
def test_a_timestamp_is_written(seconds: float, form: str, text: str | float) -> None:
    assert format_timestamp(seconds, form) == text
