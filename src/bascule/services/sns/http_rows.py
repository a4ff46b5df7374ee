"""HTTP deliveries as rows: one kernel queue for each subscription, so that a slow end point delays nobody else.

The body of a row is the body of the request and never changes; the headers hold what else is sent and how far it has come.
"""

from __future__ import annotations

import msgspec

from bascule.kernel.context import Context
from bascule.kernel.queues import NewMessage
from bascule.kernel.store import Tx
from bascule.services.sns import state
from bascule.services.sns.model import Subscription

PREFIX = "egress/"


class Row(msgspec.Struct, frozen=True, omit_defaults=True):
    """What travels beside the body of a request. ``kind`` is the message type that the end point reads."""

    kind: str
    message_id: str
    is_raw: bool = False
    event_id: str = ""
    trace_header: str = ""
    hops: int = 0
    failure_count: int = 0


_encode = msgspec.msgpack.Encoder().encode
unpack = msgspec.msgpack.Decoder(Row).decode


def pack(row: Row) -> bytes:
    """A row's headers."""
    return _encode(row)


def queue_of(uuid: str) -> str:
    """The kernel queue of a subscription's HTTP deliveries."""
    return PREFIX + uuid


def put(ctx: Context, tx: Tx, subscription: Subscription, row: Row, body: bytes) -> None:
    """Keep a request until it was answered."""
    if not state.has_lane(tx, subscription.uuid):
        state.put_lane(tx, subscription)
    tx.queues.put(
        queue_of(subscription.uuid),
        NewMessage(ctx.ids.uuid(), body, sent_ms=ctx.now_ms, due_ms=ctx.now_ms, headers=_encode(row)),
    )


def close_if_done(tx: Tx, uuid: str) -> None:
    """Take a subscription that is no more off the list once nothing of it is left to send; it must be gone already."""
    if tx.queues.next_due_ms(queue_of(uuid)) is None and state.has_lane(tx, uuid):
        state.delete_lane(tx, uuid)
