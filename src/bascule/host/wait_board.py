"""Who waits for which signal.

A signal may fire between the commit of the operation that found nothing and the moment its request starts to wait. So a
request notes the board's ``serial`` before it runs; a signal that fired after that serial ends the wait at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from bascule.kernel.clock import Clock

#: Fired signals remembered. count; beyond it the oldest half is forgotten and early waiters look again once.
FIRED_MAX = 20_000
#: A wait is cut short after this long: signals are hints, looking again is truth. milliseconds
LOOK_AGAIN_MS = 2_000


class WaitBoard:
    """Waits of the event loop's tasks. Used on the loop's thread only."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: dict[str, set[asyncio.Future[None]]] = {}
        self._fired: dict[str, int] = {}
        self._forgotten_before = 0
        self.serial = 0
        #: Tasks inside ``wait``, woken or not, and until when those wait that shall be given their time.
        self._inside_count = 0
        self._until: dict[asyncio.Future[None], int] = {}
        clock.on_change(self.wake_all)

    def fire(self, signals: Iterable[str]) -> None:
        """Wake everybody who waits for one of ``signals``."""
        self.serial += 1
        for signal in signals:
            self._fired.pop(signal, None)
            self._fired[signal] = self.serial
            for waiter in self._waiting.pop(signal, ()):
                if not waiter.done():
                    waiter.set_result(None)
        if len(self._fired) > FIRED_MAX:
            for signal in list(self._fired)[: FIRED_MAX // 2]:
                self._forgotten_before = self._fired.pop(signal)

    def wake_all(self) -> None:
        """Wake every waiter, because time jumped or the server stops."""
        for waiters in self._waiting.values():
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)
        self._waiting.clear()

    @property
    def waiter_count(self) -> int:
        """How many tasks wait now."""
        return sum(len(waiters) for waiters in self._waiting.values())

    def next_due_ms(self) -> int | None:
        """The earliest end of a wait; None when nobody waits for a time."""
        return min(self._until.values(), default=None)

    @property
    def is_idle(self) -> bool:
        """False while somebody who was woken has not yet gone on."""
        return self._inside_count == self.waiter_count

    def _has_fired(self, signal: str, since_serial: int) -> bool:
        return self._fired.get(signal, 0) > since_serial or since_serial < self._forgotten_before

    async def wait(self, signal: str, *, until_ms: int, since_serial: int, is_timed: bool = True) -> None:
        """Return when ``signal`` has fired after ``since_serial``, when ``until_ms`` has come, or a little earlier.

        Takes    is_timed: whether simulated time stops at ``until_ms``, so that the wait ends then and not later.
        """
        if self._has_fired(signal, since_serial):
            return
        seconds = self._clock.real_seconds_until(min(until_ms, self._clock.now_ms() + LOOK_AGAIN_MS))
        if seconds is not None and seconds <= 0:
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiters = self._waiting.setdefault(signal, set())
        waiters.add(waiter)
        self._inside_count += 1
        if is_timed:
            self._until[waiter] = until_ms
        try:
            await asyncio.wait((waiter,), timeout=seconds)
        finally:
            self._inside_count -= 1
            self._until.pop(waiter, None)
            waiters.discard(waiter)
            if not waiters and self._waiting.get(signal) is waiters:
                del self._waiting[signal]
