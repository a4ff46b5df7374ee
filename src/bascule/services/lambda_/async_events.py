"""The messages of a function's asynchronous queue, and how an event becomes one.

A message's body is the payload as it was sent, its id the request id that all attempts share, its sent time the event's
age. What retries must remember travels in the headers: the queue's own attempt count also counts leases that a crash took
back, so it is never what decides.
"""

from __future__ import annotations

import msgspec

from bascule.kernel.context import Context
from bascule.kernel.queues import NewMessage
from bascule.kernel.store import Tx
from bascule.services.lambda_.model import Function
from bascule.services.lambda_.state import queue_name


class LastResponse(msgspec.Struct, frozen=True, array_like=True):
    """What the last attempt ended with, for the record that is written if no other attempt comes."""

    status: int
    payload: bytes
    function_error: str
    executed_version: str
    error_message: str


class Headers(msgspec.Struct, frozen=True, array_like=True):
    """What a queued event carries beside its payload."""

    #: As the sender named the function; qualified only when the sender did.
    invoked_arn: str
    #: None: unqualified.
    qualifier: str | None
    trace_header: str
    #: The event of the journal; empty when there is none.
    event_id: str = ""
    #: Attempts that ended in a function error.
    failure_count: int = 0
    #: Attempts that were throttled or that the system could not carry out.
    throttle_count: int = 0
    last: LastResponse | None = None


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Headers).decode


def encoded(headers: Headers) -> bytes:
    """Headers as a message keeps them."""
    return _encode(headers)


def decoded(headers: bytes) -> Headers:
    """Headers as read from a message."""
    return _decode(headers)


def enqueue(ctx: Context, tx: Tx, function: Function, headers: Headers, payload: bytes, *, request_id: str) -> None:
    """Queue an event for a function, due at once.

    Promise  durable with this transaction; invoked at least once.
    """
    ctx.metrics.count("lambda.async_events_received", function.name)
    tx.queues.put(
        queue_name(function.uuid),
        NewMessage(
            message_id=request_id,
            body=payload,
            sent_ms=ctx.now_ms,
            due_ms=ctx.now_ms,
            headers=_encode(headers),
        ),
    )
