"""The clock of a server with ``--test``."""

from __future__ import annotations

from bascule.kernel.clock import SimulatedClock, SteerableClock

START_MS = 1_000_000


def _clocks() -> tuple[SimulatedClock, SteerableClock]:
    pace = SimulatedClock(START_MS)
    return pace, SteerableClock(pace)


def test_left_alone_it_goes_with_its_pace() -> None:
    pace, clock = _clocks()
    pace.advance(1_500)
    assert clock.now_ms() == START_MS + 1_500
    assert clock.ahead_ms == 0
    assert clock.monotonic_ns() == pace.monotonic_ns()


def test_a_jump_is_kept_while_time_goes_on() -> None:
    pace, clock = _clocks()
    assert clock.jump_to(START_MS + 60_000) == START_MS + 60_000
    pace.advance(10)
    assert clock.now_ms() == START_MS + 60_010
    assert clock.ahead_ms == 60_000


def test_frozen_time_stands_still_and_moves_only_by_jumps() -> None:
    pace, clock = _clocks()
    clock.freeze()
    clock.freeze()
    pace.advance(5_000)
    assert clock.now_ms() == START_MS
    clock.jump_to(START_MS + 7)
    assert (clock.now_ms(), clock.is_frozen) == (START_MS + 7, True)


def test_resumed_time_goes_on_from_where_it_stood() -> None:
    pace, clock = _clocks()
    clock.freeze()
    pace.advance(5_000)
    clock.resume()
    clock.resume()
    assert clock.now_ms() == START_MS
    pace.advance(3)
    assert (clock.now_ms(), clock.is_frozen) == (START_MS + 3, False)


def test_time_never_goes_backwards() -> None:
    _, clock = _clocks()
    assert clock.jump_to(START_MS - 1) == START_MS
    clock.freeze()
    assert clock.jump_to(START_MS - 1) == START_MS


def test_sleepers_are_told_real_seconds_or_to_wait_for_a_change() -> None:
    pace, clock = _clocks()
    clock.jump_to(START_MS + 60_000)
    assert clock.real_seconds_until(START_MS + 60_000) == 0.0
    assert clock.real_seconds_until(START_MS + 61_000) is None, "a simulated pace tells nothing"
    clock.freeze()
    pace.advance(100_000)
    assert clock.real_seconds_until(START_MS + 60_000) == 0.0
    assert clock.real_seconds_until(START_MS + 61_000) is None


def test_the_seconds_to_sleep_are_those_of_the_pace() -> None:
    class Pace(SimulatedClock):
        def real_seconds_until(self, due_ms: int) -> float:
            return (due_ms - self.now_ms()) / 1000

    clock = SteerableClock(Pace(START_MS))
    clock.jump_to(START_MS + 60_000)
    assert clock.real_seconds_until(START_MS + 61_500) == 1.5


def test_every_change_wakes_sleepers() -> None:
    pace, clock = _clocks()
    woken: list[str] = []
    clock.on_change(lambda: woken.append("wake"))
    clock.freeze()
    clock.jump_to(START_MS + 1)
    clock.jump_to(START_MS + 1)
    clock.resume()
    assert len(woken) == 3
    pace.advance(1)
    assert len(woken) == 4


def test_a_clock_takes_up_where_an_earlier_one_was_left() -> None:
    _, clock = _clocks()
    clock.restore(ahead_ms=5_000, frozen_ms=None)
    assert (clock.now_ms(), clock.ahead_ms, clock.is_frozen) == (START_MS + 5_000, 5_000, False)
    clock.restore(ahead_ms=0, frozen_ms=START_MS - 7)
    assert (clock.now_ms(), clock.ahead_ms, clock.is_frozen) == (START_MS - 7, -7, True)
