"""The retry schedule: its slots, its limits, and what chance may do to it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bascule.delivery.retry_schedule import Exhausted, is_too_old, next_try_ms, slot_ms, slot_start_ms
from bascule.kernel.delivery import RetryPolicy

HOUR_MS = 3_600_000


def test_slots_double_from_one_second_and_stop_at_eight_minutes() -> None:
    assert [slot_ms(retry) // 1000 for retry in range(12)] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 480, 480, 480]


def test_each_slot_begins_where_the_one_before_it_ends() -> None:
    assert slot_start_ms(0) == 0
    for retry in range(200):
        assert slot_start_ms(retry + 1) == slot_start_ms(retry) + slot_ms(retry)


def test_the_185th_retry_falls_into_the_last_half_hour_of_a_day() -> None:
    assert 23.4 * HOUR_MS < slot_start_ms(184) < slot_start_ms(184) + slot_ms(184) < 24 * HOUR_MS


def test_no_retry_is_left_after_the_last_one() -> None:
    policy = RetryPolicy(retries_max=2)
    assert next_try_ms(policy, created_ms=0, now_ms=0, retry_count=1, chance=0.5) == 2_000
    assert next_try_ms(policy, created_ms=0, now_ms=0, retry_count=2, chance=0.5) is Exhausted.RETRIES


def test_zero_retries_mean_one_try() -> None:
    assert next_try_ms(RetryPolicy(retries_max=0), created_ms=0, now_ms=0, retry_count=0, chance=0) is Exhausted.RETRIES


def test_a_delivery_that_is_too_old_is_not_tried_again() -> None:
    policy = RetryPolicy(age_max_ms=60_000)
    assert next_try_ms(policy, created_ms=0, now_ms=60_000, retry_count=3, chance=0) is Exhausted.AGE


def test_a_retry_that_would_come_too_late_waits_for_the_end_of_the_age_instead() -> None:
    policy = RetryPolicy(age_max_ms=60_000)
    due_ms = next_try_ms(policy, created_ms=0, now_ms=59_000, retry_count=7, chance=0.9)
    assert due_ms == 60_000
    assert is_too_old(policy, created_ms=0, now_ms=60_000)


def test_slots_missed_during_a_pause_are_not_made_up_for_in_a_burst() -> None:
    due_ms = next_try_ms(RetryPolicy(), created_ms=0, now_ms=10 * HOUR_MS, retry_count=3, chance=0.5)
    assert due_ms == 10 * HOUR_MS + 4_000


@given(
    retry_count=st.integers(0, 184),
    waited_ms=st.integers(0, 86_399_999),
    chance=st.floats(0, 1, exclude_max=True),
)
def test_a_retry_is_never_in_the_past_and_never_after_the_age_limit(
    retry_count: int, waited_ms: int, chance: float
) -> None:
    due_ms = next_try_ms(RetryPolicy(), created_ms=5, now_ms=5 + waited_ms, retry_count=retry_count, chance=chance)
    assert not isinstance(due_ms, Exhausted)
    assert 5 + waited_ms <= due_ms <= 5 + 86_400_000
