"""Schedule expressions of rules: ``cron(...)`` and ``rate(...)``, and when they fire next. Pure, UTC, whole minutes.

``rate`` counts from an anchor (the moment the rule got its schedule); ``cron`` reads the calendar. The search for the next
firing walks years, months, days, hours and minutes and skips whatever a coarser field excludes, so even an expression that
never fires is answered after looking at the months of 230 years.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from datetime import UTC, datetime
from functools import lru_cache

import msgspec

from bascule.services.events.cron_fields import (
    HOUR,
    MINUTE,
    MONTH,
    YEAR,
    BadField,
    DayRule,
    day_of_month_rule,
    day_of_week_rule,
    values_of,
)
from bascule.services.events.limits import TEMPLATES_KEPT_MAX

_CRON = re.compile(r"cron\((\S.*\S)\)")
_BLANKS = re.compile(r"[ \t]+")
_RATE = re.compile(r"rate\(([0-9]{1,15}) (minute|hour|day)(s?)\)")
_UNIT_MS = {"minute": 60_000, "hour": 3_600_000, "day": 86_400_000}
#: 2200-01-01: nothing fires later, because the year field ends at 2199.
_END_MS = 7_258_118_400_000


class BadSchedule(Exception):
    """Not a schedule expression."""


class Rate(msgspec.Struct, frozen=True):
    """Every ``interval_ms``, counted from the anchor; the first firing is one interval after it."""

    interval_ms: int

    def next_after(self, moment_ms: int, *, anchor_ms: int) -> int | None:
        """The first firing strictly after a moment; None beyond the year 2199."""
        passed = max(0, moment_ms - anchor_ms) // self.interval_ms
        due_ms = anchor_ms + (passed + 1) * self.interval_ms
        return due_ms if due_ms < _END_MS else None


class Cron(msgspec.Struct, frozen=True):
    """The minutes at which all six fields agree."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: DayRule
    months: tuple[int, ...]
    years: tuple[int, ...]

    def next_after(self, moment_ms: int, *, anchor_ms: int = 0) -> int | None:
        """The first firing strictly after a moment, second 0; None when there is none. The anchor does not matter."""
        if moment_ms >= _END_MS:
            return None
        after = datetime.fromtimestamp(moment_ms // 60_000 * 60 + 60, UTC)
        found = self._search((after.year, after.month, after.day, after.hour, after.minute))
        return None if found is None else int(datetime(*found, tzinfo=UTC).timestamp()) * 1000

    def _search(self, start: tuple[int, int, int, int, int]) -> tuple[int, int, int, int, int] | None:
        """The first (year, month, day, hour, minute) >= start."""
        for year in self.years[bisect_left(self.years, start[0]) :]:
            for month in self.months:
                if (year, month) < start[:2]:
                    continue
                for day in self.days.days(year, month):
                    if (year, month, day) < start[:3]:
                        continue
                    time = self._time((start[3], start[4]) if (year, month, day) == start[:3] else (0, 0))
                    if time is not None:
                        return (year, month, day, *time)
        return None

    def _time(self, start: tuple[int, int]) -> tuple[int, int] | None:
        """The first (hour, minute) of a day >= start."""
        for hour in self.hours[bisect_left(self.hours, start[0]) :]:
            if hour > start[0]:
                return hour, self.minutes[0]
            place = bisect_left(self.minutes, start[1])
            if place < len(self.minutes):
                return hour, self.minutes[place]
        return None


Schedule = Rate | Cron


@lru_cache(maxsize=TEMPLATES_KEPT_MAX)
def parse_schedule(text: str) -> Schedule:
    """The schedule that an expression stands for.

    Takes    ``cron(minute hour day-of-month month day-of-week year)`` or ``rate(n unit)``, exactly.
    Raises   BadSchedule.
    Source   EventBridge user guide, "Setting a schedule pattern"; rejects as recorded.
    """
    if found := _RATE.fullmatch(text):
        count, unit, plural = int(found.group(1)), found.group(2), found.group(3)
        if count < 1 or (count > 1) != bool(plural):
            raise BadSchedule(text)
        return Rate(count * _UNIT_MS[unit])
    if found := _CRON.fullmatch(text):
        return _cron(text, _BLANKS.split(found.group(1)))
    raise BadSchedule(text)


def _cron(text: str, fields: list[str]) -> Cron:
    if len(fields) != 6:
        raise BadSchedule(text)
    minute, hour, day_of_month, month, day_of_week, year = fields
    if (day_of_month == "?") == (day_of_week == "?"):
        raise BadSchedule(text)
    try:
        return Cron(
            values_of(minute, MINUTE),
            values_of(hour, HOUR),
            day_of_week_rule(day_of_week) if day_of_month == "?" else day_of_month_rule(day_of_month),
            values_of(month, MONTH),
            values_of(year, YEAR),
        )
    except BadField:
        raise BadSchedule(text) from None
