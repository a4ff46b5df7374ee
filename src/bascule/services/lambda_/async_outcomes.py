"""What becomes of an asynchronous event after an attempt, or without one: settled, rescheduled, or given up.

Rules of the file. Each decision is one function, and everything it leads to is written in the caller's transaction: the
queue row, the destination record, the dead letter, the journal. A lease that is no longer ours changes nothing, because
then somebody else runs the event. Function errors are limited by count and age, everything else by age only.
"""

from __future__ import annotations

import msgspec

from bascule.kernel.context import Context
from bascule.kernel.invocation import InvocationResult, InvocationThrottled
from bascule.kernel.journal import Note
from bascule.kernel.store import Tx
from bascule.services.lambda_ import limits, records
from bascule.services.lambda_.async_events import Headers, LastResponse, encoded
from bascule.services.lambda_.model import LATEST, EventInvokeConfig, Function
from bascule.services.lambda_.names import FunctionReference
from bascule.services.lambda_.state import EVENT_INVOKE_CONFIGS

_DEFAULTS = EventInvokeConfig(modified_ms=0)
#: What a throttled call is answered, and the dead letter of an event that was throttled to its end says.
RATE_EXCEEDED = "Rate Exceeded."


class QueuedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A leased event of a function's asynchronous queue."""

    named: FunctionReference
    queue: str
    sequence: int
    token: str
    sent_ms: int
    request_id: str
    payload: bytes
    headers: Headers


def config_of(tx: Tx, named: FunctionReference) -> EventInvokeConfig:
    """The event invoke config of exactly this qualifier, or the defaults."""
    found = EVENT_INVOKE_CONFIGS.get(tx.documents, named.scope, named.qualifier or LATEST, parent=named.name)
    return found or _DEFAULTS


def age_limit_ms(config: EventInvokeConfig, event: QueuedEvent) -> int:
    """The moment from which the event must not be tried any more."""
    return event.sent_ms + (config.age_max_s or limits.EVENT_AGE_S_DEFAULT) * 1000


def throttle_delay_ms(throttle_count: int) -> int:
    """How long an event waits after its n-th throttled attempt (n >= 1): 1 s, 2 s, 4 s ... 5 min."""
    return min(limits.THROTTLE_DELAY_MS_MIN << min(throttle_count - 1, 20), limits.THROTTLE_DELAY_MS_MAX)


def attempted(
    ctx: Context, tx: Tx, function: Function, event: QueuedEvent, outcome: InvocationResult | Exception
) -> None:
    """Write what an attempt leads to.

    Takes    outcome: the runtime's result, or what kept it from running the function.
    Promise  exactly one of: settled (with the success record), rescheduled, given up (see ``give_up``).
    """
    if isinstance(outcome, InvocationResult):
        ctx.metrics.count("lambda.invocations", function.name)
        if outcome.function_error is None:
            _succeeded(ctx, tx, event, outcome)
        else:
            ctx.metrics.count("lambda.errors", function.name)
            _failed(ctx, tx, function, event, outcome)
        return
    if isinstance(outcome, InvocationThrottled):
        ctx.metrics.count("lambda.throttles", function.name)
        postpone(ctx, tx, event, LastResponse(429, b"", "", "", RATE_EXCEEDED), reason=outcome.reason)
    else:
        postpone(ctx, tx, event, LastResponse(500, b"", "", "", str(outcome) or type(outcome).__name__))


def _response(result: InvocationResult) -> LastResponse:
    return LastResponse(
        200,
        result.payload,
        result.function_error or "",
        result.executed_version,
        result.error_message or result.error_type,
    )


def _note(
    ctx: Context,
    tx: Tx,
    kind: str,
    event: QueuedEvent,
    attempt: int,
    result: InvocationResult | None,
    code: str = "",
    message: str = "",
    detail: dict[str, str | int | float] | None = None,
) -> None:
    headers = event.headers
    duration_ms = 0.0 if result is None else result.duration_ms
    ctx.journal.note(
        tx,
        Note(
            kind,
            ctx.now_ms,
            headers.event_id,
            headers.invoked_arn,
            event.request_id,
            attempt,
            duration_ms,
            code,
            message,
            detail or {},
        ),
    )


