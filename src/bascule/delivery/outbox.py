"""The outbox: deliveries that wait for their next try, as messages of the kernel queue ``delivery``.

The body is the delivery and never changes; the headers hold how far it has come. Both are our own encoding.
"""

from __future__ import annotations

import msgspec

from bascule.delivery.limits import MESSAGE_MAX
from bascule.kernel.delivery import Delivery, Refused
from bascule.kernel.queues import Lease, NewMessage, StoredMessage
from bascule.kernel.store import Tx

QUEUE = "delivery"
#: Rows that cannot be read (written by a newer or broken version) are kept here for people and never tried.
UNREADABLE_QUEUE = "delivery/unreadable"


class Progress(msgspec.Struct, frozen=True, array_like=True):
    """How far a delivery has come: tries made, and what the last one ended with."""

    try_count: int = 0
    code: str = ""
    message: str = ""

    @property
    def refused(self) -> Refused:
        """The last refusal, as far as it was kept."""
        return Refused(self.code, self.message, is_retryable=True)


class Waiting(msgspec.Struct, frozen=True):
    """A delivery that waits, for ``bascule retries``: what, until when, and why."""

    delivery_id: str
    event_id: str
    origin: str
    source_arn: str
    target_arn: str
    try_count: int
    #: The next try.
    due_ms: int
    #: No try is made from this moment on.
    expires_ms: int
    code: str
    message: str


_encode = msgspec.msgpack.Encoder().encode
_delivery = msgspec.msgpack.Decoder(Delivery).decode
_progress = msgspec.msgpack.Decoder(Progress).decode


def progress_of(refused: Refused, try_count: int) -> Progress:
    """The progress of a delivery after its ``try_count``-th try was refused."""
    return Progress(try_count, refused.code, refused.message[:MESSAGE_MAX])


def put(tx: Tx, delivery: Delivery, progress: Progress, *, now_ms: int, due_ms: int) -> None:
    """Keep a delivery until its next try."""
    tx.queues.put(
        QUEUE,
        NewMessage(
            message_id=delivery.delivery_id,
            body=_encode(delivery),
            sent_ms=now_ms,
            due_ms=due_ms,
            headers=_encode(progress),
        ),
    )


def release(tx: Tx, lease: Lease, progress: Progress, *, due_ms: int) -> None:
    """Give a row back until its next try."""
    is_ours = tx.queues.release(QUEUE, lease.message.sequence, lease.token, due_ms=due_ms, headers=_encode(progress))
    assert is_ours, "a lease taken in this transaction is ours until it ends"


def settle(tx: Tx, lease: Lease) -> None:
    """Remove a row whose delivery has come to an end."""
    is_ours = tx.queues.settle(QUEUE, lease.message.sequence, lease.token)
    assert is_ours, "a lease taken in this transaction is ours until it ends"


def unpack(message: StoredMessage) -> tuple[Delivery, Progress] | None:
    """What a row holds; None when it cannot be read."""
    try:
        return _delivery(message.body), _progress(message.headers)
    except msgspec.MsgspecError:
        return None


def waiting(tx: Tx, *, count_max: int) -> list[Waiting]:
    """Up to ``count_max`` waiting deliveries, soonest first; of a longer outbox, the oldest rows."""
    found = []
    for message in tx.queues.peek(QUEUE, count_max=count_max):
        row = unpack(message)
        if row is not None:
            found.append(_waiting(message, *row))
    return sorted(found, key=lambda row: row.due_ms)


def _waiting(message: StoredMessage, delivery: Delivery, progress: Progress) -> Waiting:
    return Waiting(
        delivery_id=delivery.delivery_id,
        event_id=delivery.event_id,
        origin=delivery.origin,
        source_arn=delivery.source_arn,
        target_arn=delivery.target_arn,
        try_count=progress.try_count,
        due_ms=message.due_ms,
        expires_ms=delivery.created_ms + delivery.retry.age_max_ms,
        code=progress.code,
        message=progress.message,
    )
