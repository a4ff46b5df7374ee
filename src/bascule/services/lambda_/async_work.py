"""The asynchronous queue as its poller sees it: functions, leased work, and outcomes brought back.

The poller carries work to the runtime; what an outcome means is decided in ``async_outcomes``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import msgspec

from bascule.kernel.context import Context
from bascule.kernel.invocation import FunctionVersion, Invocation, InvocationResult
from bascule.kernel.journal import Note
from bascule.kernel.queues import Lease, StoredMessage
from bascule.kernel.scope import Scope
from bascule.kernel.store import Tx
from bascule.services.lambda_ import limits, records
from bascule.services.lambda_.async_events import LastResponse, decoded
from bascule.services.lambda_.async_outcomes import (
    QueuedEvent,
    age_limit_ms,
    attempted,
    config_of,
    give_up,
    given_up,
    postpone,
)
from bascule.services.lambda_.errors import RecursiveInvocation, ResourceNotFound
from bascule.services.lambda_.model import LATEST, Function
from bascule.services.lambda_.names import FunctionReference
from bascule.services.lambda_.resolution import function_version, resolved
from bascule.services.lambda_.state import FUNCTIONS, queue_name
from bascule.services.lambda_.tracing import chain_length, extended

#: A lease outlasts the function's timeout by this much; the poller extends it when even that is not enough. milliseconds
LEASE_MARGIN_MS = 60_000
#: Messages looked at by one statement when leases of a dead process are taken back. count
PEEK_COUNT = 500


class AsyncFunction(msgspec.Struct, frozen=True):
    """A function as the poller knows it."""

    scope: Scope
    name: str
    uuid: str

    @property
    def arn(self) -> str:
        """Without a qualifier."""
        return self.scope.arn("lambda", f"function:{self.name}")

    @property
    def queue(self) -> str:
        """Its kernel queue."""
        return queue_name(self.uuid)


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """A leased event and what is to run for it."""

    event: QueuedEvent
    until_ms: int
    invocation: Invocation


class Leased(msgspec.Struct, frozen=True, kw_only=True):
    """What one look into a function's queue gave. ``latest`` is None when the function is gone."""

    latest: FunctionVersion | None
    work: list[Work] = []
    next_due_ms: int | None = None


def every_function(tx: Tx) -> list[AsyncFunction]:
    """All functions of all accounts and regions."""
    return [AsyncFunction(key.scope, key.name, function.uuid) for key, function in FUNCTIONS.every(tx.documents)]


def _current(tx: Tx, asked: AsyncFunction) -> Function | None:
    function = FUNCTIONS.get(tx.documents, asked.scope, asked.name)
    return function if function is not None and function.uuid == asked.uuid else None


def look(tx: Tx, asked: AsyncFunction) -> Leased:
    """The function's present version and when its queue is next due, without leasing anything."""
    function = _current(tx, asked)
    if function is None:
        return Leased(latest=None)
    latest = function_version(asked.scope, function, LATEST, function.latest)
    return Leased(latest=latest, next_due_ms=tx.queues.next_due_ms(asked.queue))


def lease_work(ctx: Context, tx: Tx, asked: AsyncFunction, *, count_max: int) -> Leased:
    """Lease up to ``count_max`` events of a function and end at once those that must not run any more.

    Gives    work to run, and when the queue is next due.
    """
    function = _current(tx, asked)
    if function is None:
        return Leased(latest=None)
    latest = function_version(asked.scope, function, LATEST, function.latest)
    lease_ms = latest.timeout_s * 1000 + LEASE_MARGIN_MS
    leases = tx.queues.lease(asked.queue, now_ms=ctx.now_ms, lease_ms=lease_ms, count_max=count_max)
    work = [found for lease in leases if (found := _work_of(ctx, tx, asked, function, lease)) is not None]
    return Leased(latest=latest, work=work, next_due_ms=tx.queues.next_due_ms(asked.queue))


def _event_of(asked: AsyncFunction, message: StoredMessage, token: str) -> QueuedEvent:
    headers = decoded(message.headers)
    return QueuedEvent(
        named=FunctionReference(asked.scope, asked.name, headers.qualifier),
        queue=asked.queue,
        sequence=message.sequence,
        token=token,
        sent_ms=message.sent_ms,
        request_id=message.message_id,
        payload=message.body,
        headers=headers,
    )


def has_aged(tx: Tx, event: QueuedEvent, *, now_ms: int) -> bool:
    """Whether an event must not be tried any more because it is too old."""
    return now_ms >= age_limit_ms(config_of(tx, event.named), event)


def aged_waiting(tx: Tx, asked: AsyncFunction, held: Collection[int], *, now_ms: int) -> list[QueuedEvent]:
    """Of the oldest events that are due, those that are too old: they wait for room and must not any longer.

    Takes    held: sequences of events that the poller runs, whose leases may be about to be made longer.
    """
    waiting = [
        _event_of(asked, message, "")
        for message in tx.queues.peek(asked.queue, count_max=PEEK_COUNT)
        if message.due_ms <= now_ms and message.sequence not in held
    ]
    return [event for event in waiting if has_aged(tx, event, now_ms=now_ms)]