def _succeeded(ctx: Context, tx: Tx, event: QueuedEvent, result: InvocationResult) -> None:
    if not tx.queues.settle(event.queue, event.sequence, event.token):
        return
    attempt = event.headers.failure_count + 1
    if event.headers.event_id:
        _note(ctx, tx, "invocation-succeeded", event, attempt, result)
    destination = config_of(tx, event.named).success_arn
    if destination is not None:
        records.send_record(ctx, tx, _ended(event, records.SUCCESS, attempt, _response(result)), destination)


def _failed(ctx: Context, tx: Tx, function: Function, event: QueuedEvent, result: InvocationResult) -> None:
    config = config_of(tx, event.named)
    headers = msgspec.structs.replace(
        event.headers, failure_count=event.headers.failure_count + 1, last=_response(result)
    )
    event = msgspec.structs.replace(event, headers=headers)
    retries_max = limits.RETRIES_DEFAULT if config.retries_max is None else config.retries_max
    if headers.failure_count > retries_max:
        give_up(ctx, tx, function, event, records.RETRIES_EXHAUSTED, result)
        return
    delay_ms = ctx.settings.async_retry_base_ms * headers.failure_count
    due_ms = min(ctx.now_ms + delay_ms, age_limit_ms(config, event))
    if tx.queues.release(event.queue, event.sequence, event.token, due_ms=due_ms, headers=encoded(headers)):
        message = result.error_message
        detail: dict[str, str | int | float] = {"due_ms": due_ms}
        _note(ctx, tx, "invocation-retry", event, headers.failure_count, result, result.error_type, message, detail)


def postpone(ctx: Context, tx: Tx, event: QueuedEvent, why: LastResponse, *, reason: str = "") -> None:
    """Put an event back that could not be run: throttled, or something of the system is missing.

    Takes    why: what a dead letter will say if no attempt follows; a response of the function itself is kept instead.
             reason: which limit it was, for the journal.
    """
    headers = msgspec.structs.replace(
        event.headers, throttle_count=event.headers.throttle_count + 1, last=event.headers.last or why
    )
    due_ms = min(
        ctx.now_ms + throttle_delay_ms(headers.throttle_count), age_limit_ms(config_of(tx, event.named), event)
    )
    if tx.queues.release(event.queue, event.sequence, event.token, due_ms=due_ms, headers=encoded(headers)):
        detail: dict[str, str | int | float] = {"due_ms": due_ms}
        if reason:
            detail["reason"] = reason
        attempt = headers.failure_count + 1
        _note(ctx, tx, "invocation-retry", event, attempt, None, str(why.status), why.error_message, detail)


def _ended(event: QueuedEvent, condition: str, attempt_count: int, last: LastResponse | None) -> records.Ended:
    headers = event.headers
    return records.Ended(
        scope=event.named.scope,
        function_arn=event.named.arn,
        qualified_arn=event.named.qualified_arn,
        request_id=event.request_id,
        condition=condition,
        attempt_count=attempt_count,
        payload=event.payload,
        last=last,
        event_id=headers.event_id,
        trace_header=headers.trace_header,
    )


def give_up(
    ctx: Context,
    tx: Tx,
    function: Function,
    event: QueuedEvent,
    condition: str,
    result: InvocationResult | None = None,
) -> None:
    """End an event without success.

    Takes    condition as destination records name it; result of the attempt that was the last, if one was just made.
    Promise  the failure destination gets the record and the dead-letter target the event: both, when both are set.
    """
    if tx.queues.settle(event.queue, event.sequence, event.token):
        given_up(ctx, tx, function, event, condition, result)


def given_up(
    ctx: Context,
    tx: Tx,
    function: Function,
    event: QueuedEvent,
    condition: str,
    result: InvocationResult | None = None,
) -> None:
    """What follows for an event that was just taken out of its queue without success; see ``give_up``."""
    last = event.headers.last
    attempt_count = event.headers.failure_count
    ctx.metrics.count("lambda.async_events_dropped", function.name)
    message = "" if last is None else last.error_message
    detail: dict[str, str | int | float] = {} if result is None else {"error_type": result.error_type}
    _note(ctx, tx, "invocation-failed", event, attempt_count, result, condition, message, detail)
    ended = _ended(event, condition, attempt_count, last)
    destination = config_of(tx, event.named).failure_arn
    if destination is not None:
        records.send_record(ctx, tx, ended, destination)
    if function.latest.dead_letter_arn:
        records.send_dead_letter(ctx, tx, ended, function.latest.dead_letter_arn)
