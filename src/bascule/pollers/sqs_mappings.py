"""Event source mappings of SQS queues: from the queue to the function and back.

What all pollers do is in ``host/poller``. Here: a message is leased, and deleted in the one transaction that ends its batch;
what happens in between may be lost, and the visibility timeout brings it back. Each mapping has a lane of its own.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import Any

from bascule.host.async_store import AsyncStore
from bascule.host.contexts import Contexts
from bascule.kernel.context import Context
from bascule.kernel.invocation import InvocationResult, InvocationThrottled, RuntimeUnavailable
from bascule.kernel.scope import Scope
from bascule.pollers.function_poller import FunctionPoller
from bascule.pollers.function_runner import FunctionRunner
from bascule.pollers.sqs_batches import Batch, Held
from bascule.pollers.sqs_invocation import invocation_of
from bascule.pollers.sqs_lane import Lane, rest_room
from bascule.pollers.sqs_records import Record
from bascule.pollers.sqs_settlement import give_back, hold_longer, note_started, settle, settlement_of
from bascule.pollers.sqs_source import describe_source
from bascule.pollers.sqs_taking import FIFO_MARGIN_MS, Taken, Wanted, look, take_records
from bascule.services.lambda_.errors import ResourceNotFound
from bascule.services.lambda_.event_source_model import EventSourceMapping, SourceQuestion
from bascule.services.lambda_.event_source_state import CHANGED_SIGNAL, MAPPINGS, set_problem
from bascule.services.lambda_.resolution import resolved

log = logging.getLogger("bascule.sqs_mappings")

QUEUE_SIGNAL = "queue:sqs/"
FUNCTION_SIGNAL = "lambda.changed:"
#: Something is due but not to be had: behind its group, expired, or taken by others. Look again after this. milliseconds
BLOCKED_LOOK_MS = 250
#: Bytes of records held by all lanes together; no lane takes more meanwhile. bytes
HELD_BYTES_MAX = 536_870_912


class SqsMappings(FunctionPoller[Lane]):
    """The poller of all mappings of queues; lanes are known by the mapping's uuid. See ``Poller``.

    Promise  at least once; of a FIFO group never two batches at once, and in order as far as the function keeps it.
    """

    step_failed = "a step of an event source mapping failed; its messages come back"
    lane_stuck = "mapping %s could not be looked after; tried again soon"
    closed_first = "the store was closed first; messages in flight come back by their visibility timeout"

    def __init__(self, store: AsyncStore, contexts: Contexts, runtime: FunctionRunner) -> None:
        super().__init__(store, contexts, runtime, log)
        #: Lanes by the kernel queue that they read.
        self._by_storage: dict[str, set[Lane]] = {}
        self._held = Held()

    async def describe(self, ctx: Context, question: Any) -> object:
        """The performer ``event-source``: what a source is like."""
        assert isinstance(question, SourceQuestion)
        return self._store.read(lambda tx: describe_source(tx, question))

    # -- finding work ------------------------------------------------------------------------------------------------

    def _heard(self, signals: frozenset[str]) -> None:
        """Queues, mappings or functions changed."""
        for signal in signals:
            if signal.startswith(QUEUE_SIGNAL):
                for lane in tuple(self._by_storage.get(signal.removeprefix("queue:"), ())):
                    self._pump_stale(lane)
            elif signal.startswith(CHANGED_SIGNAL):
                self._changed(signal.removeprefix(CHANGED_SIGNAL))
            elif signal.startswith(FUNCTION_SIGNAL):
                arn = signal.removeprefix(FUNCTION_SIGNAL)
                for lane in list(self._lanes.values()):
                    if lane.view.mapping is not None and lane.mapping.named(lane.scope).arn == arn:
                        self._pump_stale(lane)

    def _scan(self) -> None:
        known = {key.name: key.scope for key, _ in self._store.read(lambda tx: list(MAPPINGS.every(tx.documents)))}
        for uuid, scope in known.items():
            if uuid not in self._lanes:
                self._add(scope, uuid)
        for uuid in self._lanes.keys() - known.keys():
            self._pump_stale(self._lanes[uuid])

    def _add(self, scope: Scope, uuid: str) -> None:
        self._lanes[uuid] = Lane(scope, uuid, self._held)
        self._pump(self._lanes[uuid])

    def _changed(self, uuid: str) -> None:
        lane = self._lanes.get(uuid)
        if lane is None:
            self._scan()
        else:
            self._pump_stale(lane)

    def _polled(self, now_ms: int) -> None:
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

    # -- one lane ----------------------------------------------------------------------------------------------------

    def _advance(self, lane: Lane) -> None:
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
            self._look_for_room_soon(lane)
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

    def _empty(self, lane: Lane) -> None:
        """The lane is closed: what it holds and does not run goes back to the queue."""
        if records := lane.take_out_waiting():
            self._spawn(self._give_back(lane.scope, records))

    def _room(self, lane: Lane) -> int:
        """How many more batches of the lane may start; one that runs some leaves a part of the machine to others.

        A full machine is waited for. A reservation that is used up is not: messages are received, throttled and, in the end, back
        in the queue with their receive count raised, as on AWS.
        """
        function = lane.view.function
        assert function is not None
        if self._held.byte_count > HELD_BYTES_MAX:
            return 0
        if function.reserved_concurrency == 0:
            return lane.room
        if self._runtime.is_used_up(function):
            return max(0, min(lane.room, rest_room(lane) - self._starting_count))
        return max(0, min(lane.room, self._free(function, has_some=bool(lane.running))))

    def _room_again(self, lane: Lane, now_s: float) -> None:
        if lane.is_open:
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
        self._run_planned()
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
            outcome = await self._runtime.invoke(invocation_of(ctx, named.named_arn, function, batch))
        except Exception as error:  # noqa: BLE001 - whatever keeps a function from running is the outcome of the batch
            outcome = error
            _report(mapping.uuid, error)
        # A run that is cancelled stays among those that run: the stop gives its messages back.
        lane.running.discard(batch)
        self._running_count -= 1
        if isinstance(outcome, InvocationThrottled) and self._rests(lane, batch, mapping.function):
            self._pump(lane)
            return
        batch.let_go()
        ended = settlement_of(ctx, mapping, queue_name, batch, outcome)
        has_run = not isinstance(outcome, InvocationThrottled)
        lane.ended(self._clock.now_ms(), is_failed=ended.is_failed, has_run=has_run)
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
        self._alarm.ring()
        return True

    async def _give_back(self, scope: Scope, records: list[Record]) -> None:
        ctx = self._contexts.make(scope)
        await self._write(lambda tx: give_back(ctx, tx, records))

    async def _give_up(self) -> None:
        """Make visible what is held here. Functions that still run end with the runtime, right after this."""
        for lane in self._lanes.values():
            records = [record for batch in lane.running for record in batch.records] + lane.take_out_waiting()
            if records:
                await self._give_back(lane.scope, records)


def _report(uuid: str, error: Exception) -> None:
    if not isinstance(error, InvocationThrottled | RuntimeUnavailable | ResourceNotFound):
        log.error("a batch of the mapping %s could not be run", uuid, exc_info=error)
