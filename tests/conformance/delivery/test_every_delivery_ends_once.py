"""The promise of the delivery engine, for any behaviour of targets: accepted, dead letter or lost, exactly one of them.

Time is simulated and driven by the loop host, as in production.
"""

from __future__ import annotations

import time

from hypothesis import given, settings
from hypothesis import strategies as st

from bascule.journal import notes_of
from bascule.kernel.delivery import Refused, RetryPolicy
from tests.unit.delivery.platform import DLQ, WORK, Answer, Platform

DAY_MS = 86_400_000
ANSWERS: list[Answer] = [
    None,
    Refused("THROTTLING", "Rate exceeded", is_retryable=True),
    Refused("CONNECTION_FAILURE", "gone", is_retryable=True),
    Refused("NO_PERMISSIONS", "no"),
]
BUSY = ANSWERS[1]

scripts = st.lists(st.sampled_from(ANSWERS), max_size=8)


@settings(max_examples=30, deadline=None)
@given(
    work=scripts,
    letters=scripts,
    retries_max=st.integers(0, 6),
    age_max_ms=st.integers(60_000, 600_000),
    has_dlq=st.booleans(),
    count=st.integers(1, 4),
    restarts=st.lists(st.integers(0, 60_000), max_size=2),
)
def test_every_delivery_ends_in_exactly_one_of_accepted_dead_letter_and_lost(
    work: list[Answer],
    letters: list[Answer],
    retries_max: int,
    age_max_ms: int,
    has_dlq: bool,
    count: int,
    restarts: list[int],
) -> None:
    platform = Platform()
    platform.work.script, platform.letters.script = list(work), list(letters)
    event = platform.put_event(
        *[WORK] * count,
        retry=RetryPolicy(retries_max, age_max_ms),
        dead_letter_arn=DLQ if has_dlq else None,
    )
    for pause_ms in restarts:
        platform.run(pause_ms)
        platform.restart()
    platform.run(1_500_000)
    accepted, dead = len(platform.taken()), len(platform.taken("dlq"))
    notes = platform.read(lambda tx: notes_of(tx, event))
    kinds = [note.kind for note in notes]
    assert (kinds.count("accepted"), kinds.count("dead-letter")) == (accepted, dead)
    assert accepted + dead + kinds.count("lost") == count
    assert platform.waiting_count() == 0
    if not has_dlq:
        assert dead == 0
    platform.close()


def test_185_retries_over_a_day_pass_in_under_a_second_of_real_time() -> None:
    platform = Platform()
    platform.work.then = BUSY
    event = platform.put_event(WORK, dead_letter_arn=DLQ)
    began_ms, began = platform.clock.now_ms(), time.process_time()
    platform.run(DAY_MS)
    took_s = time.process_time() - began  # the machine may be busy with other tests
    (letter,) = platform.letters.seen
    assert len(platform.work.tried_ms) == 186
    assert letter.attributes["RETRY_ATTEMPTS"] == ("String", "185")
    assert letter.attributes["EXHAUSTED_RETRY_CONDITION"] == ("String", "MaximumRetryAttempts")
    assert 23 < (letter.created_ms - began_ms) / 3_600_000 < 24
    pauses_ms = [
        after - before for before, after in zip(platform.work.tried_ms, platform.work.tried_ms[1:], strict=False)
    ]
    assert max(pauses_ms) <= 2 * 480_000
    assert [note.kind for note in platform.read(lambda tx: notes_of(tx, event))].count("retry") == 185
    assert took_s < 1.0
    platform.close()


def test_one_failing_target_never_delays_another() -> None:
    platform = Platform()
    other = "arn:aws:letters:us-east-1:000000000000:fine"
    platform.work.then = BUSY
    platform.put_event(WORK, other, WORK, other)
    assert len(platform.taken("fine")) == 2
    assert platform.waiting_count() == 2
    platform.close()
