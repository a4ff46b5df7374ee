"""What is sent when an asynchronous invocation has ended: destination records and dead letters, exactly as AWS shapes them."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from bascule.kernel.context import Context
from bascule.kernel.delivery import Delivery
from bascule.kernel.scope import Scope
from bascule.kernel.store import Tx
from bascule.services.lambda_.async_events import LastResponse
from bascule.services.lambda_.limits import DEAD_LETTER_MESSAGE_BYTES_MAX
from bascule.services.lambda_.tracing import extended

SUCCESS = "Success"
RETRIES_EXHAUSTED = "RetriesExhausted"
EVENT_AGE_EXCEEDED = "EventAgeExceeded"
ZERO_RESERVED_CONCURRENCY = "ZeroReservedConcurrency"


class RequestContext(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Which invocation a record is about."""

    request_id: str
    function_arn: str
    condition: str
    approximate_invoke_count: int


class ResponseContext(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """How the last attempt was answered."""

    status_code: int
    executed_version: str
    function_error: str = ""


class Record(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A destination record; its fields are in AWS's order."""

    version: str
    timestamp: str
    request_context: RequestContext
    request_payload: msgspec.Raw
    response_context: ResponseContext | None = None
    response_payload: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class PutForm(msgspec.Struct, frozen=True, rename="pascal"):
    """What a delivery to an event bus with ``put`` = ``entry`` carries."""

    source: str
    detail_type: str
    detail: msgspec.Raw
    resources: list[str]


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """An asynchronous invocation that will not be tried again.

    What it leads to begins a chain of deliveries of its own: loops through functions are told by the trace header, function by
    function, and a long way through many functions is no loop.
    """

    scope: Scope
    #: Without a qualifier; chains of invocations are counted by it.
    function_arn: str
    #: With a qualifier, ``$LATEST`` when the sender gave none.
    qualified_arn: str
    request_id: str
    condition: str
    attempt_count: int
    payload: bytes
    last: LastResponse | None
    event_id: str
    trace_header: str


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(msgspec.Raw).decode


def _json(payload: bytes) -> msgspec.Raw:
    """A payload as part of a JSON document: as it is, or as a string when it is not JSON."""
    try:
        text = payload.decode()
        _decode(payload)
    except (UnicodeDecodeError, msgspec.DecodeError):
        return msgspec.Raw(_encode(payload.decode("utf-8", "replace")))
    return msgspec.Raw(text)


def record_of(ended: Ended, *, now_ms: int) -> bytes:
    """The record that destinations receive."""
    moment = datetime.fromtimestamp(now_ms // 1000, UTC)
    last = ended.last
    has_response = last is not None and (bool(last.function_error) or ended.condition == SUCCESS)
    return _encode(
        Record(
            version="1.0",
            timestamp=f"{moment:%Y-%m-%dT%H:%M:%S}.{now_ms % 1000:03d}Z",
            request_context=RequestContext(
                request_id=ended.request_id,
                function_arn=ended.qualified_arn,
                condition=ended.condition,
                approximate_invoke_count=ended.attempt_count,
            ),
            request_payload=_json(ended.payload),
            response_context=(
                ResponseContext(
                    status_code=last.status, executed_version=last.executed_version, function_error=last.function_error
                )
                if last is not None and has_response
                else None
            ),
            response_payload=_json(last.payload) if last is not None and has_response else msgspec.UNSET,
        )
    )


def send_record(ctx: Context, tx: Tx, ended: Ended, destination: str) -> None:
    """Send the record of an ended invocation to a destination.

    Promise  in the transaction that settles the event: sent with it or not at all.
    """
    payload = record_of(ended, now_ms=ctx.now_ms)
    parameters: dict[str, str] = {}
    if destination.split(":", 3)[2] == "events":
        outcome = "Success" if ended.condition == SUCCESS else "Failure"
        parameters = {"put": "entry"}
        payload = _encode(
            PutForm(
                source="lambda",
                detail_type=f"Lambda Function Invocation Result - {outcome}",
                detail=msgspec.Raw(payload),
                resources=[destination, ended.qualified_arn],
            )
        )
    ctx.courier.send(ctx, tx, _delivery(ctx, ended, "destination", destination, payload, parameters, {}))


def send_dead_letter(ctx: Context, tx: Tx, ended: Ended, target_arn: str) -> None:
    """Send the event itself to the function's dead-letter target, with why it died as message attributes."""
    last = ended.last
    message = _dead_letter_message(ended)
    attributes = {
        "RequestID": ("String", ended.request_id),
        "ErrorCode": ("Number", str(429 if last is None else last.status)),
        "ErrorMessage": ("String", message),
    }
    ctx.courier.send(ctx, tx, _delivery(ctx, ended, "dead-letter", target_arn, ended.payload, {}, attributes))


def _dead_letter_message(ended: Ended) -> str:
    message = ended.last.error_message if ended.last is not None else ""
    cut = (message or ended.condition).encode()[:DEAD_LETTER_MESSAGE_BYTES_MAX]
    return cut.decode("utf-8", "ignore")


def _delivery(
    ctx: Context,
    ended: Ended,
    origin: str,
    target_arn: str,
    payload: bytes,
    parameters: dict[str, str],
    attributes: dict[str, tuple[str, str]],
) -> Delivery:
    return Delivery(
        delivery_id=ctx.ids.uuid(),
        scope=ended.scope,
        origin=origin,
        source_arn=ended.qualified_arn,
        target_arn=target_arn,
        payload=payload,
        created_ms=ctx.now_ms,
        parameters=parameters,
        attributes=attributes,
        event_id=ended.event_id,
        trace_header=extended(ended.trace_header, ended.function_arn),
    )
