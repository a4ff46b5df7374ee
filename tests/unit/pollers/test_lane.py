"""How wide a function's lane becomes: as wide as helps, and no wider."""

from __future__ import annotations

from bascule.kernel.scope import Scope
from bascule.pollers.lane import WIDTH_MIN, Lane
from bascule.services.lambda_.async_work import AsyncFunction

LOOK_S = 0.02
WIDTH_MAX = 200


def _lane() -> Lane:
    return Lane(AsyncFunction(scope=Scope("000000000000", "us-east-1"), name="orders", uuid="u"))


def _after(lane: Lane, looks: int, *, ended: int, run_s: float = 0.002) -> int:
    """The width after work has waited at so many looks, between which so many runs end."""
    for look in range(1, looks + 1):
        for _ in range(ended):
            lane.ran(run_s, is_cold=False)
        lane.widen(1.0 + look * LOOK_S, WIDTH_MAX)
    return lane.width


def test_a_function_that_does_not_end_gets_every_environment_within_about_a_quarter_of_a_second() -> None:
    assert _after(_lane(), 13, ended=0) == WIDTH_MAX


def test_quick_runs_that_end_no_faster_in_more_environments_keep_the_lane_narrow() -> None:
    assert _after(_lane(), 100, ended=10) <= WIDTH_MIN + WIDTH_MIN // 2


def test_runs_that_wait_for_something_end_faster_in_a_wider_lane_and_widen_it_further() -> None:
    lane = _lane()
    for look in range(1, 40):
        for _ in range(lane.width):
            lane.ran(LOOK_S, is_cold=False)
        lane.widen(1.0 + look * LOOK_S, WIDTH_MAX)
    assert lane.width == WIDTH_MAX


def test_a_machine_that_stood_still_for_a_moment_does_not_widen_the_lane_of_quick_runs() -> None:
    lane = _lane()
    width = _after(lane, 5, ended=10)
    lane.widen(3.0, WIDTH_MAX)
    assert lane.width == width


def test_a_run_that_started_a_process_says_nothing_about_how_long_runs_are() -> None:
    lane = _lane()
    lane.ran(0.5, is_cold=True)
    lane.ran(0.002, is_cold=False)
    lane.running_count = WIDTH_MIN
    assert lane.lease_count(100) > 1


def test_the_next_burst_starts_narrow() -> None:
    lane = _lane()
    _after(lane, 12, ended=0)
    lane.narrow()
    assert lane.width == WIDTH_MIN
