"""When the system is quiet, and how time moves through it.

Quiet means: nothing is due at the clock's present moment, and nothing runs. Whoever waits for time or does work by itself is
a ``Part`` here: loops, pollers, waiting requests. Time is moved from one due moment to the next and the system settles at
each, so what is due on the way happens on the way; while a function really runs, time waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from bascule.kernel.clock import Clock
from bascule.kernel.store import StoreBusy

#: Looks at a busy system that follow one another as fast as the writer is through, because most work is a commit. count
EAGER_LOOKS_MAX = 30
#: Pause between looks after that: something really runs. seconds
PAUSE_S = 0.003
#: What is still busy when nothing is, and yet time has not come to where it should.
MORE_TO_PASS = "time: more was due on the way than could be passed so quickly"


class Part(Protocol):
    """Something that waits for its time or works by itself."""

    def next_due_ms(self) -> int | None:
        """The earliest moment it waits for; None when it waits for none."""

    @property
    def is_idle(self) -> bool:
        """False while it does something; what waits for its time does not count."""


class Worker:
    """A part that works by itself and never waits for a time."""

    def __init__(self, is_idle: Callable[[], bool]) -> None:
        self._is_idle = is_idle

    def next_due_ms(self) -> int | None:
        return None

    @property
    def is_idle(self) -> bool:
        return self._is_idle()


class VirtualTime:
    """Knows all parts. Use from the event loop."""

    def __init__(self, clock: Clock, flush: Callable[[], Awaitable[object]]) -> None:
        """``flush`` returns when everything written so far is committed and its signals have been given."""
        self._clock = clock
        self._flush = flush
        self._parts: dict[str, Part] = {}

    def add(self, name: str, part: Part) -> None:
        """Have ``part`` counted; ``name`` is what people are told while it is busy."""
        assert name not in self._parts, f"{name} is declared twice"
        self._parts[name] = part

    def next_due_ms(self) -> int | None:
        """The earliest moment for which some part waits; None when nothing waits for its time."""
        return min((due for part in self._parts.values() if (due := part.next_due_ms()) is not None), default=None)

    def busy(self) -> list[str]:
        """The parts that do something, or have something to do at the present moment; empty when the system is quiet."""
        now_ms = self._clock.now_ms()
        return [
            name
            for name, part in self._parts.items()
            if not part.is_idle or ((due_ms := part.next_due_ms()) is not None and due_ms <= now_ms)
        ]

    async def settle(self, timeout_s: float | None = None) -> list[str]:
        """Wait until the system is quiet.

        Takes    timeout_s of real time; None waits without end.
        Gives    nothing when it is quiet, otherwise what is still busy.
        """
        loop = asyncio.get_running_loop()
        deadline_s = None if timeout_s is None else loop.time() + timeout_s
        look_count = 0
        while True:
            busy = self.busy()
            if busy and deadline_s is not None and loop.time() >= deadline_s:
                return busy
            if busy and look_count >= EAGER_LOOKS_MAX:
                await asyncio.sleep(PAUSE_S)
                continue
            look_count += 1
            # Signals of commits that nobody has heard of yet may make a quiet part busy again.
            is_flushed = await self._is_flushed()
            if is_flushed and not busy and not self.busy():
                return []

    async def _is_flushed(self) -> bool:
        try:
            await self._flush()
        except StoreBusy:
            await asyncio.sleep(PAUSE_S)
            return False
        return True

    async def advance_to(
        self, until_ms: int, jump_to: Callable[[int], int], timeout_s: float | None = None
    ) -> list[str]:
        """Move time to ``until_ms``, stopping and settling at every due moment on the way, in order.

        Takes    timeout_s of real time for the whole way; None waits without end.
        Gives    nothing when it got there and the system is quiet, otherwise what was still busy where it stopped.
        """
        loop = asyncio.get_running_loop()
        deadline_s = None if timeout_s is None else loop.time() + timeout_s
        while True:
            busy = await self.settle(None if deadline_s is None else max(0.0, deadline_s - loop.time()))
            if busy:
                return busy
            if self._clock.now_ms() >= until_ms:
                return []
            if deadline_s is not None and loop.time() >= deadline_s:
                return [MORE_TO_PASS]
            due_ms = self.next_due_ms()
            jump_to(until_ms if due_ms is None else min(due_ms, until_ms))
