"""Putting a checked message into a queue. The hot path of the service: one buffered put for a standard queue."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

from bascule.kernel.context import Context
from bascule.kernel.queues import NewMessage
from bascule.kernel.store import Tx
from bascule.services.sqs import limits
from bascule.services.sqs.model import Headers, Queue, pack_headers

#: Sequence numbers shown to callers have 20 digits.
SEQUENCE_BASE = 10_000_000_000_000_000_000


class Letter(NamedTuple):
    """A message that passed the checks. ``deduplication_id`` empty: none was given."""

    body: bytes
    attributes: dict[str, tuple[str, bytes]] = {}
    trace: str = ""
    group: str | None = None
    deduplication_id: str = ""
    sender: str = ""
    delay_s: int | None = None


class Posted(NamedTuple):
    """What the sender is told; ``sequence`` on FIFO queues only."""

    message_id: str
    sequence: int | None


def post(ctx: Context, tx: Tx, queue: Queue, letter: Letter) -> Posted:
    """Enqueue a message.

    Gives    its id; on a FIFO queue also its sequence number, both of the earlier message when this is a duplicate of it.
    Promise  durable with the transaction; a duplicate within five minutes of the first send enqueues nothing.
    """
    if queue.is_fifo:
        return _post_in_order(ctx, tx, queue, letter)
    return Posted(post_plain(ctx, tx, queue, letter.body, _headers_of(letter), letter.group, letter.delay_s), None)


def post_plain(
    ctx: Context,
    tx: Tx,
    queue: Queue,
    body: bytes,
    headers: bytes = b"",
    group: str | None = None,
    delay_s: int | None = None,
) -> str:
    """Enqueue a message on a standard queue; gives its id. The shortest way, for what has nothing beside its body."""
    ctx.metrics.count("AWS/SQS/NumberOfMessagesSent", queue.name)
    message_id = ctx.ids.uuid()
    now_ms = due_ms = ctx.now_ms
    if delay_s is None:
        delay_s = queue.delay_s
    if delay_s:
        due_ms += delay_s * 1000
    tx.queues.put(queue.storage, NewMessage(message_id, body, now_ms, due_ms, headers, group))
    return message_id


def post_all(ctx: Context, tx: Tx, queue: Queue, letters: Sequence[Letter]) -> list[Posted]:
    """The same as a ``post`` for each of a batch's letters, for less on a standard queue."""
    if queue.is_fifo:
        return [_post_in_order(ctx, tx, queue, letter) for letter in letters]
    if not letters:
        return []
    ctx.metrics.count("AWS/SQS/NumberOfMessagesSent", queue.name, len(letters))
    now_ms, new_id = ctx.now_ms, ctx.ids.uuid
    messages = [
        NewMessage(
            new_id(),
            letter.body,
            now_ms,
            now_ms + 1000 * (queue.delay_s if letter.delay_s is None else letter.delay_s),
            _headers_of(letter),
            letter.group,
        )
        for letter in letters
    ]
    tx.queues.put_all(queue.storage, messages)
    return [Posted(message.message_id, None) for message in messages]


def _headers_of(letter: Letter) -> bytes:
    if letter.attributes or letter.trace or letter.sender:
        return pack_headers(Headers(letter.attributes, letter.trace, "", letter.sender))
    return b""


def _post_in_order(ctx: Context, tx: Tx, queue: Queue, letter: Letter) -> Posted:
    deduplication_id = letter.deduplication_id or sha256(letter.body).hexdigest()
    key = f"{letter.group}\n{deduplication_id}" if queue.is_deduplicated_by_group else deduplication_id
    earlier = tx.queues.duplicate_of(queue.identity, key, now_ms=ctx.now_ms)
    if earlier is not None:
        return Posted(*earlier)
    ctx.metrics.count("AWS/SQS/NumberOfMessagesSent", queue.name)
    message_id = ctx.ids.uuid()
    headers = pack_headers(Headers(letter.attributes, letter.trace, deduplication_id, letter.sender))
    due_ms = ctx.now_ms + queue.delay_s * 1000
    sequence = tx.queues.put(
        queue.storage,
        NewMessage(message_id, letter.body, ctx.now_ms, due_ms, headers, letter.group, is_ordered=True),
    )
    tx.queues.deduplicate(
        queue.identity,
        key,
        message_id=message_id,
        sequence=sequence,
        now_ms=ctx.now_ms,
        keep_ms=limits.DEDUPLICATION_MS,
    )
    return Posted(message_id, sequence)


def show_sequence(sequence: int | None) -> str | None:
    """A sequence number as callers see it: 20 digits, increasing."""
    return None if sequence is None else str(SEQUENCE_BASE + sequence)
