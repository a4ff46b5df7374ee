"""SendMessage and SendMessageBatch."""

from __future__ import annotations

from bascule.api import sqs as api
from bascule.kernel.context import Context
from bascule.kernel.scope import Scope
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.services.sqs import content, limits, state
from bascule.services.sqs.batches import check_entries, failure
from bascule.services.sqs.digests import attributes_digest, body_digest
from bascule.services.sqs.errors import BatchRequestTooLong, InvalidParameterValue, SqsError
from bascule.services.sqs.model import Queue
from bascule.services.sqs.posting import Letter, post, post_all, show_sequence


def _check_delay(queue: Queue, delay_s: int) -> None:
    if queue.is_fifo:
        raise InvalidParameterValue.wrong_queue_type(delay_s, "DelaySeconds")
    if not 0 <= delay_s <= limits.DELAY_S_MAX:
        raise InvalidParameterValue.of(
            delay_s, "DelaySeconds", f"DelaySeconds must be >= 0 and <= {limits.DELAY_S_MAX}."
        )


def _read_letter(
    ctx: Context,
    scope: Scope,
    queue: Queue,
    inp: api.SendMessageRequest | api.SendMessageBatchRequestEntry,
    *,
    is_batch: bool,
) -> Letter:
    body = content.read_body(inp.message_body)
    attributes = content.read_attributes(inp.message_attributes) if inp.message_attributes else {}
    trace = (
        content.read_trace(inp.message_system_attributes)
        if inp.message_system_attributes
        else content.trace_of_request(ctx.trace_header)
    )
    content.check_size(queue, body, attributes)
    if inp.delay_seconds is not None:
        _check_delay(queue, inp.delay_seconds)
    if queue.is_fifo or inp.message_group_id is not None or inp.message_deduplication_id is not None:
        content.check_ids(queue, inp.message_group_id, inp.message_deduplication_id, is_batch=is_batch)
    sender = "" if scope.account == ctx.scope.account else ctx.scope.account
    return Letter(
        body,
        attributes,
        trace,
        inp.message_group_id,
        inp.message_deduplication_id or "",
        sender,
        inp.delay_seconds,
    )


def _system_digest(inp: api.SendMessageRequest | api.SendMessageBatchRequestEntry, letter: Letter) -> str | None:
    """Of the system attributes that were given; a trace that came with the request is not one of them."""
    return attributes_digest(content.trace_attributes(letter.trace)) if inp.message_system_attributes else None


@operation("SendMessage")
def send_message(ctx: Context, tx: Tx, inp: api.SendMessageRequest) -> api.SendMessageResult:
    """Enqueue one message.

    Gives    its id, the MD5 of body and attributes, and on a FIFO queue its sequence number.
    Raises   QueueDoesNotExist, MissingParameter, InvalidParameterValue, InvalidMessageContents, UnsupportedOperation.
    Promise  on disk before the answer; on a FIFO queue exactly once for a deduplication id within five minutes.
    Source   SendMessage API reference.
    """
    scope, queue = state.find(ctx, tx, inp.queue_url)
    letter = _read_letter(ctx, scope, queue, inp, is_batch=False)
    posted = post(ctx, tx, queue, letter)
    return api.SendMessageResult(
        md5_of_message_body=body_digest(letter.body),
        md5_of_message_attributes=attributes_digest(letter.attributes),
        md5_of_message_system_attributes=_system_digest(inp, letter),
        message_id=posted.message_id,
        sequence_number=show_sequence(posted.sequence),
    )


def _check_batch_size(entries: list[api.SendMessageBatchRequestEntry]) -> None:
    size = 0
    for entry in entries:
        body = entry.message_body
        size += len(body) if body.isascii() else len(body.encode(errors="surrogatepass"))
        for name, value in (entry.message_attributes or {}).items():
            size += len(name.encode(errors="surrogatepass")) + len(value.data_type)
            size += len((value.string_value or "").encode(errors="surrogatepass")) + len(value.binary_value or b"")
    if size > limits.BATCH_BYTES_MAX:
        raise BatchRequestTooLong(
            f"Batch requests cannot be longer than {limits.BATCH_BYTES_MAX} bytes. You have sent {size} bytes."
        )


@operation("SendMessageBatch")
def send_message_batch(ctx: Context, tx: Tx, inp: api.SendMessageBatchRequest) -> api.SendMessageBatchResult:
    """Enqueue up to ten messages; each succeeds or fails alone.

    Raises   QueueDoesNotExist, EmptyBatchRequest, TooManyEntriesInBatchRequest, InvalidBatchEntryId,
             BatchEntryIdsNotDistinct, BatchRequestTooLong. Anything else is a failed entry.
    Source   SendMessageBatch API reference.
    """
    scope, queue = state.find(ctx, tx, inp.queue_url)
    check_entries(inp.entries, "SendMessageBatchRequestEntry")
    _check_batch_size(inp.entries)
    entries: list[api.SendMessageBatchRequestEntry] = []
    letters: list[Letter] = []
    failed: list[api.BatchResultErrorEntry] = []
    for entry in inp.entries:
        try:
            letters.append(_read_letter(ctx, scope, queue, entry, is_batch=True))
        except SqsError as error:
            failed.append(failure(entry.id, error))
        else:
            entries.append(entry)
    successful = [
        api.SendMessageBatchResultEntry(
            id=entry.id,
            message_id=posted.message_id,
            md5_of_message_body=body_digest(letter.body),
            md5_of_message_attributes=attributes_digest(letter.attributes) if letter.attributes else None,
            md5_of_message_system_attributes=_system_digest(entry, letter),
            sequence_number=show_sequence(posted.sequence),
        )
        for entry, letter, posted in zip(entries, letters, post_all(ctx, tx, queue, letters), strict=True)
    ]
    return api.SendMessageBatchResult(successful=successful or None, failed=failed or None)
