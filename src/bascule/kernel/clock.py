"""Time as an input.

All wall time is an integer of milliseconds since 1970 UTC (``_ms``); all durations that are measured are monotonic
nanoseconds (``_ns``). Production makes one ``RealClock`` in ``bascule.app``; tests make a ``SimulatedClock`` and decide
what time it is; a server with ``--test`` has a ``SteerableClock``, which goes at the pace of another clock until it is told
otherwise. ``on_change`` lets the loop host wake sleepers when time jumps.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol


class Clock(Protocol):
    """Where every component reads the time."""

    def now_ms(self) -> int:
        """Wall time, integer milliseconds since 1970-01-01T00:00:00Z."""

    def monotonic_ns(self) -> int:
        """A monotonic counter in nanoseconds, for measuring durations only."""

    def real_seconds_until(self, due_ms: int) -> float | None:
        """Real seconds to sleep before ``due_ms`` may have come; 0.0 when it has; None when only ``on_change`` tells."""

    def on_change(self, wake: Callable[[], None]) -> None:
        """Call ``wake`` whenever time jumps or its pace changes."""


class RealClock:
    """The machine's clock. Never steps back: a wall clock set back is held until real time has caught up."""

    def __init__(self) -> None:
        self._last_ms = 0

    def now_ms(self) -> int:
        now_ms = time.time_ns() // 1_000_000
        if now_ms < self._last_ms:
            return self._last_ms
        self._last_ms = now_ms
        return now_ms

    def monotonic_ns(self) -> int:
        return time.monotonic_ns()

    def real_seconds_until(self, due_ms: int) -> float | None:
        return max(0.0, (due_ms - self.now_ms()) / 1000)

    def on_change(self, wake: Callable[[], None]) -> None:
        """Real time never jumps, so there is nothing to call."""


class SimulatedClock:
    """A clock that moves only when told: ``advance`` by a duration or ``jump_to`` a moment.

    Promise  time never goes backwards; every listener is called after each move.
    """

    def __init__(self, start_ms: int = 1_700_000_000_000) -> None:
        self._now_ms = start_ms
        self._listeners: list[Callable[[], None]] = []

    def now_ms(self) -> int:
        return self._now_ms

    def monotonic_ns(self) -> int:
        return self._now_ms * 1_000_000

    def real_seconds_until(self, due_ms: int) -> float | None:
        return 0.0 if due_ms <= self._now_ms else None

    def on_change(self, wake: Callable[[], None]) -> None:
        self._listeners.append(wake)

    def advance(self, duration_ms: int) -> int:
        """Move time forward by ``duration_ms`` (>= 0); gives the new time."""
        if duration_ms < 0:
            raise ValueError("time cannot go backwards")
        return self.jump_to(self._now_ms + duration_ms)

    def jump_to(self, moment_ms: int) -> int:
        """Move time forward to ``moment_ms``; a moment in the past changes nothing; gives the new time."""
        if moment_ms > self._now_ms:
            self._now_ms = moment_ms
            for wake in self._listeners:
                wake()
        return self._now_ms


class SteerableClock:
    """A clock at the pace of another one that can be frozen, moved forward and let go again.

    Promise  time never goes backwards; every listener is called after each jump and each change of pace, on the thread
             that steers. Durations (``monotonic_ns``) are always real.
    """

    def __init__(self, pace: Clock) -> None:
        self._pace = pace
        self._ahead_ms = 0
        self._frozen_ms: int | None = None
        self._listeners: list[Callable[[], None]] = []

    @property
    def ahead_ms(self) -> int:
        """How far this clock is ahead of its pace; negative once it has been frozen for a while."""
        return self.now_ms() - self._pace.now_ms()

    def restore(self, *, ahead_ms: int, frozen_ms: int | None) -> None:
        """Take up where the clock of an earlier process was left, before anybody has read this one."""
        self._ahead_ms = ahead_ms
        self._frozen_ms = frozen_ms

    @property
    def is_frozen(self) -> bool:
        """Whether time stands still until it is moved."""
        return self._frozen_ms is not None

    def now_ms(self) -> int:
        frozen_ms = self._frozen_ms
        return self._pace.now_ms() + self._ahead_ms if frozen_ms is None else frozen_ms

    def monotonic_ns(self) -> int:
        return self._pace.monotonic_ns()

    def real_seconds_until(self, due_ms: int) -> float | None:
        if due_ms <= self.now_ms():
            return 0.0
        return None if self.is_frozen else self._pace.real_seconds_until(due_ms - self._ahead_ms)

    def on_change(self, wake: Callable[[], None]) -> None:
        self._listeners.append(wake)
        self._pace.on_change(wake)

    def freeze(self) -> None:
        """Let time stand still at this moment; twice is fine."""
        self._frozen_ms = self.now_ms()
        self._changed()

    def resume(self) -> None:
        """Let time go on from where it stands; twice is fine."""
        if self._frozen_ms is not None:
            self._ahead_ms = self._frozen_ms - self._pace.now_ms()
            self._frozen_ms = None
            self._changed()

    def jump_to(self, moment_ms: int) -> int:
        """Move time forward to ``moment_ms``, frozen or not; a moment in the past changes nothing; gives the new time."""
        missing_ms = moment_ms - self.now_ms()
        if missing_ms > 0:
            if self._frozen_ms is None:
                self._ahead_ms += missing_ms
            else:
                self._frozen_ms = moment_ms
            self._changed()
        return self.now_ms()

    def _changed(self) -> None:
        for wake in self._listeners:
            wake()
