"""DeleteMessage and DeleteMessageBatch."""

from __future__ import annotations

from bascule.api import sqs as api
from bascule.kernel.context import Context
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.services.sqs import state
from bascule.services.sqs.batches import check_entries, failure
from bascule.services.sqs.errors import InvalidParameterValue, MissingParameter, SqsError
from bascule.services.sqs.model import Queue
from bascule.services.sqs.receipts import read_handle
from bascule.services.sqs.receiving import is_in_flight


def _delete(ctx: Context, tx: Tx, queue: Queue, handle: str) -> None:
    """Settle the message of a handle.

    A standard queue lets an old handle delete the message as long as nobody received it again; a later receive makes the
    handle void, silently. A FIFO queue refuses a handle whose visibility timeout is over: its message may already have been
    given to another consumer, and deleting it would break the group's order.
    """
    if not handle:
        raise MissingParameter.named("ReceiptHandle")
    receipt = read_handle(queue, handle)
    if queue.is_fifo and receipt.storage == queue.storage:
        message = tx.queues.find(queue.storage, receipt.sequence)
        if message is not None and not is_in_flight(message, receipt.token, now_ms=ctx.now_ms):
            raise InvalidParameterValue.of(handle, "ReceiptHandle", "The receipt handle has expired.")
    if receipt.storage == queue.storage:
        tx.queues.settle(queue.storage, receipt.sequence, receipt.token)


@operation("DeleteMessage")
def delete_message(ctx: Context, tx: Tx, inp: api.DeleteMessageRequest) -> api.Empty:
    """Remove a received message for good; deleting it twice is fine.

    Raises   QueueDoesNotExist, ReceiptHandleIsInvalid; InvalidParameterValue for an expired handle of a FIFO queue.
    Source   DeleteMessage API reference.
    """
    _, queue = state.find(ctx, tx, inp.queue_url)
    _delete(ctx, tx, queue, inp.receipt_handle)
    ctx.metrics.count("AWS/SQS/NumberOfMessagesDeleted", queue.name)
    return api.Empty()


@operation("DeleteMessageBatch")
def delete_message_batch(ctx: Context, tx: Tx, inp: api.DeleteMessageBatchRequest) -> api.DeleteMessageBatchResult:
    """Remove up to ten messages; each succeeds or fails alone.

    Raises   QueueDoesNotExist, EmptyBatchRequest, TooManyEntriesInBatchRequest, InvalidBatchEntryId,
             BatchEntryIdsNotDistinct. Anything else is a failed entry.
    """
    _, queue = state.find(ctx, tx, inp.queue_url)
    check_entries(inp.entries, "DeleteMessageBatchRequestEntry")
    successful: list[api.DeleteMessageBatchResultEntry] = []
    failed: list[api.BatchResultErrorEntry] = []
    for entry in inp.entries:
        try:
            _delete(ctx, tx, queue, entry.receipt_handle)
        except SqsError as error:
            failed.append(failure(entry.id, error))
        else:
            successful.append(api.DeleteMessageBatchResultEntry(id=entry.id))
    if successful:
        ctx.metrics.count("AWS/SQS/NumberOfMessagesDeleted", queue.name, len(successful))
    return api.DeleteMessageBatchResult(successful=successful or None, failed=failed or None)
