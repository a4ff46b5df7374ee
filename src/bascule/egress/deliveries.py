"""Carries out HTTP deliveries: from durable queues to end points and back.

What all pollers do is in ``host/poller``. Here: a request is leased, made once, and settled in one transaction with everything
that follows from the answer. Each queue has a lane of its own, so a slow end point delays nobody. Only the time that an end
point takes to answer is real.
"""

from __future__ import annotations

import logging
from functools import partial

from bascule.egress.client import HttpClient
from bascule.egress.lane import Lane
from bascule.egress.source import Source
from bascule.host.async_store import AsyncStore
from bascule.host.contexts import Contexts
from bascule.host.poller import Poller
from bascule.kernel.scope import Scope
from bascule.services.sns.http_work import HttpWork

log = logging.getLogger("bascule.egress")

SIGNAL = "queue:"
#: Attempts of all lanes at once; beyond it every lane may still have one. count
ATTEMPTS_MAX = 256


class HttpDeliveries(Poller[Lane]):
    """The poller of all HTTP queues; lanes are known by the queue's name. See ``Poller``.

    Promise  at-least-once: an attempt whose outcome was not written is made again.
    """

    poll_ms = 5_000
    polls_per_scan = 1
    step_failed = "a step of an HTTP delivery failed; its lease ends and it is made again"
    lane_stuck = "requests of %s could not be looked after; tried again soon"
    closed_first = "the store was closed first; requests under way are made again after the next start"

    def __init__(self, store: AsyncStore, contexts: Contexts, source: Source, client: HttpClient) -> None:
        super().__init__(store, contexts, log)
        self._source = source
        self._client = client
        self._attempt_count = 0

    # -- finding work ------------------------------------------------------------------------------------------------

    async def _recover(self) -> None:
        """Requests that an earlier process had leased are due at once: its leases mean nothing."""
        now_ms = self._clock.now_ms()
        for queue in self._store.read(self._source.queues):
            taken = await self._write(partial(self._source.take_back, queue=queue, now_ms=now_ms))
            if taken:
                log.info("%d requests of %s were being made when the server stopped and are made again", taken, queue)

    def _scan(self) -> None:
        for queue in self._store.read(self._source.queues):
            if queue not in self._lanes:
                self._pump(self._lane(queue))

    def _heard(self, signals: frozenset[str]) -> None:
        prefix = SIGNAL + self._source.prefix
        for signal in signals:
            if signal.startswith(prefix):
                self._pump_stale(self._lane(signal.removeprefix(SIGNAL)))

    def _lane(self, queue: str) -> Lane:
        return self._lanes.setdefault(queue, Lane(queue))

    # -- one lane ----------------------------------------------------------------------------------------------------

    def _advance(self, lane: Lane) -> None:
        if lane.is_leasing:
            return
        if lane.is_stale and not self._look(lane):
            return
        now_ms = self._clock.now_ms()
        due_ms = lane.next_due_ms()
        if due_ms is None or due_ms > now_ms:
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
        lane.due_ms = None
        if not lane.is_busy and self._lanes.get(lane.queue) is lane:
            del self._lanes[lane.queue]

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
        self._pump_stale(lane)

    async def _give_up(self) -> None:
        await self._client.close()
        held = [work for lane in self._lanes.values() for work in lane.held.values()]
        if held:
            await self._write(lambda tx: self._source.give_back(tx, held, now_ms=self._clock.now_ms()))
