"""Publish and PublishBatch: a checked message, numbered and deduplicated on FIFO topics, then handed to all subscribers."""

from __future__ import annotations

import msgspec

from bascule.api import sns as api
from bascule.kernel.context import Context
from bascule.kernel.errors import NotImplementedHere
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.services.sns import limits, state
from bascule.services.sns.addressing import TopicName
from bascule.services.sns.content import Content, read_content
from bascule.services.sns.errors import (
    BatchEntryIdsNotDistinct,
    BatchRequestTooLong,
    EmptyBatchRequest,
    InvalidBatchEntryId,
    InvalidParameter,
    SnsError,
    TooManyEntriesInBatchRequest,
)
from bascule.services.sns.fan_out import Cause, Message, fan_out
from bascule.services.sns.model import Topic

#: Sequence numbers shown to callers have 20 digits.
SEQUENCE_BASE = 10_000_000_000_000_000_000


class Published(msgspec.Struct, frozen=True):
    """What the publisher is told; ``sequence`` on FIFO topics only."""

    message_id: str
    sequence: str | None = None


def publish_content(ctx: Context, tx: Tx, named: TopicName, topic: Topic, content: Content, cause: Cause) -> Published:
    """Take a message and hand it to all subscribers.

    Gives    its id; on a FIFO topic also its sequence number, both of the earlier message when this is a duplicate of it
             within five minutes, which is then sent to nobody.
    """
    if not topic.is_fifo:
        message = Message(ctx.ids.uuid(), content)
        fan_out(ctx, tx, named, topic, message, cause)
        return Published(message.message_id)
    deduplication_id = content.deduplication_id
    assert deduplication_id is not None, "content of a FIFO topic has one, given or made"
    key = f"{content.group}\n{deduplication_id}" if topic.is_deduplicated_by_group else deduplication_id
    earlier = tx.queues.duplicate_of(topic.deduplication_queue, key, now_ms=ctx.now_ms)
    if earlier is not None:
        return Published(earlier[0], str(SEQUENCE_BASE + earlier[1]))
    number = state.next_sequence(tx, named.scope, topic)
    message = Message(ctx.ids.uuid(), content, str(SEQUENCE_BASE + number))
    tx.queues.deduplicate(
        topic.deduplication_queue,
        key,
        message_id=message.message_id,
        sequence=number,
        now_ms=ctx.now_ms,
        keep_ms=limits.DEDUPLICATION_MS,
    )
    fan_out(ctx, tx, named, topic, message, cause)
    return Published(message.message_id, message.sequence)


def _find(ctx: Context, tx: Tx, inp: api.PublishInput) -> tuple[TopicName, Topic]:
    if inp.topic_arn and inp.target_arn:
        raise InvalidParameter.of("TopicArn or TargetArn", "Both cannot be specified")
    arn = inp.topic_arn or inp.target_arn
    if not arn:
        raise InvalidParameter.of("TopicArn or TargetArn", "no value for required parameter")
    if not inp.topic_arn and arn.partition("endpoint/")[1]:
        raise NotImplementedHere("Bascule does not implement publishing to a mobile end point yet; publish to a topic.")
    return state.find(ctx, tx, arn, "TopicArn" if inp.topic_arn else "TargetArn")


@operation("Publish", refuses=("PhoneNumber",))
def publish(ctx: Context, tx: Tx, inp: api.PublishInput) -> api.PublishResponse:
    """Publish one message to a topic.

    Gives    the message id, and on a FIFO topic the sequence number.
    Raises   NotFound, InvalidParameter, InvalidParameterValue.
    Promise  on disk before the answer, together with every queue's and function's copy; HTTP follows from durable rows.
    Source   Publish API reference; sources.md 2.2.
    """
    named, topic = _find(ctx, tx, inp)
    content = read_content(topic, inp)
    published = publish_content(ctx, tx, named, topic, content, Cause(trace_header=ctx.trace_header))
    return api.PublishResponse(message_id=published.message_id, sequence_number=published.sequence)


@operation("PublishBatch")
def publish_batch(ctx: Context, tx: Tx, inp: api.PublishBatchInput) -> api.PublishBatchResponse:
    """Publish up to ten messages; every entry succeeds or fails alone.

    Raises   NotFound, InvalidParameter, EmptyBatchRequest, TooManyEntriesInBatchRequest, InvalidBatchEntryId,
             BatchEntryIdsNotDistinct, BatchRequestTooLong.
    """
    named, topic = state.find(ctx, tx, inp.topic_arn)
    entries = inp.publish_batch_request_entries
    _check_entries(entries)
    contents: list[tuple[str, Content | SnsError]] = []
    for entry in entries:
        try:
            contents.append((entry.id, read_content(topic, entry)))
        except SnsError as error:
            contents.append((entry.id, error))
    if sum(found.size_bytes for _, found in contents if isinstance(found, Content)) > topic.message_bytes_max:
        raise BatchRequestTooLong
    successful: list[api.PublishBatchResultEntry] = []
    failed: list[api.BatchResultErrorEntry] = []
    cause = Cause(trace_header=ctx.trace_header)
    for entry_id, found in contents:
        if isinstance(found, SnsError):
            failed.append(
                api.BatchResultErrorEntry(id=entry_id, code=found.wire_code, message=found.message, sender_fault=True)
            )
            continue
        published = publish_content(ctx, tx, named, topic, found, cause)
        successful.append(
            api.PublishBatchResultEntry(
                id=entry_id, message_id=published.message_id, sequence_number=published.sequence
            )
        )
    return api.PublishBatchResponse(successful=successful, failed=failed)


def _check_entries(entries: list[api.PublishBatchRequestEntry]) -> None:
    if not entries:
        raise EmptyBatchRequest
    if len(entries) > limits.BATCH_ENTRIES_MAX:
        raise TooManyEntriesInBatchRequest
    if not all(limits.BATCH_ENTRY_ID.fullmatch(entry.id) for entry in entries):
        raise InvalidBatchEntryId
    if len({entry.id for entry in entries}) < len(entries):
        raise BatchEntryIdsNotDistinct
