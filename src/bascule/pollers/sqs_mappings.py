"""Event source mappings of SQS queues: from the queue to the function and back.

Rules of the file. The queue is the truth: a message is leased, and deleted in the one transaction that ends its batch; what
happens in between may be lost, and the visibility timeout brings it back. A queue's signal starts a look at once, polling
finds what a lost signal missed. Each mapping has a lane of its own. Waiting is measured by the clock of the server, except
for how quickly lanes widen and how soon a full machine is asked again, which are about this machine and not about time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

from bascule.host.async_store import AsyncStore
from bascule.host.contexts import Contexts
from bascule.kernel.context import Context
from bascule.kernel.invocation import (
    FunctionVersion,
    Invocation,
    InvocationResult,
    InvocationThrottled,
    RuntimeUnavailable,
)
from bascule.kernel.scope import Scope
from bascule.kernel.store import StoreBusy, StoreClosed, Tx
from bascule.pollers.function_runner import FunctionRunner
from bascule.pollers.sqs_batches import Batch, Held
from bascule.pollers.sqs_lane import Lane
from bascule.pollers.sqs_records import Record, payload
from bascule.pollers.sqs_settlement import Settlement, give_back, hold_longer, judged, note_started, settle
from bascule.pollers.sqs_source import describe_source
from bascule.pollers.sqs_taking import FIFO_MARGIN_MS, Taken, Wanted, look, take_records
from bascule.services.lambda_.errors import ResourceNotFound
from bascule.services.lambda_.event_source_model import EventSourceMapping, SourceQuestion
from bascule.services.lambda_.event_source_state import CHANGED_SIGNAL, MAPPINGS, set_problem
from bascule.services.lambda_.resolution import resolved
from bascule.services.lambda_.tracing import chain_length, extended, fresh_trace

log = logging.getLogger("bascule.sqs_mappings")

T = TypeVar("T")

QUEUE_SIGNAL = "queue:sqs/"
FUNCTION_SIGNAL = "lambda.changed:"
#: Lanes are looked at again this often without any signal, a part of them each time. milliseconds, count
POLL_MS = 1_000
POLL_LANES_MAX = 200
#: All mappings are listed again every so many polls. count
POLLS_PER_SCAN = 30
#: Something is due but not to be had: behind its group, expired, or taken by others. Look again after this. milliseconds
BLOCKED_LOOK_MS = 250
#: No room on this machine, or in the lane: look again after this. seconds
ROOM_LOOK_S = 0.02
#: The store's inbox was full: the next try. seconds
BUSY_PAUSE_S = 0.02
#: Part of the environments that a lane leaves to others once it has some itself.
ROOM_LEFT_PART = 10
#: Bytes of records held by all lanes together; no lane takes more meanwhile. bytes
HELD_BYTES_MAX = 536_870_912


class SqsMappings:
    """The poller of all mappings of queues. Use from one event loop.

    Promise  at least once; of a FIFO group never two batches at once, and in order as far as the function keeps it.
    """

    def __init__(self, store: AsyncStore, contexts: Contexts, runtime: FunctionRunner) -> None:
        self._store = store
        self._contexts = contexts
        self._clock = contexts.clock
        self._runtime = runtime
        self._lanes: dict[str, Lane] = {}
        #: Lanes by the kernel queue that they read.
        self._by_storage: dict[str, set[Lane]] = {}
        self._waiting: set[Lane] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_running = False
        self._is_look_planned = False
        #: Batches that run; of these, the ones that have not yet taken their slot.
        self._running_count = 0
        self._starting_count = 0
        self._held = Held()
        self._poll_count = 0
        self._poll_ms = 0
        self._event = asyncio.Event()

    # -- what the composition root calls -----------------------------------------------------------------------------

    async def run(self) -> None:
        """Run until cancelled. Messages that are held then become visible at once."""
        loop = asyncio.get_running_loop()

        def time_moved() -> None:
            loop.call_soon_threadsafe(self._event.set)

        self._clock.on_change(time_moved)
        self._is_running = True
        self._poll_ms = self._clock.now_ms() + POLL_MS
        self._scan()
        try:
            while True:
                self._event.clear()
                self._turn()
                await self._sleep()
        finally:
            self._is_running = False
            await self._stop()

    def wake(self, signals: frozenset[str]) -> None:
        """Hints that queues, mappings or functions changed; on the event loop."""
        if not self._is_running:
            return
        for signal in signals:
            if signal.startswith(QUEUE_SIGNAL):
                for lane in tuple(self._by_storage.get(signal.removeprefix("queue:"), ())):
                    lane.is_stale = True
                    self._pump(lane)
            elif signal.startswith(CHANGED_SIGNAL):
                self._changed(signal.removeprefix(CHANGED_SIGNAL))
            elif signal.startswith(FUNCTION_SIGNAL):
                arn = signal.removeprefix(FUNCTION_SIGNAL)
                for lane in list(self._lanes.values()):
                    if lane.view.mapping is not None and lane.mapping.named(lane.scope).arn == arn:
                        lane.is_stale = True
                        self._pump(lane)

    def next_due_ms(self) -> int | None:
        """The earliest moment for which a lane waits; None when none does."""
        return min((due for lane in self._lanes.values() if (due := lane.next_due_ms()) is not None), default=None)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is read, running or being settled. What waits for its time does not count."""
        return not (
            not self._is_running
            or self._tasks
            or self._event.is_set()
            or any(lane.is_stale or lane.has_startable for lane in self._lanes.values())
        )

    async def describe(self, ctx: Context, question: Any) -> object:
        """The performer ``event-source``: what a source is like."""
        assert isinstance(question, SourceQuestion)
        return self._store.read(lambda tx: describe_source(tx, question))

    # -- finding work ------------------------------------------------------------------------------------------------

    def _scan(self) -> None:
        known = {key.name: key.scope for key, _ in self._store.read(lambda tx: list(MAPPINGS.every(tx.documents)))}
        for uuid, scope in known.items():
            if uuid not in self._lanes:
                self._add(scope, uuid)
        for uuid in self._lanes.keys() - known.keys():
            self._lanes[uuid].is_stale = True
            self._pump(self._lanes[uuid])

    def _add(self, scope: Scope, uuid: str) -> None:
        self._lanes[uuid] = Lane(scope, uuid, self._held)
        self._pump(self._lanes[uuid])

    def _changed(self, uuid: str) -> None:
        lane = self._lanes.get(uuid)
        if lane is None:
            self._scan()
        else:
            lane.is_stale = True
            self._pump(lane)

    def _turn(self) -> None:
        """Pump every lane that is due, and now and then look at the others."""
        now_ms = self._clock.now_ms()
        for lane in list(self._lanes.values()):
            due_ms = lane.next_due_ms()
            if due_ms is not None and due_ms <= now_ms:
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
        for lane in list(self._lanes.values()):
            if lane.is_fifo:
                for batch in lane.running:
                    if batch.until_ms - now_ms < FIFO_MARGIN_MS:
                        self._hold(batch, now_ms + 3 * FIFO_MARGIN_MS)

    def _hold(self, batch: Batch, until_ms: int) -> None:
        """The function runs longer than it should: keep the groups of its batch to itself."""
        batch.held_until_ms = until_ms
        records = list(batch.records)
        self._spawn(self._write(lambda tx: hold_longer(tx, records, until_ms=until_ms)))

    async def _sleep(self) -> None:
        now_ms = self._clock.now_ms()
        dues = [due for lane in self._lanes.values() if (due := lane.next_due_ms()) is not None and due > now_ms]
        seconds = self._clock.real_seconds_until(min([self._poll_ms, *dues]))
        try:
            await asyncio.wait_for(self._event.wait(), timeout=seconds)
        except TimeoutError:
            return

    # -- one lane ----------------------------------------------------------------------------------------------------

    def _pump(self, lane: Lane) -> None:
        """Start what may be started and take what may be taken; safe to call at any time, costs little when idle."""
        if lane.is_stale and not lane.is_taking:
            self._look(lane)
        if not lane.is_open:
            self._empty(lane)
            return
        now_ms = self._clock.now_ms()
        lane.pass_time(now_ms)
        room = self._room(lane)
        while room > 0 and (batch := lane.next_batch(now_ms)) is not None:
            self._start(lane, batch)
            room = self._room(lane)
        is_due = lane.due_ms is not None and lane.due_ms <= now_ms and not lane.is_taking
        if is_due and room > 0:
            lane.is_taking = True
            self._spawn(self._take(lane, lane.wanted(room)))
        elif is_due or lane.gathering.complete:
            self._plan_look(lane)
        elif not lane.running and not lane.is_taking:
            lane.narrow()

    def _look(self, lane: Lane) -> None:
        """Read the mapping, its function and its queue."""
        before = lane.view.queue
        view = self._store.read(lambda tx: look(tx, lane.scope, lane.uuid))
        lane.see(view)
        if (before and before.storage) != (view.queue and view.queue.storage):
            if before is not None:
                self._unlisten(lane, before.storage)
            if view.queue is not None:
                self._by_storage.setdefault(view.queue.storage, set()).add(lane)
        self._set_due(lane, view.next_due_ms)
        if view.mapping is None:
            self._lanes.pop(lane.uuid, None)
        elif (view.is_read or view.problem) and view.problem != lane.problem:
            lane.problem = view.problem
            if view.problem != view.mapping.problem:
                log.info("mapping %s: %s", lane.uuid, view.problem or "works again")
                self._spawn(self._write(lambda tx: set_problem(tx, lane.scope, lane.uuid, view.problem)))

    def _unlisten(self, lane: Lane, storage: str) -> None:
        lanes = self._by_storage.get(storage)
        if lanes is not None:
            lanes.discard(lane)
            if not lanes:
                del self._by_storage[storage]

    def _set_due(self, lane: Lane, due_ms: int | None) -> None:
        if due_ms is not None and (lane.due_ms is None or due_ms < lane.due_ms):
            self._event.set()
        lane.due_ms = due_ms

    def _empty(self, lane: Lane) -> None:
        """The lane is closed: what it holds and does not run goes back to the queue."""
        if records := lane.take_out_waiting():
            self._spawn(self._give_back(lane.scope, records))

    def _room(self, lane: Lane) -> int:
        """How many more batches of the lane may start; one that runs some leaves a part of the machine to others."""
        assert lane.view.function is not None
        if self._held.byte_count > HELD_BYTES_MAX:
            return 0
        if lane.view.function.reserved_concurrency == 0:
            return lane.room
        free = self._runtime.free_slots(lane.view.function) - self._starting_count
        if lane.running and lane.view.function.reserved_concurrency is None:
            free -= (free + self._running_count) // ROOM_LEFT_PART
        return max(0, min(lane.room, free))

    def _plan_look(self, lane: Lane) -> None:
        self._waiting.add(lane)
        if not self._is_look_planned:
            self._is_look_planned = True
            asyncio.get_running_loop().call_later(ROOM_LOOK_S, self._look_for_room)

    def _look_for_room(self) -> None:
        self._is_look_planned = False
        now_s = asyncio.get_running_loop().time()
        waiting, self._waiting = self._waiting, set()
        for lane in waiting:
            if self._is_running and lane.is_open:
                lane.widen(now_s)
                self._pump(lane)

    async def _take(self, lane: Lane, wanted: Wanted) -> None:
        ctx = self._contexts.make(lane.scope)
        taken: Taken | None = None
        try:
            taken = await self._write(lambda tx: take_records(ctx, tx, lane.uuid, wanted))
        finally:
            lane.is_taking = False
            if taken is None:
                lane.due_ms = self._clock.now_ms() + BLOCKED_LOOK_MS
        for records in taken.records:
            lane.took(records, ctx.now_ms)
        if taken.is_all:
            is_signalled = lane.is_stale
            self._look(lane)
            if not taken.records and not is_signalled and lane.due_ms is not None:
                lane.due_ms = max(lane.due_ms, self._clock.now_ms() + BLOCKED_LOOK_MS)
        self._pump(lane)

    # -- one batch ---------------------------------------------------------------------------------------------------

    def _start(self, lane: Lane, batch: Batch) -> None:
        lane.running.add(batch)
        self._running_count += 1
        self._starting_count += 1
        assert lane.view.queue is not None
        self._spawn(self._run(lane, batch, lane.mapping, lane.view.queue.name))

    async def _run(self, lane: Lane, batch: Batch, mapping: EventSourceMapping, queue_name: str) -> None:
        """Call the function with a batch and write what became of it, or let it rest when it was throttled."""
        self._starting_count -= 1
        ctx = self._contexts.make(lane.scope)
        named = mapping.named(lane.scope)
        outcome: InvocationResult | Exception
        noting: asyncio.Task[None] | None = None
        try:
            function = self._store.read(lambda tx: resolved(tx.documents, named, ctx.ids))
            if mapping.counts_events:
                ctx.metrics.count("AWS/Lambda/InvokedEventCount", mapping.uuid, len(batch.records))
            if batch.throttle_count == 0 and any(record.event_id for record in batch.records):
                noted = partial(note_started, ctx, mapping=mapping, function_arn=named.named_arn, records=batch.records)
                noting = self._spawn(self._write(noted))
            outcome = await self._runtime.invoke(_invocation(ctx, named.named_arn, function, batch))
        except Exception as error:  # noqa: BLE001 - whatever keeps a function from running is the outcome of the batch
            outcome = error
            _report(mapping.uuid, error)
        finally:
            lane.running.discard(batch)
            self._running_count -= 1
        if isinstance(outcome, InvocationThrottled) and self._rests(lane, batch, mapping.function):
            self._pump(lane)
            return
        batch.let_go()
        succeeded, failed, code, message = judged(mapping, batch.records, outcome)
        lane.ended(is_failed=bool(failed) and not succeeded)
        ended = Settlement(
            mapping=mapping,
            queue_name=queue_name,
            function_arn=named.named_arn,
            request_id=ctx.request_id,
            started_ms=ctx.now_ms,
            outcome=outcome,
            succeeded=succeeded,
            failed=failed,
            code=code,
            message=message,
            is_held=batch.held_until_ms > 0,
        )
        now = self._contexts.make(lane.scope, request_id=ctx.request_id)
        self._pump(lane)
        if noting is not None:
            await asyncio.wait((noting,))
        await self._write(lambda tx: settle(now, tx, ended))

    def _rests(self, lane: Lane, batch: Batch, function_name: str) -> bool:
        """Have a throttled batch wait for its next try; False when its messages would be visible by then."""
        self._contexts.metrics.count("lambda.throttles", function_name)
        if not lane.is_open or not self._is_running:
            return False
        retry_ms = batch.retry_ms(self._clock.now_ms())
        last_ms = batch.visible_ms
        if lane.is_fifo:
            assert lane.view.function is not None
            last_ms = min(last_ms, batch.until_ms - lane.view.function.timeout_s * 1000)
        if retry_ms >= last_ms:
            return False
        lane.resting.append((retry_ms, batch))
        self._event.set()
        return True

    async def _give_back(self, scope: Scope, records: list[Record]) -> None:
        ctx = self._contexts.make(scope)
        await self._write(lambda tx: give_back(ctx, tx, records))

    async def _write(self, command: Callable[[Tx], T]) -> T:
        """Write, waiting out a full inbox."""
        while True:
            try:
                return await self._store.write(command)
            except StoreBusy:
                await asyncio.sleep(BUSY_PAUSE_S)

    # -- tasks -------------------------------------------------------------------------------------------------------

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._reap)
        return task

    def _reap(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None and not isinstance(error, StoreClosed):
            log.error("a step of an event source mapping failed; its messages come back", exc_info=error)

    async def _stop(self) -> None:
        """Make visible what is held here. Functions that still run end with the runtime, right after this."""
        held = {lane: [r for batch in lane.running for r in batch.records] for lane in self._lanes.values()}
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        try:
            for lane, running in held.items():
                records = [*running, *lane.take_out_waiting()]
                if records:
                    await self._give_back(lane.scope, records)
        except StoreClosed:
            log.info("the store was closed first; messages in flight come back by their visibility timeout")


def _report(uuid: str, error: Exception) -> None:
    if not isinstance(error, InvocationThrottled | RuntimeUnavailable | ResourceNotFound):
        log.error("a batch of the mapping %s could not be run", uuid, exc_info=error)


def _invocation(ctx: Context, named_arn: str, function: FunctionVersion, batch: Batch) -> Invocation:
    """One call of the function; the trace goes on that has come round to this function most often."""
    traces = [record.trace for record in batch.records if record.trace]
    trace = max(traces, key=lambda text: chain_length(text, function.arn), default="")
    return Invocation(
        function=function,
        request_id=ctx.request_id,
        payload=payload(batch.records),
        invoked_arn=named_arn,
        trace_header=extended(trace or fresh_trace(ctx.now_ms, ctx.ids), function.arn),
        event_id=next((record.event_id for record in batch.records if record.event_id), ""),
        attempt=max(record.attempt for record in batch.records),
    )
