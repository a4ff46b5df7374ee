"""When a refused delivery is tried again. Pure arithmetic; chance comes in as an argument.

AWS publishes the ends of the schedule ("for 24 hours and up to 185 times", back-off with jitter) and not the steps between.
Ours has slots of 1, 2, 4 ... 256 seconds and then of 8 minutes; retry ``n`` falls on a random moment of slot ``n`` (full
jitter within the slot). Slots are laid out from the moment the delivery was made, so chance never adds up: the 185th retry
is always between 23 h 28 min and 23 h 37 min after the first try, and which limit of a policy ends it is not left to luck.
After a pause of our own (a restart) slots that have passed are not made up for in a burst: waiting starts from now.
"""

from __future__ import annotations

from enum import StrEnum

from bascule.kernel.delivery import RetryPolicy

#: Length of the first slot. milliseconds; eventbridge.md 9.5
SLOT_FIRST_MS = 1_000
#: Length at which slots stop doubling. milliseconds; eventbridge.md 9.5
SLOT_MAX_MS = 480_000
#: How many slots double: 1 s ... 256 s. count
_GROWING = 9


class Exhausted(StrEnum):
    """Which limit of a retry policy was reached; the value is EventBridge's EXHAUSTED_RETRY_CONDITION."""

    RETRIES = "MaximumRetryAttempts"
    AGE = "MaximumEventAgeInSeconds"


def slot_ms(retry: int) -> int:
    """Length of the slot that retry ``retry`` (0 is the first one) falls into."""
    return SLOT_FIRST_MS << retry if retry < _GROWING else SLOT_MAX_MS


def slot_start_ms(retry: int) -> int:
    """Where the slot of retry ``retry`` begins, counted from the making of the delivery."""
    growing = (SLOT_FIRST_MS << min(retry, _GROWING)) - SLOT_FIRST_MS
    return growing + max(0, retry - _GROWING) * SLOT_MAX_MS


def next_try_ms(
    policy: RetryPolicy, *, created_ms: int, now_ms: int, retry_count: int, chance: float
) -> int | Exhausted:
    """The moment of the next retry, or the limit that forbids one.

    Takes    retry_count: retries made so far (tries minus one); chance in [0, 1).
    Gives    a moment >= now_ms and never after the policy's age limit: at that very moment the delivery has expired, so
             whoever wakes then must look at ``is_too_old`` before it tries.
    Source   eventbridge.md 9.5: retries and age, whichever ends first.
    """
    if retry_count >= policy.retries_max:
        return Exhausted.RETRIES
    if is_too_old(policy, created_ms=created_ms, now_ms=now_ms):
        return Exhausted.AGE
    start_ms = max(created_ms + slot_start_ms(retry_count), now_ms)
    return min(start_ms + int(chance * slot_ms(retry_count)), created_ms + policy.age_max_ms)


def is_too_old(policy: RetryPolicy, *, created_ms: int, now_ms: int) -> bool:
    """True when the age limit has come."""
    return now_ms >= created_ms + policy.age_max_ms
