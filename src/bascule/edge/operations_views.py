"""The JSON behind ``bascule dlq`` and ``bascule retries``: dead-letter queues, redriving them, what waits and what was lost.

Shapes: docs/reference/internal.md. Everything is a view of the store, except the redrive, which is one bounded step a request.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, unquote

import msgspec

from bascule.edge.connection import Connection
from bascule.edge.dead_letters import Use, dead_letter_queues, why_of
from bascule.edge.internal import Internal, json_answer, number_of, wrong_body
from bascule.edge.letters import event_id_of, letter_of
from bascule.edge.redrive import Redriven, find_source, is_target, redrive
from bascule.host.async_store import AsyncStore
from bascule.host.contexts import Contexts
from bascule.journal import notes_of_each
from bascule.kernel.arns import parse_arn
from bascule.kernel.queues import StoredMessage
from bascule.kernel.scope import Scope
from bascule.kernel.store import Tx
from bascule.protocol import HttpAnswer, HttpRequest
from bascule.services.lambda_.async_waiting import waiting_invocations
from bascule.services.sns.http_waiting import waiting_requests
from bascule.services.sqs.model import Queue
from bascule.services.sqs.state import find_arn

Json = dict[str, Any]
#: Deliveries that ended nowhere, newest first: of the delivery engine.
LostDeliveries = Callable[[Tx, int], list[Any]]
#: Deliveries that wait for their next try, soonest first: of the delivery engine.
WaitingDeliveries = Callable[[Tx, int], list[Any]]

BELOW = "/_bascule/dlq/"
REDRIVE = "/redrive"
#: Messages shown by one answer, and rows of ``retries``. count
SHOWN_MAX = 500
SHOWN_DEFAULT = 100
#: Messages that one request redrives. count
STEP_MAX = 500
STEP_DEFAULT = 100
#: No message of a queue has a greater place than this. count
SEQUENCE_MAX = 1 << 62
#: Bytes of a body that are shown. A whole one is at most 1 MiB.
BODY_SHOWN = 4_096


class RedriveForm(msgspec.Struct, forbid_unknown_fields=True):
    """What ``POST /_bascule/dlq/<queue>/redrive`` takes."""

    to: str = ""
    message_ids: list[str] = []
    after: int = 0
    count_max: int = STEP_DEFAULT


def queues_of(tx: Tx, now_ms: int) -> list[Json]:
    """Every dead-letter queue: how full it is, how old, and who uses it."""
    return [_queue(tx, arn, uses, now_ms) for arn, uses in dead_letter_queues(tx).items()]


def _queue(tx: Tx, arn: str, uses: list[Use], now_ms: int) -> Json:
    found = find_arn(tx, arn)
    parts = parse_arn(arn)
    shown: Json = {"arn": arn, "name": parts.resource if parts else arn, "exists": found is not None}
    shown["used_by"] = msgspec.to_builtins(uses)
    if found is not None:
        counts = tx.queues.counts(found[1].storage, now_ms=now_ms, sent_after_ms=found[1].expired_ms(now_ms))
        shown["messages"] = counts.ready + counts.leased + counts.delayed
        shown["in_flight"] = counts.leased
        shown["oldest_ms"] = counts.oldest_sent_ms
    return shown


def messages_of(tx: Tx, queue: Queue, uses: list[Use], now_ms: int, *, after: int, count_max: int) -> Json:
    """A page of a dead-letter queue: each message, and why it died; ``after`` goes on from there, null at the end."""
    rows = tx.queues.peek(queue.storage, count_max=count_max, after_sequence=after)
    kept = [(row, event_id_of(row.body)) for row in rows if row.sent_ms > queue.expired_ms(now_ms)]
    # A dead letter without an event has its story under its own id.
    notes = notes_of_each(tx, {event_id or row.message_id for row, event_id in kept})
    shown = []
    for row, event_id in kept:
        why = why_of(tx, row, uses, notes.get(event_id or row.message_id, ()))
        shown.append({**_message(row, event_id, now_ms), "why": msgspec.to_builtins(why)})
    return {"messages": shown, "after": rows[-1].sequence if len(rows) == count_max else None}


def _message(row: StoredMessage, event_id: str, now_ms: int) -> Json:
    attributes = letter_of(row).attributes
    return {
        "message_id": row.message_id,
        "sent_ms": row.sent_ms,
        "received": row.attempt,
        "in_flight": row.lease_token is not None and row.due_ms > now_ms,
        "event_id": event_id,
        "bytes": len(row.body),
        "body": row.body[:BODY_SHOWN].decode("utf-8", "replace"),
        "attributes": attributes,
    }


def arn_of(tx: Tx, text: str) -> str:
    """The ARN that a queue's name or ARN means: a dead-letter queue of that name, else a queue of the default account."""
    if parse_arn(text) is not None:
        return text
    for arn in dead_letter_queues(tx):
        if arn.rpartition(":")[2] == text:
            return arn
    return Scope().arn("sqs", text)


def retries_of(tx: Tx, waiting_deliveries: WaitingDeliveries, count_max: int) -> Json:
    """What waits for another try, soonest first: deliveries, and asynchronous invocations."""
    deliveries = [*waiting_deliveries(tx, count_max), *waiting_requests(tx, count_max=count_max)]
    return {
        "deliveries": msgspec.to_builtins(sorted(deliveries, key=lambda one: one.due_ms)[:count_max]),
        "invocations": msgspec.to_builtins(waiting_invocations(tx, count_max=count_max)),
    }


