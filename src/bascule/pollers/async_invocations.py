"""Carries out asynchronous invocations: from the durable queue of each function to the runtime and back.

Each function has a lane of its own, so a slow function delays nobody. What all pollers do is in ``host/poller``; here is what
an event goes through: leased without waiting for the sync, run, its outcome written (``async_settling``) or its lease given back.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from functools import partial

from bascule.host.async_store import AsyncStore
from bascule.host.contexts import Contexts
from bascule.kernel.invocation import InvocationResult, InvocationThrottled, RuntimeUnavailable
from bascule.kernel.store import Tx
from bascule.pollers.async_settling import Ended, Outcomes
from bascule.pollers.function_poller import FunctionPoller
from bascule.pollers.function_runner import FunctionRunner
from bascule.pollers.lane import Lane
from bascule.services.lambda_.async_work import (
    Leased,
    Work,
    aged_waiting,
    end_aged,
    every_function,
    extend_leases,
    give_back,
    has_aged,
    lease_work,
    leased_count,
    look,
    take_back_leases,
)

log = logging.getLogger("bascule.async_invocations")

QUEUE_SIGNAL = "queue:lambda/"
CHANGED_SIGNAL = "lambda.changed:"
#: While so many environments are being started, more would only make each of them slower: no lane is widened. count; ours
STARTS_MAX = 4
#: Leases that end sooner than this are extended. milliseconds
EXTEND_BEFORE_MS = 30_000


def _report_bug(lane: Lane, error: Exception) -> None:
    if not isinstance(error, InvocationThrottled | RuntimeUnavailable):
        log.error("an event of %s could not be run", lane.function.arn, exc_info=error)


class AsyncInvocations(FunctionPoller[Lane]):
    """The poller of all asynchronous queues; lanes are known by the function's uuid. See ``Poller``.

    Promise  at-least-once; an attempt is counted when its outcome is written, so a crash between costs no retry.
    """

    step_failed = "a step of asynchronous invocation failed; polling repeats it"
    lane_stuck = "events of %s could not be looked after; tried again soon"
    closed_first = "the store was closed first; events under way run again after the next start"

    def __init__(self, store: AsyncStore, contexts: Contexts, runtime: FunctionRunner) -> None:
        super().__init__(store, contexts, runtime, log)
        self._width_max = max(1, contexts.settings.environments_max)
        self._outcomes = Outcomes(contexts, self._write, self._pump)

    # -- finding work ------------------------------------------------------------------------------------------------

    async def _recover(self) -> None:
        """Events that an earlier process had leased are due at once: that process is gone, its leases mean nothing."""
        functions = self._store.read(every_function)
        now_ms = self._clock.now_ms()
        for function in functions:
            if not self._store.read(partial(leased_count, function=function, now_ms=now_ms)):
                continue
            taken = await self._write(partial(take_back_leases, function=function, now_ms=now_ms))
            log.info("%d events of %s were being run when the server stopped and run again", taken, function.arn)

    def _scan(self) -> None:
        functions = {function.uuid: function for function in self._store.read(every_function)}
        for uuid in [uuid for uuid, lane in self._lanes.items() if uuid not in functions and not lane.is_busy]:
            del self._lanes[uuid]
        for uuid, function in functions.items():
            if uuid not in self._lanes:
                self._lanes[uuid] = Lane(function)
                self._pump(self._lanes[uuid])

    def _heard(self, signals: frozenset[str]) -> None:
        """Queues or functions changed; what has no lane yet is found by a scan."""
        must_scan = False
        changed: list[str] = []
        for signal in signals:
            if signal.startswith(QUEUE_SIGNAL):
                lane = self._lanes.get(signal.removeprefix(QUEUE_SIGNAL))
                if lane is None:
                    must_scan = True
                else:
                    self._pump_stale(lane)
            elif signal.startswith(CHANGED_SIGNAL):
                must_scan = True
                changed.append(signal.removeprefix(CHANGED_SIGNAL))
        if must_scan:
            self._scan()
        for arn in changed:
            self._changed(arn)

    def _changed(self, arn: str) -> None:
        """A function is new or changed: have its first run prepared; events leased for the old code are leased anew."""
        for lane in [lane for lane in self._lanes.values() if lane.function.arn == arn]:
            lane.is_stale = True
            if lane.backlog:
                works = list(lane.backlog)
                lane.backlog.clear()
                self._spawn(self._give_back(lane, works))
            else:
                self._pump(lane)
            if lane.latest is not None:
                self._runtime.prepare(lane.latest)

    def _polled(self, now_ms: int) -> None:
        expiring = [
            work
            for lane in self._lanes.values()
            for work in lane.held.values()
            if work.until_ms - now_ms < EXTEND_BEFORE_MS
        ]
        if expiring:
            self._spawn(self._extend(expiring, now_ms))
        for lane in list(self._lanes.values()):
            if lane.backlog or (lane.due_ms is not None and lane.due_ms <= now_ms and not lane.is_leasing):
                self._end_aged(lane, now_ms)

    # -- one lane ----------------------------------------------------------------------------------------------------

    def _advance(self, lane: Lane) -> None:
        if lane.is_stale and not lane.is_leasing and not self._look(lane):
            return
        free = self._room(lane)
        for _ in range(lane.start_count(free)):
            self._start(lane, lane.backlog.popleft())
            free -= 1
        is_due = lane.due_ms is not None and lane.due_ms <= self._clock.now_ms()
        count = lane.lease_count(free) if is_due and not lane.is_leasing else 0
        if count:
            lane.is_leasing = True
            self._spawn(self._lease(lane, count))
        elif lane.backlog or (is_due and not lane.is_leasing):
            self._look_for_room_soon(lane)
        elif not lane.held:
            lane.narrow()

    def _look(self, lane: Lane) -> bool:
        """Read the lane's function and queue; False when the function is gone."""
        lane.is_stale = False
        seen = self._store.read(lambda tx: look(tx, lane.function))
        lane.latest = seen.latest
        self._set_due(lane, seen.next_due_ms)
        if seen.latest is None and not lane.is_busy:
            self._lanes.pop(lane.function.uuid, None)
        return seen.latest is not None

    def _room(self, lane: Lane) -> int:
        return (
            0 if lane.latest is None else self._free(lane.latest, has_some=lane.running_count > 0, of_any_version=True)
        )

    def _room_again(self, lane: Lane, now_s: float) -> None:
        if self._lanes.get(lane.function.uuid) is lane:
            if lane.backlog and self._runtime.starting_count() < STARTS_MAX:
                lane.widen(now_s, self._width_max)
            self._pump(lane)

    async def _lease(self, lane: Lane, count: int) -> None:
        """Lease events and start them without waiting for the lease to be synced.

        A lease is a note to ourselves: the event stays in its queue until its outcome is written, so one whose lease is lost
        in a crash runs again, as it would anyway. A command that is run twice gives the same leases twice, which
        their tokens tell.
        """
        ctx = self._contexts.make(lane.function.scope)
        loop = asyncio.get_running_loop()

        def command(tx: Tx) -> None:
            leased = lease_work(ctx, tx, lane.function, count_max=count)
            loop.call_soon_threadsafe(self._leased, lane, leased)

        try:
            await self._write(command)
        finally:
            lane.is_leasing = False
        self._pump(lane)

    def _leased(self, lane: Lane, leased: Leased) -> None:
        lane.latest = leased.latest
        self._set_due(lane, leased.next_due_ms)
        for work in leased.work:
            known = lane.held.get(work.event.sequence)
            if known is None or known.event.token != work.event.token:
                lane.backlog.append(work)
            lane.held[work.event.sequence] = work
        self._pump(lane)

    def _start(self, lane: Lane, work: Work) -> None:
        lane.running_count += 1
        self._run_planned()
        self._spawn(self._run(lane, work))

    async def _run(self, lane: Lane, work: Work) -> None:
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        self._starting_count -= 1
        outcome: InvocationResult | Exception
        try:
            outcome = await self._runtime.invoke(work.invocation)
            lane.ran(loop.time() - started_s, is_cold=outcome.init_ms is not None)
        except Exception as error:  # noqa: BLE001 - whatever keeps a function from running is the outcome of the attempt
            outcome = error
            _report_bug(lane, error)
        finally:
            lane.running_count -= 1
            self._running_count -= 1
        if self._outcomes.add(Ended(lane, work.event.sequence, work.event.token, outcome)):
            self._spawn(self._outcomes.settle())
        self._pump(lane)

    # -- writing -----------------------------------------------------------------------------------------------------

    def _end_aged(self, lane: Lane, now_ms: int) -> None:
        """The lane waits for room: events that grow too old meanwhile end now, as they would with room."""
        backlog = list(lane.backlog)

        def look_at(tx: Tx) -> tuple[list[Work], bool]:
            leased = [work for work in backlog if has_aged(tx, work.event, now_ms=now_ms)]
            return leased, bool(aged_waiting(tx, lane.function, lane.held, now_ms=now_ms))

        leased, is_any_waiting = self._store.read(look_at)
        if leased:
            lane.backlog = deque(work for work in backlog if work not in leased)
            self._spawn(self._give_back(lane, leased))
        if is_any_waiting:
            self._spawn(self._end_waiting(lane))

    async def _end_waiting(self, lane: Lane) -> None:
        ctx = self._contexts.make(lane.function.scope)
        held = frozenset(lane.held)
        await self._write(lambda tx: end_aged(ctx, tx, lane.function, held))
        self._pump_stale(lane)

    async def _extend(self, works: list[Work], now_ms: int) -> None:
        await self._write(lambda tx: extend_leases(tx, works, now_ms=now_ms))

    async def _give_back(self, lane: Lane, works: list[Work]) -> None:
        """Release leases. They are let go of first: the events may be leased anew before the release is answered."""
        for work in works:
            lane.held.pop(work.event.sequence, None)
        lane.returning_count += 1
        try:
            await self._write(lambda tx: give_back(tx, works, now_ms=self._clock.now_ms()))
        finally:
            lane.returning_count -= 1
        self._pump(lane)

    async def _give_up(self) -> None:
        await self._outcomes.settle()
        held = [work for lane in self._lanes.values() for work in lane.held.values()]
        await self._write(lambda tx: give_back(tx, held, now_ms=self._clock.now_ms()))
