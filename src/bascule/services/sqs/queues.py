"""Queues as resources: create, find, list, describe, change, purge, delete."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from bascule.api import sqs as api
from bascule.kernel.context import Context
from bascule.kernel.scope import Scope
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.services.sqs import attributes, limits, redrive, state
from bascule.services.sqs.addressing import make_url
from bascule.services.sqs.errors import (
    InvalidAttributeName,
    InvalidAttributeValue,
    InvalidParameterValue,
    MissingParameter,
    PurgeQueueInProgress,
    QueueDeletedRecently,
    QueueDoesNotExist,
    QueueNameExists,
)
from bascule.services.sqs.model import Queue
from bascule.services.sqs.paging import page
from bascule.services.sqs.tags import check_tags

_ALL = "All"
_COUNTS = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)
_FACTS = ("QueueArn", "CreatedTimestamp", "LastModifiedTimestamp")


def _check_name(name: str, *, is_fifo: bool) -> None:
    if not name:
        raise MissingParameter.named("QueueName")
    stem = name.removesuffix(limits.FIFO_SUFFIX)
    if is_fifo:
        if stem == name or not limits.QUEUE_NAME.fullmatch(stem) or len(name) > limits.QUEUE_NAME_LENGTH_MAX:
            raise InvalidParameterValue(
                "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, "
                "must end with .fifo suffix and be 1 to 80 in length."
            )
    elif not limits.QUEUE_NAME.fullmatch(name):
        raise InvalidParameterValue(
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
        )


def _split_kind(given: Mapping[str, str] | None) -> tuple[bool, dict[str, str]]:
    """Whether a FIFO queue is asked for, and the other attributes. ``FifoQueue`` of ``false`` is unknown to SQS."""
    rest = dict(given or {})
    kind = rest.pop("FifoQueue", None)
    if kind is not None and kind.lower() != "true":
        raise InvalidAttributeName.unknown("FifoQueue")
    return kind is not None, rest


@operation("CreateQueue")
def create_queue(ctx: Context, tx: Tx, inp: api.CreateQueueRequest) -> api.CreateQueueResult:
    """Make a queue, or give the URL of the one that has this name and no different attribute.

    Raises   QueueNameExists, QueueDeletedRecently, InvalidParameterValue, InvalidAttributeName, InvalidAttributeValue.
    Source   CreateQueue API reference. Tags are not compared.
    """
    is_fifo, given = _split_kind(inp.attributes)
    name, scope = inp.queue_name, ctx.scope
    _check_name(name, is_fifo=is_fifo)
    answer = api.CreateQueueResult(queue_url=make_url(ctx.base_url, scope, name))
    existing = state.get_queue(tx.documents, scope, name)
    if existing is not None:
        different = attributes.first_difference(existing, given)
        if different is not None:
            raise QueueNameExists(different)
        return answer
    gone = state.deleted.get(tx.documents, scope, name)
    if gone is not None:
        if ctx.now_ms < gone.at_ms + limits.NAME_REUSE_WAIT_MS:
            raise QueueDeletedRecently
        state.deleted.delete(tx.documents, scope, name)
    uuid = ctx.ids.uuid()
    fresh = Queue(uuid, name, f"sqs/{uuid}", ctx.now_ms, ctx.now_ms, is_fifo=is_fifo, tags=check_tags(inp.tags or {}))
    queue = attributes.changed(fresh, given)
    redrive.check_redrive(tx, scope, queue)
    redrive.link(tx, scope, None, queue)
    state.put_queue(tx.documents, scope, queue)
    return answer


@operation("GetQueueUrl", reads=True)
def get_queue_url(ctx: Context, tx: Tx, inp: api.GetQueueUrlRequest) -> api.GetQueueUrlResult:
    """The URL of a queue by name, of this account or another.

    Raises   QueueDoesNotExist.
    """
    if not inp.queue_name:
        raise MissingParameter.named("QueueName")
    scope = Scope(inp.queue_owner_aws_account_id or ctx.scope.account, ctx.scope.region)
    if state.get_queue(tx.documents, scope, inp.queue_name) is None:
        raise QueueDoesNotExist
    return api.GetQueueUrlResult(queue_url=make_url(ctx.base_url, scope, inp.queue_name))


@operation("ListQueues", reads=True)
def list_queues(ctx: Context, tx: Tx, inp: api.ListQueuesRequest) -> api.ListQueuesResult:
    """URLs of the scope's queues by name, those that start with a prefix; the list is absent when empty."""
    prefix = inp.queue_name_prefix or ""

    def names_after(after: str, count_max: int) -> list[str]:
        return state.page_queues(tx.documents, ctx.scope, prefix=prefix, after=after, count_max=count_max)

    names, token = page(names_after, count_max=inp.max_results, token=inp.next_token)
    urls = [make_url(ctx.base_url, ctx.scope, name) for name in names]
    return api.ListQueuesResult(queue_urls=urls or None, next_token=token)


