"""How the resources of SQS are kept and found; the only file that knows their keys.

Decoded queues are cached by the bytes they were decoded from: a pure function of the stored body, so it can never be stale.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import msgspec

from bascule.kernel.arns import parse_arn
from bascule.kernel.context import Context
from bascule.kernel.documents import Collection, DocumentKey, Documents
from bascule.kernel.scope import Scope
from bascule.kernel.store import Tx
from bascule.services.sqs.addressing import read_url
from bascule.services.sqs.errors import QueueDoesNotExist
from bascule.services.sqs.model import MoveTasks, Queue

#: Fired when there is a discarded message store to empty, or a move task to work on.
DISCARDED_SIGNAL = "sqs.discarded"
MOVES_SIGNAL = "sqs.moves"


class Mark(msgspec.Struct, frozen=True):
    """A document whose existence is what matters; ``at_ms`` tells since when."""

    at_ms: int = 0


class Cursor(msgspec.Struct, frozen=True):
    """Where a sweep over all queues goes on."""

    account: str = ""
    region: str = ""
    name: str = ""


_QUEUE = "sqs.queue"
_queues = Collection(_QUEUE, Queue)
_decode = lru_cache(maxsize=1024)(msgspec.msgpack.Decoder(Queue).decode)


@lru_cache(maxsize=4096)
def _key(scope: Scope, name: str) -> DocumentKey:
    return DocumentKey(_QUEUE, scope, "", name)


#: Names of queues deleted a moment ago.
deleted = Collection("sqs.deleted", Mark)
#: parent: ARN of a dead-letter queue; name: a queue of the same scope that redrives to it.
redrive_sources = Collection("sqs.redrive_source", Mark)
#: name: a kernel queue whose messages nobody may see again.
discarded = Collection("sqs.discarded", Mark)
move_tasks = Collection("sqs.move_tasks", MoveTasks)
#: name: a dead-letter queue that has a running move task.
moves_running = Collection("sqs.move_running", Mark)
sweep_cursor = Collection("sqs.sweep_cursor", Cursor)
#: Scope of what belongs to the store rather than to an account.
STORE_SCOPE = Scope("", "")


def get_queue(documents: Documents, scope: Scope, name: str) -> Queue | None:
    """The queue, or None. Costs one cached look-up."""
    body = documents.get(_key(scope, name))
    return None if body is None else _decode(body)


def put_queue(documents: Documents, scope: Scope, queue: Queue) -> None:
    """Create or replace a queue."""
    _queues.put(documents, scope, queue.name, queue)


def delete_queue(documents: Documents, scope: Scope, name: str) -> None:
    """Remove the queue's document."""
    _queues.delete(documents, scope, name)


def page_queues(documents: Documents, scope: Scope, *, prefix: str, after: str, count_max: int) -> list[str]:
    """Names of the scope's queues, in order."""
    return [name for name, _ in documents.page(_QUEUE, scope, "", prefix=prefix, after=after, count_max=count_max)]


def page_all_queues(documents: Documents, after: Cursor, count_max: int) -> Iterator[tuple[DocumentKey, Queue]]:
    """Queues of every scope that come after a cursor."""
    start = DocumentKey(_QUEUE, Scope(after.account, after.region), "", after.name) if after.name else None
    for key, body in documents.page_kind(_QUEUE, after=start, count_max=count_max):
        yield key, _decode(body)


def find(ctx: Context, tx: Tx, url: str) -> tuple[Scope, Queue]:
    """The queue that a request means, and the scope that owns it.

    Raises   QueueDoesNotExist, InvalidAddress, MissingParameter.
    """
    account, name = read_url(url)
    scope = ctx.scope
    if account and account != scope.account:
        scope = Scope(account, scope.region)
    queue = get_queue(tx.documents, scope, name)
    if queue is None:
        raise QueueDoesNotExist
    return scope, queue


def find_arn(tx: Tx, arn: str) -> tuple[Scope, Queue] | None:
    """The queue of an ARN, or None when it is no SQS ARN or the queue does not exist."""
    parts = parse_arn(arn)
    if parts is None or parts.service != "sqs":
        return None
    queue = get_queue(tx.documents, parts.scope, parts.resource)
    return None if queue is None else (parts.scope, queue)


def discard(tx: Tx, queue: Queue, *, now_ms: int) -> None:
    """Give up a queue's messages: nobody sees them again; a loop removes them. Wakes those who wait for one."""
    discarded.put(tx.documents, STORE_SCOPE, queue.storage, Mark(now_ms))
    tx.notify(DISCARDED_SIGNAL)
    tx.notify(queue.signal)
