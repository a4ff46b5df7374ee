"""Schedule expressions: every recorded and computed case, every reject, and properties of the search."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bascule.services.events.schedules import BadSchedule, Cron, parse_schedule
from tests.unit.services.events.cron_cases import CRON_CASES

START_MS = int(datetime(2026, 1, 15, 10, 7, 30, tzinfo=UTC).timestamp()) * 1000
MINUTE_MS = 60_000


def firings(expression: str, count: int, start_ms: int = START_MS) -> list[str]:
    schedule = parse_schedule(expression)
    found: list[str] = []
    moment_ms: int | None = start_ms
    for _ in range(count):
        assert moment_ms is not None
        moment_ms = schedule.next_after(moment_ms, anchor_ms=start_ms)
        if moment_ms is None:
            break
        found.append(datetime.fromtimestamp(moment_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%MZ"))
    return found


def test_there_are_forty_two_cases() -> None:
    assert len(CRON_CASES) == 42


@pytest.mark.parametrize("fields", CRON_CASES)
def test_cron_fires_at_the_known_moments(fields: str) -> None:
    expected = list(CRON_CASES[fields])
    assert firings(f"cron({fields})", 3) == expected


@pytest.mark.parametrize(
    "expression",
    [
        "cron(INVALID)",
        "cron(0 1 * * * *)",
        "cron(7 20 * * NOT *)",
        "cron(71 8 1 * ? *)",
        "cron(0 dummy ? * MON-FRI *)",
        "cron(0 0 0 * ? *)",
        "cron(0 24 * * ? *)",
        "cron(0 0 1 13 ? *)",
        "cron(0 0 ? * 0 *)",
        "cron(0 0 ? * 8 *)",
        "cron(0 0 ? * 3#6 *)",
        "cron(0 0 ? * 3#1,6#3 *)",
        "cron(0 0 1 * ? 1969)",
        "cron(0 0 1 * ? 2200)",
        "cron(0 0 1 * ?)",
        "cron(0 0 1 * ? * *)",
        "cron()",
        "cron(0 0 ? * ? *)",
        "cron(0 0 1 * MON *)",
        "cron(0 0 1,L * ? *)",
        "cron(0 0 1,15W * ? *)",
        "cron(0 0 32W * ? *)",
        "cron(0 0 L-31 * ? *)",
        "cron(0 0 ? * XYZL *)",
        "cron(0 0 ? * 2/2 *)",
        "cron(0/0 * * * ? *)",
        "cron(0/ * * * ? *)",
        "cron(1- * * * ? *)",
        "cron(, * * * ? *)",
        "cron(0 0 1 * ? 2030-2026)",
        "cron( 0 3 * * ? *)",
        "cron(0 3 * * ? * )",
        " cron(0 3 * * ? *)",
        "CRON(0 3 * * ? *)",
        "cron(0 3 * * ? *) cron(0 4 * * ? *)",
        "cron(٣ 3 * * ? *)",
        "at(2026-01-15T10:07:30)",
        "",
        "rate(10 seconds)",
        "rate(10 years)",
        "rate(1 minutes)",
        "rate(1 hours)",
        "rate(1 days)",
        "rate(10 minute)",
        "rate(10 hour)",
        "rate(10 day)",
        "rate()",
        "rate(10)",
        "rate(10 minutess)",
        "rate(foo minutes)",
        "rate(0 minutes)",
        "rate(0 minute)",
        "rate(-10 minutes)",
        "rate(10 MINUTES)",
        "rate( 10 minutes )",
        " rate(10 minutes)",
        "rate(10  minutes)",
        "rate(10 minutes)\n",
    ],
)
def test_what_is_not_a_schedule_is_rejected(expression: str) -> None:
    with pytest.raises(BadSchedule):
        parse_schedule(expression)


@pytest.mark.parametrize(
    "expression",
    [
        "cron(0 2 ? * SAT *)",
        "cron(15 10 ? * 6L 2002-2005)",
        "cron(0 2 ? * SAT#3 *)",
        "cron(* * ? * SAT#3 *)",
        "cron(0/5 5 ? JAN 1-5 2022)",
        "cron(0 10 * * ? *)",
        "cron(0/10 * ? * MON-FRI *)",
        "cron(0/30 0-2 ? * MON-FRI *)",
        "cron(30-30 * * * ? *)",
        "cron(0 9 ? * mon *)",
        "rate(1 minute)",
        "rate(999999 days)",
    ],
)
def test_recorded_expressions_are_accepted(expression: str) -> None:
    parse_schedule(expression)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("rate(1 minute)", ["2026-01-15T10:08Z", "2026-01-15T10:09Z"]),
        ("rate(5 minutes)", ["2026-01-15T10:12Z", "2026-01-15T10:17Z"]),
        ("rate(12 hours)", ["2026-01-15T22:07Z", "2026-01-16T10:07Z"]),
        ("rate(1 day)", ["2026-01-16T10:07Z", "2026-01-17T10:07Z"]),
    ],
)
def test_rate_counts_from_the_anchor(expression: str, expected: list[str]) -> None:
    assert firings(expression, 2) == expected


def test_rate_skips_what_was_missed_and_keeps_its_beat() -> None:
    schedule = parse_schedule("rate(5 minutes)")
    due_ms = schedule.next_after(START_MS + 17 * MINUTE_MS, anchor_ms=START_MS)
    assert due_ms == START_MS + 20 * MINUTE_MS


def test_a_rate_beyond_the_calendar_never_fires() -> None:
    assert firings("rate(999999999999999 days)", 1) == []


def test_a_month_without_the_day_of_a_weekday_rule_is_skipped() -> None:
    assert firings("cron(0 9 30W 2 ? *)", 1) == []


def test_wrapping_hours_are_tested_on_the_day_of_each_firing() -> None:
    moments = firings("cron(0 20-2 ? * MON-FRI *)", 40)
    assert "2026-01-19T00:00Z" in moments
    assert not any(moment.startswith("2026-01-17") for moment in moments)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted(CRON_CASES)),
    st.integers(min_value=START_MS, max_value=START_MS + 4 * 365 * 86_400_000),
)
def test_no_minute_between_two_firings_is_skipped(fields: str, moment_ms: int) -> None:
    schedule = parse_schedule(f"cron({fields})")
    assert isinstance(schedule, Cron)
    due_ms = schedule.next_after(moment_ms)
    if due_ms is None:
        return
    assert due_ms > moment_ms
    assert due_ms % MINUTE_MS == 0
    for earlier_ms in {moment_ms, (moment_ms + due_ms) // 2, due_ms - 1}:
        assert schedule.next_after(earlier_ms) == due_ms