class _WrongQuery(Exception):
    """A query parameter cannot be used; the message is one sentence."""


def _number(request: HttpRequest, name: str, default: int, least: int, most: int) -> int:
    """A number of the query string. Raises _WrongQuery."""
    text = parse_qs(request.query_string, keep_blank_values=True).get(name, [str(default)])[-1]
    number = number_of(text)
    if number is None or not least <= number <= most:
        raise _WrongQuery(f"{name} must be a number between {least} and {most}, not '{text[:40]}'.")
    return number


class OperationsViews:
    """Answers the requests; registered by the composition root."""

    def __init__(
        self, store: AsyncStore, contexts: Contexts, waiting_deliveries: WaitingDeliveries, lost: LostDeliveries
    ) -> None:
        self._store = store
        self._contexts = contexts
        self._waiting_deliveries = waiting_deliveries
        self._lost = lost

    def add_to(self, internal: Internal) -> None:
        """Have the end points answered."""
        internal.add("GET", "/_bascule/dlq", self._queues)
        internal.add("GET", BELOW, self._messages)
        internal.add("POST", BELOW, self._redrive)
        internal.add("GET", "/_bascule/retries", self._retries)
        internal.add("GET", "/_bascule/lost", self._losses)

    async def _queues(self, request: HttpRequest, rest: str, connection: Connection) -> HttpAnswer:
        now_ms = self._contexts.clock.now_ms()
        queues = await self._store.read_long(lambda tx: queues_of(tx, now_ms))
        return json_answer({"now_ms": now_ms, "queues": queues})

    async def _messages(self, request: HttpRequest, rest: str, connection: Connection) -> HttpAnswer:
        now_ms = self._contexts.clock.now_ms()
        try:
            after = _number(request, "after", 0, 0, SEQUENCE_MAX)
            count_max = _number(request, "count", SHOWN_DEFAULT, 1, SHOWN_MAX)
        except _WrongQuery as wrong:
            return json_answer({"message": str(wrong)}, 400)

        def look(tx: Tx) -> Json | None:
            arn = arn_of(tx, unquote(rest))
            found = find_arn(tx, arn)
            if found is None:
                return None
            uses = dead_letter_queues(tx).get(arn, [])
            page = messages_of(tx, found[1], uses, now_ms, after=after, count_max=count_max)
            return {"queue": _queue(tx, arn, uses, now_ms), **page}

        shown = await self._store.read_long(look)
        return _no_queue(rest) if shown is None else json_answer(shown)

    async def _redrive(self, request: HttpRequest, rest: str, connection: Connection) -> HttpAnswer:
        name = unquote(rest.removesuffix(REDRIVE))
        try:
            form = msgspec.json.decode(request.body or b"{}", type=RedriveForm)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return json_answer({"message": wrong_body(request.path, error)}, 400)
        if not rest.endswith(REDRIVE):
            return json_answer({"message": f"{request.path} only answers GET."}, 405)
        if form.to and not is_target(form.to):
            return json_answer({"message": f"'{form.to}' is not the ARN of a target."}, 400)
        if not 1 <= form.count_max <= STEP_MAX or form.after < 0:
            wrong = f"count_max must be between 1 and {STEP_MAX}, and after not below 0."
            return json_answer({"message": wrong}, 400)
        count_max = form.count_max
        ctx = self._contexts.make(Scope())
        # Not by the writer: every rule may have to be looked at.
        arn = await self._store.read_long(lambda tx: arn_of(tx, name))

        def step(tx: Tx) -> Redriven | None:
            source = find_source(tx, arn)
            if source is None:
                return None
            ids = frozenset(form.message_ids)
            return redrive(
                ctx.within(source.scope), tx, source, to=form.to, message_ids=ids, after=form.after, count_max=count_max
            )

        done = await self._store.write(step)
        return _no_queue(name) if done is None else json_answer(done)

    async def _retries(self, request: HttpRequest, rest: str, connection: Connection) -> HttpAnswer:
        try:
            count_max = _number(request, "count", SHOWN_DEFAULT, 1, SHOWN_MAX)
        except _WrongQuery as wrong:
            return json_answer({"message": str(wrong)}, 400)
        waiting = await self._store.read_long(lambda tx: retries_of(tx, self._waiting_deliveries, count_max))
        return json_answer({"now_ms": self._contexts.clock.now_ms(), **waiting})

    async def _losses(self, request: HttpRequest, rest: str, connection: Connection) -> HttpAnswer:
        try:
            count_max = _number(request, "count", SHOWN_DEFAULT, 1, SHOWN_MAX)
        except _WrongQuery as wrong:
            return json_answer({"message": str(wrong)}, 400)
        lost = await self._store.read_long(lambda tx: self._lost(tx, count_max))
        return json_answer({"now_ms": self._contexts.clock.now_ms(), "lost": msgspec.to_builtins(lost)})


def _no_queue(name: str) -> HttpAnswer:
    return json_answer(
        {"message": f"There is no queue {unquote(name)}; 'bascule dlq ls' lists dead-letter queues."}, 404
    )