@operation("GetQueueAttributes", reads=True)
def get_queue_attributes(ctx: Context, tx: Tx, inp: api.GetQueueAttributesRequest) -> api.GetQueueAttributesResult:
    """The attributes asked for; those that are not set are left out, and so is an empty map.

    Raises   QueueDoesNotExist, InvalidAttributeName.
    """
    scope, queue = state.find(ctx, tx, inp.queue_url)
    known = (*_FACTS, *_COUNTS, "FifoQueue", *attributes.SETTABLE)
    asked = inp.attribute_names or []
    for name in asked:
        if name != _ALL and name not in known:
            raise InvalidAttributeName.unknown(name)
    names = known if _ALL in asked else asked
    shown = _describe(tx, scope, queue, now_ms=ctx.now_ms, names=frozenset(names))
    return api.GetQueueAttributesResult(attributes=shown or None)


def _describe(tx: Tx, scope: Scope, queue: Queue, *, now_ms: int, names: frozenset[str]) -> dict[str, str]:
    values: dict[str, str | None] = {
        "QueueArn": scope.arn("sqs", queue.name),
        "CreatedTimestamp": str(queue.created_ms // 1000),
        "LastModifiedTimestamp": str(queue.modified_ms // 1000),
        "FifoQueue": "true" if queue.is_fifo else None,
    }
    for name, attribute in attributes.SETTABLE.items():
        if queue.is_fifo or not attribute.is_fifo_only:
            values[name] = attribute.show(queue)
    if names.intersection(_COUNTS):
        counts = tx.queues.counts(queue.storage, now_ms=now_ms, sent_after_ms=queue.expired_ms(now_ms))
        values |= zip(_COUNTS, (str(counts.ready), str(counts.leased), str(counts.delayed)), strict=True)
    return {name: value for name, value in values.items() if name in names and value is not None}


@operation("SetQueueAttributes")
def set_queue_attributes(ctx: Context, tx: Tx, inp: api.SetQueueAttributesRequest) -> api.Empty:
    """Change attributes; later receives and sends see them, messages in flight keep their timeout.

    Raises   QueueDoesNotExist, InvalidAttributeName, InvalidAttributeValue, InvalidParameterValue.
    """
    scope, queue = state.find(ctx, tx, inp.queue_url)
    given = dict(inp.attributes)
    if not given:
        raise MissingParameter.named("Attributes")
    kind = given.pop("FifoQueue", None)
    if kind is not None and (kind.lower() == "true") is not queue.is_fifo:
        raise InvalidAttributeValue.of("FifoQueue", "Modifying queue type is not supported.")
    after = msgspec.structs.replace(attributes.changed(queue, given), modified_ms=ctx.now_ms)
    if "RedrivePolicy" in given:
        redrive.check_redrive(tx, scope, after)
        redrive.link(tx, scope, queue, after)
    state.put_queue(tx.documents, scope, after)
    return api.Empty()


@operation("PurgeQueue")
def purge_queue(ctx: Context, tx: Tx, inp: api.PurgeQueueRequest) -> api.Empty:
    """Remove every message, visible, delayed or in flight.

    Raises   QueueDoesNotExist; PurgeQueueInProgress within 60 seconds of the last purge.
    Differs  gone at once: what is sent before the call is never received after it, what is sent later never lost.
    """
    scope, queue = state.find(ctx, tx, inp.queue_url)
    if queue.purged_ms and ctx.now_ms < queue.purged_ms + limits.PURGE_INTERVAL_MS:
        raise PurgeQueueInProgress(queue.name)
    after = msgspec.structs.replace(queue, storage=f"sqs/{ctx.ids.uuid()}", purged_ms=ctx.now_ms)
    state.put_queue(tx.documents, scope, after)
    state.discard(tx, queue, now_ms=ctx.now_ms)
    return api.Empty()


@operation("DeleteQueue")
def delete_queue(ctx: Context, tx: Tx, inp: api.DeleteQueueRequest) -> api.Empty:
    """Remove a queue with all its messages. Those who wait for a message learn that the queue is gone.

    Raises   QueueDoesNotExist.
    """
    scope, queue = state.find(ctx, tx, inp.queue_url)
    redrive.link(tx, scope, queue, None)
    state.delete_queue(tx.documents, scope, queue.name)
    state.move_tasks.delete(tx.documents, scope, queue.name)
    state.moves_running.delete(tx.documents, scope, queue.name)
    state.deleted.put(tx.documents, scope, queue.name, state.Mark(ctx.now_ms))
    state.discard(tx, queue, now_ms=ctx.now_ms)
    return api.Empty()
