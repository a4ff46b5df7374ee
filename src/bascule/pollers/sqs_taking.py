"""Reading a queue for a mapping: one transaction that leases, filters, and deletes what no filter wants.

A lease lasts as long as the queue's visibility timeout, as when anybody else receives. On a FIFO queue it lasts at least as
long as the function may run, because a group's next messages must not start before; the visibility timeout is put right
when the batch has failed (``sqs_settlement``).
"""

from __future__ import annotations

import msgspec

from bascule.kernel.context import Context
from bascule.kernel.invocation import FunctionVersion
from bascule.kernel.journal import Note
from bascule.kernel.queues import Lease
from bascule.kernel.scope import Scope
from bascule.kernel.store import Tx
from bascule.pollers.sqs_records import Record, RecordMaker, bytes_of, compared
from bascule.pollers.sqs_settlement import detail_of
from bascule.services.lambda_.errors import RecursiveInvocation, ResourceNotFound
from bascule.services.lambda_.event_source_filters import record_filter
from bascule.services.lambda_.event_source_lifecycle import is_read
from bascule.services.lambda_.event_source_model import EventSourceMapping
from bascule.services.lambda_.event_source_state import MAPPINGS
from bascule.services.lambda_.limits import CHAIN_INVOCATIONS_MAX, SYNC_PAYLOAD_BYTES_MAX
from bascule.services.lambda_.model import Function
from bascule.services.lambda_.resolution import configuration_of, found_function, function_version
from bascule.services.lambda_.tracing import chain_length
from bascule.services.sqs import in_flight
from bascule.services.sqs.model import Queue
from bascule.services.sqs.receiving import take
from bascule.services.sqs.state import find_arn

#: Why a message that no filter wants is gone.
FILTERED = "No filter of the mapping wants it, so it was deleted."
#: A lease is never shorter, or a queue without visibility timeout would be read without end. milliseconds
LEASE_MS_MIN = 1_000
#: A lease on a FIFO queue outlasts the function's timeout by this much: starting an environment takes time. milliseconds
FIFO_MARGIN_MS = 10_000


class View(msgspec.Struct, frozen=True, kw_only=True):
    """What a look at a mapping shows. ``mapping`` None: it is gone. ``problem``: why it cannot work now."""

    mapping: EventSourceMapping | None = None
    queue: Queue | None = None
    function: FunctionVersion | None = None
    is_read: bool = False
    next_due_ms: int | None = None
    problem: str = ""


def look(tx: Tx, scope: Scope, uuid: str) -> View:
    """How a mapping stands and when its queue is next due, without touching anything."""
    mapping = MAPPINGS.get(tx.documents, scope, uuid)
    if mapping is None or not is_read(mapping):
        return View(mapping=mapping)
    found = find_arn(tx, mapping.source_arn)
    if found is None:
        return View(mapping=mapping, problem=f"PROBLEM: The queue {mapping.source_arn} does not exist.")
    named = mapping.named(scope)
    try:
        function = found_function(tx.documents, named)
        number, configuration = configuration_of(tx.documents, named, function)
    except ResourceNotFound as error:
        return View(mapping=mapping, queue=found[1], problem=f"PROBLEM: {error.message}")
    return View(
        mapping=mapping,
        queue=found[1],
        function=function_version(scope, function, number, configuration),
        is_read=True,
        next_due_ms=tx.queues.next_due_ms(found[1].storage),
    )


class Wanted(msgspec.Struct, frozen=True):
    """How much to take: up to ``count_max`` records; from a FIFO queue up to ``batches_max`` batches instead."""

    count_max: int
    batches_max: int
    #: Of the function as it was last seen.
    timeout_ms: int


class Taken(msgspec.Struct, frozen=True):
    """Leased records: one list from a standard queue; from a FIFO queue one for each batch, in order within groups.

    ``is_all``: the queue gave less than was asked for.
    """

    records: list[list[Record]]
    is_all: bool


NOTHING = Taken([], is_all=True)


def take_records(ctx: Context, tx: Tx, uuid: str, wanted: Wanted) -> Taken:
    """Lease messages for the mapping of ``ctx.scope``; those that no filter wants are deleted in the same transaction.

    Promise  a message is leased, deleted by a filter, moved to its dead-letter queue, or untouched; all at once.
    """
    mapping = MAPPINGS.get(tx.documents, ctx.scope, uuid)
    found = find_arn(tx, mapping.source_arn) if mapping is not None and is_read(mapping) else None
    if mapping is None or found is None:
        return NOTHING
    reader = _Reader(ctx, tx, mapping, *found, wanted.timeout_ms)
    if not found[1].is_fifo:
        records, leased = reader.read(wanted.count_max)
        return Taken([records] if records else [], is_all=leased < wanted.count_max)
    batches: list[list[Record]] = []
    for _ in range(wanted.batches_max):
        records, leased = reader.read(mapping.batch_size)
        if leased == 0:
            return Taken(batches, is_all=True)
        if records:
            batches.append(reader.fitting(records))
    return Taken(batches, is_all=False)


