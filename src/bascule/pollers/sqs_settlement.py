"""What becomes of a batch after its invocation: messages that succeeded are deleted, the others are left to come back.

A failed message is not touched: its visibility timeout, which runs since it was received, brings it back, and the queue's
redrive policy counts. Only where the lease had to be longer than the visibility timeout is it cut back to it, unless the
function itself has changed the message's visibility meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from bascule.kernel.context import Context
from bascule.kernel.invocation import InvocationResult, InvocationThrottled
from bascule.kernel.journal import Note
from bascule.kernel.store import Tx
from bascule.pollers.sqs_answers import failed_items
from bascule.pollers.sqs_batches import Batch
from bascule.pollers.sqs_records import Record
from bascule.services.lambda_.event_source_model import EventSourceMapping
from bascule.services.lambda_.event_source_state import mapping_arn

#: What the journal says of messages that a successful function reported as failed.
REPORTED = "ReportedAsFailed"
MALFORMED = "MalformedBatchResponse"


class Settlement(msgspec.Struct, frozen=True, kw_only=True):
    """A batch and how it ended."""

    mapping: EventSourceMapping
    queue_name: str
    function_arn: str
    request_id: str
    started_ms: int
    outcome: InvocationResult | Exception
    succeeded: list[Record]
    failed: list[Record]
    code: str = ""
    message: str = ""
    #: Its leases were made longer while it ran.
    is_held: bool = False

    @property
    def is_failed(self) -> bool:
        """Whether not one of its messages succeeded."""
        return bool(self.failed) and not self.succeeded


def settlement_of(
    ctx: Context, mapping: EventSourceMapping, queue_name: str, batch: Batch, outcome: InvocationResult | Exception
) -> Settlement:
    """What to write of a batch that ran in ``ctx``, the context of its beginning."""
    succeeded, failed, code, message = judged(mapping, batch.records, outcome)
    return Settlement(
        mapping=mapping,
        queue_name=queue_name,
        function_arn=mapping.named(ctx.scope).named_arn,
        request_id=ctx.request_id,
        started_ms=ctx.now_ms,
        outcome=outcome,
        succeeded=succeeded,
        failed=failed,
        code=code,
        message=message,
        is_held=batch.held_until_ms > 0,
    )


def judged(
    mapping: EventSourceMapping, records: Sequence[Record], outcome: InvocationResult | Exception
) -> tuple[list[Record], list[Record], str, str]:
    """Which records succeeded and which failed, and what the failure is called."""
    if not isinstance(outcome, InvocationResult):
        code = outcome.reason if isinstance(outcome, InvocationThrottled) else type(outcome).__name__
        return [], list(records), code, str(outcome)
    if outcome.function_error is not None:
        return [], list(records), outcome.error_type or outcome.function_error, outcome.error_message
    if not mapping.reports_failures:
        return list(records), [], "", ""
    names = failed_items(outcome.payload, [record.message_id for record in records])
    if names is None:
        text = "The function's answer is no list of batch item failures, so the whole batch counts as failed."
        return [], list(records), MALFORMED, text
    succeeded = [record for record in records if record.message_id not in names]
    return succeeded, [record for record in records if record.message_id in names], REPORTED, ""


def note_started(
    ctx: Context, tx: Tx, mapping: EventSourceMapping, function_arn: str, records: Iterable[Record]
) -> None:
    """Tell the journal that a batch was begun, for each event in it."""
    for record in records:
        if record.event_id:
            note = Note(
                "invocation-started", ctx.now_ms, record.event_id, function_arn, record.message_id, record.attempt
            )
            ctx.journal.note(tx, msgspec.structs.replace(note, detail=detail_of(ctx, mapping)))


def settle(ctx: Context, tx: Tx, ended: Settlement) -> None:
    """Write the outcome of a batch, whole.

    Promise  in one transaction: every message that succeeded is deleted, unless it was received by somebody else since;
             every other comes back when its visibility timeout ends.
    """
    for record in ended.succeeded:
        tx.queues.settle(record.storage, record.sequence, record.token)
    for record in ended.failed:
        if ended.is_held or record.until_ms != record.visible_ms:
            _restore_visibility(ctx, tx, record)
    _count(ctx, ended)
    detail = {**detail_of(ctx, ended.mapping), "request_id": ended.request_id}
    for record in ended.succeeded:
        if record.event_id:
            _note(ctx, tx, ended, "invocation-succeeded", record, detail)
    for record in ended.failed:
        if record.event_id:
            failed_detail = {**detail, "visible_ms": record.visible_ms}
            if isinstance(ended.outcome, InvocationResult) and ended.outcome.error_type:
                failed_detail["error_type"] = ended.outcome.error_type
            _note(ctx, tx, ended, "invocation-failed", record, failed_detail)


def give_back(ctx: Context, tx: Tx, records: Iterable[Record]) -> None:
    """Make leased messages visible at once that will not be run here."""
    for record in records:
        tx.queues.release(record.storage, record.sequence, record.token, due_ms=ctx.now_ms)


def hold_longer(tx: Tx, records: Iterable[Record], *, until_ms: int) -> None:
    """Keep messages of running batches leased, unless the function has changed their visibility itself."""
    for record in records:
        message = tx.queues.find(record.storage, record.sequence)
        if message is not None and message.lease_token == record.token and record.until_ms <= message.due_ms < until_ms:
            tx.queues.extend(record.storage, record.sequence, record.token, until_ms=until_ms)


def _restore_visibility(ctx: Context, tx: Tx, record: Record) -> None:
    message = tx.queues.find(record.storage, record.sequence)
    if message is not None and message.lease_token == record.token and message.due_ms >= record.until_ms:
        until_ms = max(ctx.now_ms, record.visible_ms)
        tx.queues.extend(record.storage, record.sequence, record.token, until_ms=until_ms)


def detail_of(ctx: Context, mapping: EventSourceMapping) -> dict[str, str | int | float]:
    """What every note of a mapping says of itself."""
    return {"mapping_arn": mapping_arn(ctx.scope, mapping.uuid), "queue_arn": mapping.source_arn}


def _note(
    ctx: Context, tx: Tx, ended: Settlement, kind: str, record: Record, detail: dict[str, str | int | float]
) -> None:
    """The subject is the message's id, which the delivery of the rule knows too: so a story joins them."""
    outcome = ended.outcome
    is_failed = kind == "invocation-failed"
    note = Note(
        kind,
        ctx.now_ms,
        record.event_id,
        ended.function_arn,
        record.message_id,
        record.attempt,
        outcome.duration_ms if isinstance(outcome, InvocationResult) else 0.0,
        ended.code if is_failed else "",
        ended.message if is_failed else "",
        detail,
    )
    ctx.journal.note(tx, note)


def _count(ctx: Context, ended: Settlement) -> None:
    metrics, mapping = ctx.metrics, ended.mapping
    if ended.succeeded:
        metrics.count("AWS/SQS/NumberOfMessagesDeleted", ended.queue_name, len(ended.succeeded))
    if isinstance(ended.outcome, InvocationResult):
        metrics.count("lambda.invocations", mapping.function)
        if ended.outcome.function_error is not None:
            metrics.count("lambda.errors", mapping.function)
    if not mapping.counts_events:
        return
    if ended.failed:
        metrics.count("AWS/Lambda/FailedInvokeEventCount", mapping.uuid, len(ended.failed))
    if ended.succeeded:
        metrics.count("AWS/Lambda/DeletedEventCount", mapping.uuid, len(ended.succeeded))
