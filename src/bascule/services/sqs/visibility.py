"""ChangeMessageVisibility and its batch."""

from __future__ import annotations

from bascule.api import sqs as api
from bascule.kernel.context import Context
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.services.sqs import limits, state
from bascule.services.sqs.batches import check_entries, failure
from bascule.services.sqs.errors import InvalidParameterValue, MessageNotInflight, MissingParameter, SqsError
from bascule.services.sqs.model import Queue
from bascule.services.sqs.receipts import read_handle
from bascule.services.sqs.receiving import is_in_flight


def _change(ctx: Context, tx: Tx, queue: Queue, handle: str, timeout_s: int | None) -> None:
    """Move the end of a message's visibility timeout to ``timeout_s`` from now; 0 makes it visible at once."""
    if not handle:
        raise MissingParameter.named("ReceiptHandle")
    if timeout_s is None:
        raise MissingParameter.named("VisibilityTimeout")
    if not 0 <= timeout_s <= limits.VISIBILITY_S_MAX:
        raise InvalidParameterValue.of(
            timeout_s,
            "VisibilityTimeout",
            f"VisibilityTimeout must be an integer between 0 and {limits.VISIBILITY_S_MAX}",
        )
    receipt = read_handle(queue, handle)
    message = tx.queues.find(queue.storage, receipt.sequence) if receipt.storage == queue.storage else None
    if message is None:
        raise InvalidParameterValue.of(
            handle, "ReceiptHandle", "Message does not exist or is not available for visibility timeout change."
        )
    if not is_in_flight(message, receipt.token, now_ms=ctx.now_ms):
        if queue.is_fifo:
            raise InvalidParameterValue.of(handle, "ReceiptHandle", "The receipt handle has expired.")
        raise MessageNotInflight
    until_ms = ctx.now_ms + timeout_s * 1000
    if until_ms > receipt.received_ms + limits.VISIBILITY_S_MAX * 1000:
        raise InvalidParameterValue.of(
            timeout_s,
            "VisibilityTimeout",
            f"Total VisibilityTimeout for the message is beyond the limit [{limits.VISIBILITY_S_MAX} seconds]",
        )
    tx.queues.extend(queue.storage, receipt.sequence, receipt.token, until_ms=until_ms)


@operation("ChangeMessageVisibility")
def change_message_visibility(ctx: Context, tx: Tx, inp: api.ChangeMessageVisibilityRequest) -> api.Empty:
    """Change when a message in flight becomes visible again, counted from now, at most 12 hours from its receive.

    Raises   QueueDoesNotExist, MessageNotInflight, ReceiptHandleIsInvalid, InvalidParameterValue, MissingParameter.
    Source   ChangeMessageVisibility API reference.
    """
    _, queue = state.find(ctx, tx, inp.queue_url)
    _change(ctx, tx, queue, inp.receipt_handle, inp.visibility_timeout)
    return api.Empty()


@operation("ChangeMessageVisibilityBatch")
def change_message_visibility_batch(
    ctx: Context, tx: Tx, inp: api.ChangeMessageVisibilityBatchRequest
) -> api.ChangeMessageVisibilityBatchResult:
    """Change the visibility of up to ten messages; each succeeds or fails alone.

    Raises   QueueDoesNotExist, EmptyBatchRequest, TooManyEntriesInBatchRequest, InvalidBatchEntryId,
             BatchEntryIdsNotDistinct. Anything else is a failed entry.
    """
    _, queue = state.find(ctx, tx, inp.queue_url)
    check_entries(inp.entries, "ChangeMessageVisibilityBatchRequestEntry")
    successful: list[api.ChangeMessageVisibilityBatchResultEntry] = []
    failed: list[api.BatchResultErrorEntry] = []
    for entry in inp.entries:
        try:
            _change(ctx, tx, queue, entry.receipt_handle, entry.visibility_timeout)
        except SqsError as error:
            failed.append(failure(entry.id, error))
        else:
            successful.append(api.ChangeMessageVisibilityBatchResultEntry(id=entry.id))
    return api.ChangeMessageVisibilityBatchResult(successful=successful or None, failed=failed or None)