class _Reader:
    """One transaction's reading of one queue."""

    def __init__(
        self, ctx: Context, tx: Tx, mapping: EventSourceMapping, scope: Scope, queue: Queue, timeout_ms: int
    ) -> None:
        self._ctx = ctx
        self._tx = tx
        self._mapping = mapping
        self._scope = scope
        self._queue = queue
        visibility_ms = max(queue.visibility_s * 1000, LEASE_MS_MIN)
        self._lease_ms = max(visibility_ms, timeout_ms + FIFO_MARGIN_MS) if queue.is_fifo else visibility_ms
        self._maker = RecordMaker(
            scope,
            queue,
            now_ms=ctx.now_ms,
            has_window=mapping.window_s > 0,
            visible_ms=ctx.now_ms + visibility_ms,
        )
        self._filter = record_filter(mapping.filters, "body") if mapping.filters else None
        self._function: Function | None = None

    def read(self, count_max: int) -> tuple[list[Record], int]:
        """Lease once. Gives the records to hand on, and how many messages were leased for them."""
        allowed = in_flight.allowance(self._tx, self._queue, now_ms=self._ctx.now_ms, count_max=count_max)
        if allowed == 0:
            return [], 0
        ctx = self._ctx.within(self._scope)
        leases = take(ctx, self._tx, self._scope, self._queue, count_max=allowed, visibility_ms=self._lease_ms)
        if not leases:
            return [], 0
        in_flight.received(self._queue, len(leases))
        ctx.metrics.count("AWS/SQS/NumberOfMessagesReceived", self._queue.name, len(leases))
        records = [record for lease in leases if (record := self._record(lease)) is not None]
        if self._mapping.counts_events:
            ctx.metrics.count("AWS/Lambda/PolledEventCount", self._mapping.uuid, len(leases))
        return records, len(leases)

    def _record(self, lease: Lease) -> Record | None:
        record, body = self._maker.make(lease)
        if self._filter is not None:
            text, is_json = compared(record, body, lease.message.body)
            if not self._filter.keeps(text, is_json=is_json):
                self._tx.queues.settle(self._queue.storage, lease.message.sequence, lease.token)
                if self._mapping.counts_events:
                    self._ctx.metrics.count("AWS/Lambda/FilteredOutEventCount", self._mapping.uuid)
                self._note("invocation-filtered", record, "", FILTERED)
                return None
        if "Lineage=" in record.trace and self._is_loop(record):
            self._note("invocation-failed", record, RecursiveInvocation.code, RecursiveInvocation().message)
            if record.until_ms != record.visible_ms:
                self._tx.queues.extend(record.storage, record.sequence, record.token, until_ms=record.visible_ms)
            return None
        return record

    def _note(self, kind: str, record: Record, code: str, message: str) -> None:
        """Tell the journal why the function is not called with an event."""
        if record.event_id:
            ctx = self._ctx
            arn = self._mapping.named(ctx.scope).named_arn
            note = Note(kind, ctx.now_ms, record.event_id, arn, record.message_id, record.attempt, 0.0, code, message)
            ctx.journal.note(self._tx, msgspec.structs.replace(note, detail=detail_of(ctx, self._mapping)))

    def _is_loop(self, record: Record) -> bool:
        """Whether the message belongs to a chain of calls that the function must not run in any more."""
        function = self._function or found_function(self._tx.documents, self._mapping.named(self._ctx.scope))
        self._function = function
        arn = self._ctx.scope.arn("lambda", f"function:{function.name}")
        if function.recursive_loop != "Terminate" or chain_length(record.trace, arn) < CHAIN_INVOCATIONS_MAX:
            return False
        self._ctx.metrics.count("lambda.recursive_invocations_dropped", function.name)
        return True

    def fitting(self, records: list[Record]) -> list[Record]:
        """Records that fit into one event; the others go back at once, behind the ones of their group."""
        while bytes_of(records) > SYNC_PAYLOAD_BYTES_MAX and len(records) > 1:
            last = records.pop()
            self._tx.queues.release(last.storage, last.sequence, last.token, due_ms=self._ctx.now_ms)
        return records
