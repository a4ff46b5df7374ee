"""Moments and durations as the command line shows them."""

from __future__ import annotations

from datetime import UTC, datetime


def moment(at_ms: int) -> str:
    """``2026-01-01 12:00:00`` in UTC."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def age(duration_ms: int) -> str:
    """``3 d 4 h``, ``2 min 5 s``, ``1.2 s``: the two largest units."""
    seconds = max(0, duration_ms) / 1000
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [f"{count} {unit}" for count, unit in ((days, "d"), (hours, "h"), (minutes, "min"), (rest, "s")) if count]
    return " ".join(parts[:2])
