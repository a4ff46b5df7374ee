"""Carries out HTTP deliveries: from durable queues to end points and back.

Rules of the file. The queues are the truth: a request is leased, made once, and settled in one transaction with everything
that follows from the answer. Signals start a look into a queue at once; polling finds what a lost signal missed. Each queue
has a lane of its own, so a slow end point delays nobody. Waiting is measured by the clock of the server; only the time that
an end point takes to answer is real.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

from bascule.egress.client import HttpClient
from bascule.egress.lane import Lane
from bascule.egress.source import Source
from bascule.host.async_store import AsyncStore
from bascule.host.contexts import Contexts
from bascule.kernel.scope import Scope
from bascule.kernel.store import StoreBusy, StoreClosed, Tx
from bascule.services.sns.http_work import HttpWork

log = logging.getLogger("bascule.egress")

T = TypeVar("T")

SIGNAL = "queue:"
#: Lanes are looked at again this often without any signal. milliseconds
POLL_MS = 5_000
#: Attempts of all lanes at once; beyond it every lane may still have one. count
ATTEMPTS_MAX = 256
#: The store's inbox was full: the next try. seconds
BUSY_PAUSE_S = 0.02


class HttpDeliveries:
    """The poller of all HTTP queues. Use from one event loop.

    Promise  at-least-once: an attempt whose outcome was not written is made again.
    """

    def __init__(self, store: AsyncStore, contexts: Contexts, source: Source, client: HttpClient) -> None:
        self._store = store
        self._contexts = contexts
        self._clock = contexts.clock
        self._source = source
        self._client = client
        self._lanes: dict[str, Lane] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._attempt_count = 0
        self._is_running = False
        self._poll_ms = 0
        self._event = asyncio.Event()

    # -- what the composition root calls -----------------------------------------------------------------------------

    async def run(self) -> None:
        """Run until cancelled. Requests under way then are given back and made again after the next start."""
        loop = asyncio.get_running_loop()

        def time_moved() -> None:
            loop.call_soon_threadsafe(self._event.set)

        self._clock.on_change(time_moved)
        await self._recover()
        try:
            while True:
                self._event.clear()
                self._turn()
                await self._sleep()
        finally:
            self._is_running = False
            await self._stop()

    def wake(self, signals: frozenset[str]) -> None:
        """Hints that queues changed; on the event loop."""
        if not self._is_running:
            return
        prefix = SIGNAL + self._source.prefix
        for signal in signals:
            if signal.startswith(prefix):
                lane = self._lane(signal.removeprefix(SIGNAL))
                lane.is_stale = True
                self._pump(lane)

    def next_due_ms(self) -> int | None:
        """The earliest moment for which a request waits; None when none does."""
        return min((lane.due_ms for lane in self._lanes.values() if lane.due_ms is not None), default=None)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is leased or being sent. Requests that wait for their time do not count."""
        is_busy = self._event.is_set() or any(lane.is_busy or lane.is_stale for lane in self._lanes.values())
        return self._is_running and not is_busy

    # -- finding work ------------------------------------------------------------------------------------------------

    def _lane(self, queue: str) -> Lane:
        return self._lanes.setdefault(queue, Lane(queue))

    async def _recover(self) -> None:
        """Requests that an earlier process had leased are due at once: its leases mean nothing."""
        now_ms = self._clock.now_ms()
        for queue in self._store.read(self._source.queues):
            taken = await self._write(partial(self._source.take_back, queue=queue, now_ms=now_ms))
            if taken:
                log.info("%d requests of %s were being made when the server stopped and are made again", taken, queue)
        self._is_running = True
        self._poll(now_ms)

    def _poll(self, now_ms: int) -> None:
        self._poll_ms = now_ms + POLL_MS
        for queue in dict.fromkeys((*self._store.read(self._source.queues), *self._lanes)):
            lane = self._lane(queue)
            lane.is_stale = True
            self._pump(lane)

    def _turn(self) -> None:
        now_ms = self._clock.now_ms()
        for lane in list(self._lanes.values()):
            if lane.is_stale or (lane.due_ms is not None and lane.due_ms <= now_ms):
                self._pump(lane)
        if now_ms >= self._poll_ms:
            self._poll(now_ms)

    async def _sleep(self) -> None:
        now_ms = self._clock.now_ms()
        dues = [lane.due_ms for lane in self._lanes.values() if lane.due_ms is not None and lane.due_ms > now_ms]
        seconds = self._clock.real_seconds_until(min([self._poll_ms, *dues]))
        try:
            await asyncio.wait_for(self._event.wait(), timeout=seconds)
        except TimeoutError:
            return

    # -- one lane ----------------------------------------------------------------------------------------------------

    def _pump(self, lane: Lane) -> None:
        """Lease what may be sent now; safe to call at any time, costs little when idle."""
        if lane.is_leasing:
            return
        if lane.is_stale and not self._look(lane):
            return
        now_ms = self._clock.now_ms()
        if lane.due_ms is None or lane.due_ms > now_ms:
            return
        count = lane.lease_count(now_ms, ATTEMPTS_MAX - self._attempt_count)
        if count:
            lane.is_leasing = True
            self._spawn(self._lease(lane, count))

    def _look(self, lane: Lane) -> bool:
        """Read the state of the lane's queue; False when the queue is no more."""
        lane.is_stale = False
        seen = self._store.read(lambda tx: self._source.look(tx, lane.queue))
        if seen is None:
            self._forget(lane)
            return False
        lane.per_second_max = seen.per_second_max
        self._set_due(lane, seen.next_due_ms)
        return True

    def _forget(self, lane: Lane) -> None:
        lane.queue_due_ms = None
        if not lane.is_busy and self._lanes.get(lane.queue) is lane:
            del self._lanes[lane.queue]

    def _set_due(self, lane: Lane, due_ms: int | None) -> None:
        if due_ms is not None and (lane.queue_due_ms is None or due_ms < lane.queue_due_ms):
            self._event.set()
        lane.queue_due_ms = due_ms

    async def _lease(self, lane: Lane, count: int) -> None:
        ctx = self._contexts.make(Scope())
        try:
            leased = await self._write(lambda tx: self._source.lease(ctx, tx, lane.queue, count_max=count))
        finally:
            lane.is_leasing = False
        if leased is None:
            self._forget(lane)
            return
        lane.per_second_max = leased.seen.per_second_max
        self._set_due(lane, leased.seen.next_due_ms)
        for work in leased.work:
            lane.held[work.sequence] = work
            lane.started(ctx.now_ms)
            self._attempt_count += 1
            self._spawn(self._attempt(lane, work))
        self._pump(lane)

    async def _attempt(self, lane: Lane, work: HttpWork) -> None:
        try:
            answer = await self._client.post(work.request)
        finally:
            self._attempt_count -= 1
        ctx = self._contexts.make(Scope())
        await self._write(lambda tx: self._source.settle(ctx, tx, work, answer))
        lane.held.pop(work.sequence, None)
        lane.is_stale = True
        self._pump(lane)

    # -- writing and tasks -------------------------------------------------------------------------------------------

    async def _write(self, command: Callable[[Tx], T]) -> T:
        """Write, waiting out a full inbox."""
        while True:
            try:
                return await self._store.write(command)
            except StoreBusy:
                await asyncio.sleep(BUSY_PAUSE_S)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._reap)

    def _reap(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None and not isinstance(error, StoreClosed):
            log.error("a step of an HTTP delivery failed; its lease ends and it is made again", exc_info=error)

    async def _stop(self) -> None:
        """End what is under way and give it back."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._client.close()
        held = [work for lane in self._lanes.values() for work in lane.held.values()]
        if not held:
            return
        try:
            await self._write(lambda tx: self._source.give_back(tx, held, now_ms=self._clock.now_ms()))
        except StoreClosed:
            log.info("the store was closed first; requests under way are made again after the next start")
