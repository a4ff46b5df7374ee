"""Carries out asynchronous invocations: from the durable queue of each function to the runtime and back.

Rules of the file. The queues are the truth: an event is leased, run, and settled in one transaction with everything that
follows from it. Signals start a look into the queue at once; polling finds what a lost signal missed. Each function has a
lane of its own, so a slow function delays nobody. Waiting is measured by the clock of the server, never by the loop's, except
for how quickly lanes widen, which is about this machine and not about time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, NamedTuple, TypeVar

from bascule.host.async_store import AsyncStore
from bascule.host.contexts import Contexts
from bascule.kernel.invocation import InvocationResult, InvocationThrottled, RuntimeUnavailable
from bascule.kernel.store import StoreBusy, StoreClosed, Tx
from bascule.pollers.function_runner import FunctionRunner
from bascule.pollers.lane import WIDEN_AFTER_S, Lane
from bascule.services.lambda_.async_work import (
    Leased,
    Work,
    every_function,
    extend_leases,
    give_back,
    lease_work,
    leased_count,
    look,
    settle_work,
    take_back_leases,
)

log = logging.getLogger("bascule.async_invocations")

T = TypeVar("T")

QUEUE_SIGNAL = "queue:lambda/"
CHANGED_SIGNAL = "lambda.changed:"
#: Lanes are looked at again this often without any signal, a part of them each time. milliseconds, count
POLL_MS = 1_000
POLL_LANES_MAX = 200
#: All functions are listed again every so many polls. count
POLLS_PER_SCAN = 30
#: Leases that end sooner than this are extended. milliseconds
EXTEND_BEFORE_MS = 30_000
#: The store's inbox was full: the next try. seconds
BUSY_PAUSE_S = 0.02
#: Part of the environments that a lane leaves to others once it has some itself.
ROOM_LEFT_PART = 10


class _Ended(NamedTuple):
    lane: Lane
    sequence: int
    token: str
    outcome: InvocationResult | Exception


def _report_bug(lane: Lane, error: Exception) -> None:
    if not isinstance(error, InvocationThrottled | RuntimeUnavailable):
        log.error("an event of %s could not be run", lane.function.arn, exc_info=error)


def _report_stuck(lane: Lane, error: Exception) -> None:
    log.error("events of %s could not be looked after; tried again soon", lane.function.arn, exc_info=error)


def _report_unsettled(lane: Lane, error: Exception) -> None:
    log.error("the outcome of an event of %s was not written; it runs again", lane.function.arn, exc_info=error)


class AsyncInvocations:
    """The poller of all asynchronous queues. Use from one event loop.

    Promise  at-least-once; an attempt is counted when its outcome is written, so a crash between costs no retry.
    """

    def __init__(self, store: AsyncStore, contexts: Contexts, runtime: FunctionRunner) -> None:
        self._store = store
        self._contexts = contexts
        self._clock = contexts.clock
        self._runtime = runtime
        self._width_max = max(1, contexts.settings.environments_max)
        self._lanes: dict[str, Lane] = {}
        self._waiting: set[str] = set()
        self._ended: list[_Ended] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_running = False
        self._is_settling = False
        self._is_retry_planned = False
        #: Runs that were started here and have not ended; of these, the ones that have not yet taken their slot.
        self._running_count = 0
        self._starting_count = 0
        self._poll_count = 0
        self._poll_ms = 0
        self._event = asyncio.Event()

    # -- what the composition root calls -----------------------------------------------------------------------------

    async def run(self) -> None:
        """Run until cancelled. Work that is under way then is given back and runs again after the next start."""
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
        """Hints that queues or functions changed; on the event loop."""
        if not self._is_running:
            return
        must_scan = False
        changed: list[str] = []
        for signal in signals:
            if signal.startswith(QUEUE_SIGNAL):
                lane = self._lanes.get(signal.removeprefix(QUEUE_SIGNAL))
                if lane is None:
                    must_scan = True
                else:
                    lane.is_stale = True
                    self._pump(lane)
            elif signal.startswith(CHANGED_SIGNAL):
                must_scan = True
                changed.append(signal.removeprefix(CHANGED_SIGNAL))
        if must_scan:
            self._scan()
        for arn in changed:
            self._changed(arn)

    def next_due_ms(self) -> int | None:
        """The earliest moment for which an event waits; None when none does."""
        dues = [lane.due_ms for lane in self._lanes.values() if lane.due_ms is not None]
        return min(dues, default=None)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is leased, running or being settled. Events that wait for their time do not count."""
        return not (
            not self._is_running
            or self._ended
            or self._is_settling
            or self._event.is_set()
            or any(lane.is_busy or lane.is_stale for lane in self._lanes.values())
        )

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
        self._is_running = True
        self._poll_ms = now_ms + POLL_MS
        self._scan()

    def _scan(self) -> None:
        functions = {function.uuid: function for function in self._store.read(every_function)}
        for uuid in [uuid for uuid, lane in self._lanes.items() if uuid not in functions and not lane.is_busy]:
            del self._lanes[uuid]
        for uuid, function in functions.items():
            if uuid not in self._lanes:
                self._lanes[uuid] = Lane(function)
                self._pump(self._lanes[uuid])

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

    def _turn(self) -> None:
        """Look at every lane that is due, and now and then at the others."""
        now_ms = self._clock.now_ms()
        for lane in list(self._lanes.values()):
            if lane.due_ms is not None and lane.due_ms <= now_ms:
                self._pump(lane)
        if now_ms >= self._poll_ms:
            self._poll_ms = now_ms + POLL_MS
            self._poll(now_ms)

    def _poll(self, now_ms: int) -> None:
        self._poll_count += 1
        if self._poll_count % POLLS_PER_SCAN == 0:
            self._scan()
        for uuid in list(self._lanes)[:POLL_LANES_MAX]:
            lane = self._lanes.pop(uuid)
            self._lanes[uuid] = lane
            lane.is_stale = True
            self._pump(lane)
        expiring = [
            work
            for lane in self._lanes.values()
            for work in lane.held.values()
            if work.until_ms - now_ms < EXTEND_BEFORE_MS
        ]
        if expiring:
            self._spawn(self._extend(expiring, now_ms))

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
        """Advance a lane; what goes wrong with one is reported, and polling tries it again."""
        try:
            self._advance(lane)
        except StoreClosed:
            return
        except Exception as error:  # noqa: BLE001 - the top of a lane: one that cannot be advanced must not stop the others
            _report_stuck(lane, error)

    def _advance(self, lane: Lane) -> None:
        """Start what may be started and lease what may be leased; safe to call at any time, costs little when idle."""
        if lane.is_stale and not lane.is_leasing and not self._look(lane):
            return
        free = self._free(lane)
        for _ in range(lane.start_count(free)):
            self._start(lane, lane.backlog.popleft())
            free -= 1
        is_due = lane.due_ms is not None and lane.due_ms <= self._clock.now_ms()
        count = lane.lease_count(free) if is_due and not lane.is_leasing else 0
        if count:
            lane.is_leasing = True
            self._spawn(self._lease(lane, count))
        elif lane.backlog or (is_due and not lane.is_leasing):
            self._plan_retry(lane)
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

    def _set_due(self, lane: Lane, due_ms: int | None) -> None:
        if due_ms is not None and (lane.due_ms is None or due_ms < lane.due_ms):
            self._event.set()
        lane.due_ms = due_ms

    def _free(self, lane: Lane) -> int:
        """Environments that the lane may still take; one that has some leaves a part of the room to others."""
        if lane.latest is None:
            return 0
        free = self._runtime.free_slots(lane.latest) - self._starting_count
        if lane.running_count and lane.latest.reserved_concurrency is None:
            free -= (free + self._running_count) // ROOM_LEFT_PART
        return max(0, free)

    def _plan_retry(self, lane: Lane) -> None:
        self._waiting.add(lane.function.uuid)
        if not self._is_retry_planned:
            self._is_retry_planned = True
            asyncio.get_running_loop().call_later(WIDEN_AFTER_S, self._retry)

    def _retry(self) -> None:
        self._is_retry_planned = False
        now_s = asyncio.get_running_loop().time()
        waiting, self._waiting = self._waiting, set()
        for uuid in waiting:
            lane = self._lanes.get(uuid)
            if lane is not None and self._is_running:
                if lane.backlog:
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
        self._running_count += 1
        self._starting_count += 1
        self._spawn(self._run(lane, work))

    async def _run(self, lane: Lane, work: Work) -> None:
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        self._starting_count -= 1
        outcome: InvocationResult | Exception
        try:
            outcome = await self._runtime.invoke(work.invocation)
            lane.ran(loop.time() - started_s)
        except Exception as error:  # noqa: BLE001 - whatever keeps a function from running is the outcome of the attempt
            outcome = error
            _report_bug(lane, error)
        finally:
            lane.running_count -= 1
            self._running_count -= 1
        self._ended.append(_Ended(lane, work.event.sequence, work.event.token, outcome))
        if not self._is_settling:
            self._is_settling = True
            self._spawn(self._settle())
        self._pump(lane)

    # -- writing -----------------------------------------------------------------------------------------------------

    async def _settle(self) -> None:
        """Write outcomes until none is left; those that come while a group is being written make the next group."""
        try:
            while self._ended:
                ended, self._ended = self._ended, []
                await self._settle_group(ended)
        finally:
            self._is_settling = False

    async def _settle_group(self, ended: list[_Ended]) -> None:
        """One transaction for a group; when one outcome cannot be written, each is tried alone so that the others are."""
        try:
            await self._write(self._settling(ended))
        except StoreClosed:
            raise
        except Exception as error:  # noqa: BLE001 - one outcome that cannot be written must not keep the others back
            if len(ended) > 1:
                for one in ended:
                    await self._settle_group([one])
                return
            _report_unsettled(ended[0].lane, error)
        for one in ended:
            # An event that is due again at once may have been leased anew before this was answered.
            if (held := one.lane.held.get(one.sequence)) is not None and held.event.token == one.token:
                del one.lane.held[one.sequence]
            self._pump(one.lane)

    def _settling(self, ended: list[_Ended]) -> Callable[[Tx], None]:
        steps = [
            (self._contexts.make(one.lane.function.scope), one, one.lane.held[one.sequence])
            for one in ended
            if one.sequence in one.lane.held
        ]

        def settle(tx: Tx) -> None:
            for ctx, one, work in steps:
                settle_work(ctx, tx, one.lane.function, work, one.outcome)

        return settle

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

    async def _write(self, command: Callable[[Tx], T]) -> T:
        """Write, waiting out a full inbox."""
        while True:
            try:
                return await self._store.write(command)
            except StoreBusy:
                await asyncio.sleep(BUSY_PAUSE_S)

    # -- tasks -------------------------------------------------------------------------------------------------------

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
            log.error("a step of asynchronous invocation failed; polling repeats it", exc_info=error)

    async def _stop(self) -> None:
        """Settle what has ended, give the rest back."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        try:
            await self._settle()
            held = [work for lane in self._lanes.values() for work in lane.held.values()]
            await self._write(lambda tx: give_back(tx, held, now_ms=self._clock.now_ms()))
        except StoreClosed:
            log.info("the store was closed first; events under way run again after the next start")
