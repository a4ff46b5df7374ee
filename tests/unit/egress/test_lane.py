"""How much a lane may start: its width, the room that is left, its rate."""

from __future__ import annotations

from bascule.egress.lane import WIDTH, Lane


def lane(*, per_second_max: int = 0, held: int = 0) -> Lane:
    made = Lane("egress/x")
    made.per_second_max = per_second_max
    made.held = dict.fromkeys(range(held))
    return made


def test_a_lane_is_as_wide_as_it_may_be_and_no_wider() -> None:
    assert lane().lease_count(0, 100) == WIDTH
    assert lane(held=WIDTH - 1).lease_count(0, 100) == 1
    assert lane(held=WIDTH).lease_count(0, 100) == 0


def test_a_lane_that_runs_nothing_may_always_start_one() -> None:
    assert lane().lease_count(0, 0) == 1
    assert lane().lease_count(0, -3) == 1
    assert lane(held=1).lease_count(0, 0) == 0


def test_a_rate_holds_over_any_second() -> None:
    made = lane(per_second_max=2)
    assert made.lease_count(1_000, 100) == 2
    made.started(1_000)
    made.started(1_400)
    made.due_ms = 0
    assert made.lease_count(1_500, 100) == 0
    assert made.next_due_ms() == 2_000
    assert made.lease_count(2_000, 100) == 1
    made.started(2_000)
    assert made.next_due_ms() == 2_400


def test_without_a_rate_the_queue_alone_decides_when_it_is_due() -> None:
    made = lane()
    made.started(5)
    made.due_ms = 7
    assert made.next_due_ms() == 7
    made.due_ms = None
    assert made.next_due_ms() is None
