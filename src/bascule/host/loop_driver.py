"""Drives the background loops: asks the loop host what is due, runs each tick as one write command, sleeps until the next.

Ticks that are due together are handed to the writer together and in order: every tick is bounded, the writer runs them one
after the other anyway, and so they share a commit.
"""

from __future__ import annotations

import asyncio
import logging

from bascule.host.alarm import Alarm
from bascule.host.async_store import AsyncStore
from bascule.host.contexts import Contexts
from bascule.kernel.loop import Loop, LoopHost
from bascule.kernel.scope import Scope
from bascule.kernel.store import StoreBusy, StoreClosed

log = logging.getLogger("bascule.loop")


class LoopDriver:
    """Runs the ticks of a ``LoopHost`` against a store."""

    def __init__(self, loops: tuple[Loop, ...], store: AsyncStore, contexts: Contexts) -> None:
        self._store = store
        self._contexts = contexts
        self._clock = contexts.clock
        self.host = LoopHost(loops, now_ms=self._clock.now_ms())
        self._alarm = Alarm(self._clock)
        #: True while no tick runs; with the next due time it tells whether the system is quiet.
        self.is_idle = True

    def signalled(self, signals: frozenset[str]) -> None:
        """Make the loops that listen to ``signals`` due and wake the driver. On the loop's thread."""
        self.host.signalled(signals, now_ms=self._clock.now_ms())
        self._alarm.ring()

    def next_due_ms(self) -> int | None:
        """The earliest moment that a tick asked for; polls are not among them."""
        return self.host.next_wanted_ms()

    async def run(self) -> None:
        """Run until cancelled, or until the store is closed."""
        self._alarm.follow_time()
        while True:
            self._alarm.silence()
            due = self.host.due(self._clock.now_ms())
            if due:
                self.is_idle = False
                await asyncio.gather(*[self._tick(loop) for loop in due])
                self.is_idle = True
                continue
            await self._alarm.sleep(self.host.next_due_ms())

    async def _tick(self, loop: Loop) -> None:
        ctx = self._contexts.make(Scope())
        self.host.begin(loop)
        try:
            next_due_ms = await self._store.write(lambda tx: loop.tick(ctx, tx))
        except StoreClosed:
            raise asyncio.CancelledError from None
        except StoreBusy:
            self.host.ran(loop, None, now_ms=self._clock.now_ms())
        except Exception as error:  # noqa: BLE001 - the top of the loop: one crashing loop must not stop the others
            self._contexts.metrics.count("loop.crashes", loop.name)
            self.host.crashed(loop, error, now_ms=self._clock.now_ms())
        else:
            self.host.ran(loop, next_due_ms, now_ms=self._clock.now_ms())
