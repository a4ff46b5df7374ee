"""Invoke: the hot path of Lambda.

A synchronous invocation reads a snapshot, hands the runtime what to run, and is called again with what came of it; nothing
is persisted, as on AWS. An asynchronous one is a row in the function's queue before it is answered.
"""

from __future__ import annotations

import base64
import binascii

import msgspec

from bascule.api import lambda_ as api
from bascule.kernel.context import Context
from bascule.kernel.invocation import (
    FunctionVersion,
    Invocation,
    InvocationResult,
    InvocationThrottled,
    RuntimeUnavailable,
)
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.kernel.waiting import Perform
from bascule.services.lambda_ import limits
from bascule.services.lambda_.async_events import Headers, enqueue
from bascule.services.lambda_.errors import (
    InvalidRequestContent,
    InvalidRuntime,
    RecursiveInvocation,
    RequestTooLarge,
    TooManyRequests,
)
from bascule.services.lambda_.names import FunctionReference, reference
from bascule.services.lambda_.resolution import configuration_of, found_function, resolved
from bascule.services.lambda_.tracing import chain_length, extended, fresh_trace

_EMPTY_EVENT = b"{}"
_check_json = msgspec.json.Decoder(msgspec.Raw).decode


@operation("Invoke", reads=True, refuses=("DurableExecutionName", "TenantId"))
def invoke(ctx: Context, tx: Tx, inp: api.InvocationRequest) -> api.InvocationResponse | Perform:
    """Run a function, queue an event for it, or only check that it could be run.

    Gives    200 with the result even when the function failed (``FunctionError``); 202 for ``Event``; 204 for ``DryRun``.
    Raises   ResourceNotFound, InvalidRequestContent, RequestTooLarge, TooManyRequests, InvalidRuntime,
             RecursiveInvocation, InvalidParameterValue.
    Promise  ``Event``: durable before the answer, invoked at least once. ``RequestResponse``: not retried.
    Differs  resource policies are not asked: who reaches the end point may invoke.
    """
    if ctx.resume is not None:
        return _finished(ctx, inp, ctx.resume)
    named = reference(ctx, inp.function_name, inp.qualifier)
    kind = inp.invocation_type or "RequestResponse"
    payload = checked_payload(inp.payload, kind)
    if kind == "Event":
        function = found_function(tx.documents, named)
        configuration_of(tx.documents, named, function)
        return Perform("write", lambda ctx, tx: _queued(ctx, tx, named, payload))
    function_version = resolved(tx.documents, named, ctx.ids)
    if kind == "DryRun":
        return api.InvocationResponse(status_code=204)
    invocation = invocation_of(
        ctx,
        tx,
        named,
        function_version,
        payload,
        client_context=inp.client_context,
        wants_log_tail=inp.log_type == "Tail",
    )
    return Perform("runtime", invocation)


def invocation_of(
    ctx: Context,
    tx: Tx,
    named: FunctionReference,
    function: FunctionVersion,
    payload: bytes,
    *,
    client_context: str | None,
    wants_log_tail: bool,
) -> Invocation:
    """What the runtime is to run for a synchronous caller. Raises RecursiveInvocation, InvalidRequestContent."""
    trace_header = ctx.trace_header or fresh_trace(ctx.now_ms, ctx.ids)
    if "Lineage=" in trace_header:
        _check_chain(tx, named, trace_header)
    return Invocation(
        function=function,
        request_id=ctx.request_id,
        payload=payload,
        invoked_arn=named.named_arn,
        client_context=_client_context(client_context),
        trace_header=extended(trace_header, named.arn),
        wants_log_tail=wants_log_tail,
    )


def checked_payload(payload: bytes | None, kind: str) -> bytes:
    if not payload:
        return _EMPTY_EVENT
    bytes_max = limits.ASYNC_PAYLOAD_BYTES_MAX if kind == "Event" else limits.SYNC_PAYLOAD_BYTES_MAX
    if len(payload) > bytes_max:
        raise RequestTooLarge(
            f"{len(payload)} byte payload is too large for the {kind} invocation type (limit {bytes_max} bytes)"
        )
    try:
        _check_json(payload)
        if not payload.isascii():
            payload.decode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequestContent(
            "Could not parse request body into json: Could not parse payload into json: "
            f"{_unexpected(payload, error)}\n at [Source: (byte[])]"
        ) from error
    return payload