def end_aged(ctx: Context, tx: Tx, asked: AsyncFunction, held: Collection[int]) -> None:
    """Give up the events that grew too old while they waited for room; see ``aged_waiting``."""
    function = _current(tx, asked)
    if function is not None:
        for event in aged_waiting(tx, asked, held, now_ms=ctx.now_ms):
            tx.queues.settle(event.queue, event.sequence, None)
            given_up(ctx, tx, function, event, records.EVENT_AGE_EXCEEDED)


def _work_of(ctx: Context, tx: Tx, asked: AsyncFunction, function: Function, lease: Lease) -> Work | None:
    message = lease.message
    event = _event_of(asked, message, lease.token)
    headers, named = event.headers, event.named
    condition = _end_of(ctx, tx, function, event)
    if condition is not None:
        give_up(ctx, tx, function, event, condition)
        return None
    if function.recursive_loop == "Terminate" and _is_chain_over(event):
        ctx.metrics.count("lambda.recursive_invocations_dropped", function.name)
        why = LastResponse(RecursiveInvocation.status, b"", "", "", RecursiveInvocation().message)
        last = event.headers.last or why
        event = msgspec.structs.replace(event, headers=msgspec.structs.replace(headers, last=last))
        give_up(ctx, tx, function, event, records.RETRIES_EXHAUSTED)
        return None
    try:
        version = resolved(tx.documents, named, ctx.ids)
    except ResourceNotFound as error:
        postpone(ctx, tx, event, LastResponse(404, b"", "", "", error.message))
        return None
    attempt = headers.failure_count + 1
    if headers.event_id:
        note = Note(
            "invocation-started", ctx.now_ms, headers.event_id, headers.invoked_arn, message.message_id, attempt
        )
        ctx.journal.note(tx, note)
    invocation = Invocation(
        function=version,
        request_id=message.message_id,
        payload=message.body,
        invoked_arn=headers.invoked_arn,
        trace_header=extended(headers.trace_header, asked.arn),
        event_id=headers.event_id,
        attempt=attempt,
        is_async=True,
    )
    return Work(event=event, until_ms=lease.until_ms, invocation=invocation)


def _end_of(ctx: Context, tx: Tx, function: Function, event: QueuedEvent) -> str | None:
    """Why an event must not be tried any more; None when it may be."""
    if function.reserved_concurrency == 0:
        return records.ZERO_RESERVED_CONCURRENCY
    if has_aged(tx, event, now_ms=ctx.now_ms):
        return records.EVENT_AGE_EXCEEDED
    return None


def _is_chain_over(event: QueuedEvent) -> bool:
    """Whether the event belongs to a chain of calls that the function must not run in any more."""
    return chain_length(event.headers.trace_header, event.named.arn) >= limits.CHAIN_INVOCATIONS_MAX


def settle_work(ctx: Context, tx: Tx, asked: AsyncFunction, work: Work, outcome: InvocationResult | Exception) -> None:
    """Write what an attempt leads to; nothing when the function was deleted meanwhile."""
    function = _current(tx, asked)
    if function is not None:
        attempted(ctx, tx, function, work.event, outcome)


def extend_leases(tx: Tx, held: Iterable[Work], *, now_ms: int) -> None:
    """Keep leased what still runs."""
    for work in held:
        until_ms = now_ms + work.invocation.function.timeout_s * 1000 + LEASE_MARGIN_MS
        tx.queues.extend(work.event.queue, work.event.sequence, work.event.token, until_ms=until_ms)


def give_back(tx: Tx, held: Iterable[Work], *, now_ms: int) -> None:
    """Make leased events due at once that this process will not run; no attempt is counted."""
    for work in held:
        tx.queues.release(work.event.queue, work.event.sequence, work.event.token, due_ms=now_ms)


def leased_count(tx: Tx, function: AsyncFunction, *, now_ms: int) -> int:
    """How many events of a function somebody holds."""
    return tx.queues.counts(function.queue, now_ms=now_ms).leased


def take_back_leases(tx: Tx, function: AsyncFunction, *, now_ms: int) -> int:
    """Make the events due that a process which is no more had leased; gives how many.

    Promise  what retries remember is untouched: such a lease is no attempt.
    """
    left = leased_count(tx, function, now_ms=now_ms)
    taken = after = 0
    while left > 0 and (messages := tx.queues.peek(function.queue, count_max=PEEK_COUNT, after_sequence=after)):
        after = messages[-1].sequence
        for message in messages:
            if message.lease_token is not None:
                left -= 1
                taken += tx.queues.release(function.queue, message.sequence, message.lease_token, due_ms=now_ms)
    return taken
