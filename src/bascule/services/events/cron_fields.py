"""One field of a ``cron`` expression: text to the set of values it stands for. Pure.

Day fields need the calendar of the month they are asked about, so they become a ``DayRule``; the other four become sorted
tuples of numbers.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping

import msgspec

#: Spelled out, because the names of the ``calendar`` module follow the locale.
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_MONTH_NAMES = {name: number for number, name in enumerate(_MONTHS, start=1)}
#: 1 is Sunday.
_DAY_NAMES = {"SUN": 1, "MON": 2, "TUE": 3, "WED": 4, "THU": 5, "FRI": 6, "SAT": 7}


class BadField(Exception):
    """A field that the grammar does not allow."""


class FieldKind(msgspec.Struct, frozen=True):
    """The values a field may hold and what may be written in it."""

    low: int
    high: int
    names: Mapping[str, int] = {}
    can_step: bool = True
    can_wrap: bool = True


MINUTE = FieldKind(0, 59)
HOUR = FieldKind(0, 23)
DAY_OF_MONTH = FieldKind(1, 31)
MONTH = FieldKind(1, 12, _MONTH_NAMES)
DAY_OF_WEEK = FieldKind(1, 7, _DAY_NAMES, can_step=False)
YEAR = FieldKind(1970, 2199, can_wrap=False)

_NUMBER = re.compile(r"[0-9]{1,4}")
_NEAREST = re.compile(r"([0-9]{1,2})W")
_FROM_END = re.compile(r"L-([0-9]{1,2})")
_LAST_DAY_OF_WEEK = re.compile(r"([1-7]|[A-Z]{3})L")
_NTH_DAY_OF_WEEK = re.compile(r"([1-7]|[A-Z]{3})#([1-5])")


def values_of(text: str, kind: FieldKind) -> tuple[int, ...]:
    """The values of a field, sorted.

    Takes    a comma list of ``*``, ``n``, ``a-b`` (wrapping round when a > b), each with an optional ``/step``.
    Raises   BadField.
    """
    found: set[int] = set()
    for item in text.upper().split(","):
        found.update(_item(item, kind))
    return tuple(sorted(found))


def _item(item: str, kind: FieldKind) -> list[int]:
    span, slash, step_text = item.partition("/")
    low_text, dash, high_text = span.partition("-")
    if span == "*":
        low, high = kind.low, kind.high
    else:
        low = _number(low_text, kind)
        high = _number(high_text, kind) if dash else kind.high if slash else low
    if low > high and not kind.can_wrap:
        raise BadField(item)
    values = list(range(low, high + 1)) if low <= high else [*range(low, kind.high + 1), *range(kind.low, high + 1)]
    if not slash:
        return values
    if not kind.can_step or not _NUMBER.fullmatch(step_text) or int(step_text) < 1:
        raise BadField(item)
    return values[:: int(step_text)]


def _number(text: str, kind: FieldKind) -> int:
    value = kind.names.get(text)
    if value is None:
        if not _NUMBER.fullmatch(text):
            raise BadField(text)
        value = int(text)
    if not kind.low <= value <= kind.high:
        raise BadField(text)
    return value


class DayRule(msgspec.Struct, frozen=True):
    """Which days of a month a day field selects. ``form`` says how ``values`` is meant."""

    #: ``days``, ``from-end``, ``last-weekday``, ``nearest-weekday``, ``days-of-week``, ``last-of``, ``nth-of``
    form: str
    values: tuple[int, ...] = ()

    def days(self, year: int, month: int) -> list[int]:
        """The selected days of a month, ascending; often none."""
        first_weekday, length = calendar.monthrange(year, month)
        #: Day of the week of the first, counted as cron does: 1 is Sunday.
        first = (first_weekday + 1) % 7 + 1
        if self.form == "days":
            return [day for day in self.values if day <= length]
        if self.form == "from-end":
            return [length - self.values[0]] if length > self.values[0] else []
        if self.form == "last-weekday":
            return [_nearest_weekday(length, first, length)]
        if self.form == "nearest-weekday":
            return [_nearest_weekday(self.values[0], first, length)] if self.values[0] <= length else []
        days = [day for day in range(1, length + 1) if (first + day - 2) % 7 + 1 == self.values[0]]
        if self.form == "last-of":
            return days[-1:]
        if self.form == "nth-of":
            return days[self.values[1] - 1 : self.values[1]]
        return [day for day in range(1, length + 1) if (first + day - 2) % 7 + 1 in self.values]


def _nearest_weekday(day: int, first: int, length: int) -> int:
    """The Monday to Friday nearest to ``day`` without leaving the month."""
    day_of_week = (first + day - 2) % 7 + 1
    if day_of_week == 7:
        return day - 1 if day > 1 else day + 2
    if day_of_week == 1:
        return day + 1 if day < length else day - 2
    return day


def day_of_month_rule(text: str) -> DayRule:
    """The rule of a day-of-month field. Raises BadField."""
    word = text.upper()
    if word == "L":
        return DayRule("from-end", (0,))
    if word == "LW":
        return DayRule("last-weekday")
    if found := _FROM_END.fullmatch(word):
        return DayRule("from-end", (_bounded(found.group(1), 0, 30),))
    if found := _NEAREST.fullmatch(word):
        return DayRule("nearest-weekday", (_bounded(found.group(1), 1, 31),))
    return DayRule("days", values_of(text, DAY_OF_MONTH))


def day_of_week_rule(text: str) -> DayRule:
    """The rule of a day-of-week field. Raises BadField."""
    word = text.upper()
    if word == "L":
        return DayRule("days-of-week", (7,))
    if found := _LAST_DAY_OF_WEEK.fullmatch(word):
        return DayRule("last-of", (_number(found.group(1), DAY_OF_WEEK),))
    if found := _NTH_DAY_OF_WEEK.fullmatch(word):
        return DayRule("nth-of", (_number(found.group(1), DAY_OF_WEEK), int(found.group(2))))
    return DayRule("days-of-week", values_of(text, DAY_OF_WEEK))


def _bounded(text: str, low: int, high: int) -> int:
    value = int(text)
    if not low <= value <= high:
        raise BadField(text)
    return value