def _unexpected(payload: bytes, error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "Document nesting depth exceeds the maximum allowed (1000)"
    position = str(error).rpartition("(byte ")[2].removesuffix(")")
    if not position.isdigit() or int(position) >= len(payload):
        return "Unexpected end-of-input"
    code = payload[int(position)]
    return f"Unexpected character ('{chr(code)}' (code {code})): expected a valid JSON value"


def _client_context(given: str | None) -> str | None:
    if given is None:
        return None
    if len(given) > limits.CLIENT_CONTEXT_BYTES_MAX:
        raise InvalidRequestContent(
            f"Client context is too large: {len(given)} bytes (limit {limits.CLIENT_CONTEXT_BYTES_MAX} bytes)"
        )
    try:
        text = base64.b64decode(given, validate=True)
        _check_json(text)
        return text.decode()
    except (binascii.Error, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequestContent("Client context must be a valid Base64-encoded JSON object.") from error


def _check_chain(tx: Tx, named: FunctionReference, trace_header: str) -> None:
    if chain_length(trace_header, named.arn) < limits.CHAIN_INVOCATIONS_MAX:
        return
    if found_function(tx.documents, named).recursive_loop == "Terminate":
        raise RecursiveInvocation()


@operation("InvokeAsync")
def invoke_async(ctx: Context, tx: Tx, inp: api.InvokeAsyncRequest) -> api.InvokeAsyncResponse:
    """Queue an event; the older form of Invoke with ``Event``.

    Raises   ResourceNotFound, InvalidRequestContent, RequestTooLarge.
    Promise  durable before the answer, invoked at least once.
    """
    named = reference(ctx, inp.function_name)
    _queued(ctx, tx, named, checked_payload(inp.invoke_args, "Event"))
    return api.InvokeAsyncResponse(status=202)


def _queued(ctx: Context, tx: Tx, named: FunctionReference, payload: bytes) -> api.InvocationResponse:
    function = found_function(tx.documents, named)
    headers = Headers(
        invoked_arn=named.named_arn,
        qualifier=named.qualifier,
        trace_header=ctx.trace_header or fresh_trace(ctx.now_ms, ctx.ids),
    )
    enqueue(ctx, tx, function, headers, payload, request_id=ctx.request_id)
    return api.InvocationResponse(status_code=202)


def _finished(ctx: Context, inp: api.InvocationRequest, outcome: object) -> api.InvocationResponse:
    """The answer to what a performer gave: a result of the runtime, or the answer of a queued event."""
    match outcome:
        case api.InvocationResponse():
            return outcome
        case InvocationResult():
            count_invocation(ctx, reference(ctx, inp.function_name).name, outcome)
            return api.InvocationResponse(
                status_code=200,
                payload=outcome.payload,
                function_error=outcome.function_error,
                executed_version=outcome.executed_version,
                log_result=base64.b64encode(outcome.log_tail).decode() if inp.log_type == "Tail" else None,
            )
        case BaseException():
            raise refusal_of(ctx, reference(ctx, inp.function_name).name, outcome)
    raise AssertionError(f"the runtime gave {type(outcome).__name__}")


def count_invocation(ctx: Context, name: str, result: InvocationResult) -> None:
    """An invocation for a caller is over."""
    ctx.metrics.count("lambda.invocations", name)
    if result.function_error is not None:
        ctx.metrics.count("lambda.errors", name)


def count_streamed(ctx: Context, name: str, result: InvocationResult, streamed_bytes: int) -> None:
    """An invocation for a caller who reads as it runs is over."""
    count_invocation(ctx, name, result)
    ctx.metrics.count("lambda.streamed_bytes", name, streamed_bytes)


def refusal_of(ctx: Context, name: str, error: BaseException) -> BaseException:
    """What a caller hears when the runtime did not run the function at all."""
    if isinstance(error, InvocationThrottled):
        ctx.metrics.count("lambda.throttles", name)
        return TooManyRequests("Rate Exceeded.", Reason=error.reason)
    if isinstance(error, RuntimeUnavailable):
        return InvalidRuntime(str(error) or None)
    return error
