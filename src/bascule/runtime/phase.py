"""A phase of a process (init or invocation) as a future with a deadline, settled once by whichever end comes first.

An end that comes between phases is kept and settles the next one at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from bascule.runtime.ports import Outcome


class Phase:
    """``on_deadline`` is called when a phase takes too long; ``before_end`` before any phase is settled."""

    def __init__(self, on_deadline: Callable[[], None], before_end: Callable[[], None]) -> None:
        self._on_deadline = on_deadline
        self._before_end = before_end
        self._loop = asyncio.get_running_loop()
        self._current: asyncio.Future[Outcome] | None = None
        self._early: Outcome | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_running(self) -> bool:
        """Whether somebody waits for an end."""
        return self._current is not None

    def begin(self, wait_s: float) -> asyncio.Future[Outcome]:
        """Start one; gives the future of its end."""
        assert self._current is None, "one phase at a time"
        current = self._current = self._loop.create_future()
        self._timer = self._loop.call_later(wait_s, self._on_deadline)
        if self._early is not None:
            self.settle(self._early)
        return current

    def settle(self, outcome: Outcome) -> None:
        """It ended."""
        current, self._current = self._current, None
        if current is None:
            self._early = outcome
            return
        if self._timer is not None:
            self._timer.cancel()
        self._before_end()
        if not current.done():
            current.set_result(outcome)
