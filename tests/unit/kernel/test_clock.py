"""Clocks: time moves only forward, and listeners hear of every move."""

from __future__ import annotations

import pytest

from bascule.kernel import clock
from bascule.kernel.clock import RealClock, SimulatedClock


def test_simulated_time_stands_still_until_it_is_moved() -> None:
    simulated = SimulatedClock(1000)
    assert simulated.now_ms() == simulated.now_ms() == 1000
    assert simulated.advance(50) == 1050
    assert simulated.jump_to(2000) == 2000
    assert simulated.monotonic_ns() == 2_000_000_000


def test_simulated_time_never_goes_back() -> None:
    simulated = SimulatedClock(1000)
    assert simulated.jump_to(500) == 1000
    with pytest.raises(ValueError, match="backwards"):
        simulated.advance(-1)


def test_listeners_hear_of_every_move_and_of_nothing_else() -> None:
    simulated = SimulatedClock(1000)
    heard: list[int] = []
    simulated.on_change(lambda: heard.append(simulated.now_ms()))
    simulated.advance(5)
    simulated.jump_to(900)
    simulated.jump_to(1010)
    assert heard == [1005, 1010]


def test_a_due_moment_of_simulated_time_has_come_or_only_a_move_tells() -> None:
    simulated = SimulatedClock(1000)
    assert simulated.real_seconds_until(1000) == 0.0
    assert simulated.real_seconds_until(1001) is None


def test_the_real_clock_holds_when_the_wall_clock_is_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    readings = iter([5_000_000_000, 3_000_000_000, 6_000_000_000])
    monkeypatch.setattr(clock.time, "time_ns", lambda: next(readings))
    real = RealClock()
    assert [real.now_ms() for _ in range(3)] == [5000, 5000, 6000]


def test_the_real_clock_tells_how_long_to_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock.time, "time_ns", lambda: 5_000_000_000)
    real = RealClock()
    real.on_change(lambda: None)
    assert real.real_seconds_until(6500) == 1.5
    assert real.real_seconds_until(1) == 0.0
    assert real.monotonic_ns() <= real.monotonic_ns()
