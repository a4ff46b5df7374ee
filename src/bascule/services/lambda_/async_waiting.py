"""Asynchronous invocations that wait for another attempt, for ``bascule retries``: what, until when, and why."""

from __future__ import annotations

import msgspec

from bascule.kernel.queues import StoredMessage
from bascule.kernel.store import Tx
from bascule.services.lambda_.async_events import Headers, decoded
from bascule.services.lambda_.async_outcomes import QueuedEvent, age_limit_ms, config_of
from bascule.services.lambda_.async_work import AsyncFunction, every_function
from bascule.services.lambda_.names import FunctionReference


class WaitingInvocation(msgspec.Struct, frozen=True, kw_only=True):
    """An event of a function's queue that was tried and will be tried again."""

    function_arn: str
    request_id: str
    event_id: str
    #: Attempts so far: those that ended in an error of the function, and those that could not run it.
    failure_count: int
    throttle_count: int
    due_ms: int
    #: No attempt is made from this moment on.
    expires_ms: int
    code: str
    message: str


def waiting_invocations(tx: Tx, *, count_max: int) -> list[WaitingInvocation]:
    """Up to ``count_max`` invocations that wait for another attempt, soonest first; of long queues, the oldest events."""
    found: list[WaitingInvocation] = []
    for function in every_function(tx):
        for message in tx.queues.peek(function.queue, count_max=count_max):
            headers = decoded(message.headers)
            if message.lease_token is None and (headers.failure_count or headers.throttle_count):
                found.append(_waiting(tx, function, message, headers))
    return sorted(found, key=lambda one: one.due_ms)[:count_max]


def waiting_count(tx: Tx, *, now_ms: int) -> int:
    """How many asynchronous events of all functions wait or run."""
    counts = [tx.queues.counts(function.queue, now_ms=now_ms) for function in every_function(tx)]
    return sum(count.ready + count.leased + count.delayed for count in counts)


def _waiting(tx: Tx, function: AsyncFunction, message: StoredMessage, headers: Headers) -> WaitingInvocation:
    named = FunctionReference(function.scope, function.name, headers.qualifier)
    event = QueuedEvent(
        named=named,
        queue=function.queue,
        sequence=message.sequence,
        token="",
        sent_ms=message.sent_ms,
        request_id=message.message_id,
        payload=b"",
        headers=headers,
    )
    last = headers.last
    return WaitingInvocation(
        function_arn=named.named_arn,
        request_id=message.message_id,
        event_id=headers.event_id,
        failure_count=headers.failure_count,
        throttle_count=headers.throttle_count,
        due_ms=message.due_ms,
        expires_ms=age_limit_ms(config_of(tx, named), event),
        code="" if last is None else last.function_error or str(last.status),
        message="" if last is None else last.error_message,
    )
