"""InvokeWithResponseStream: a synchronous invocation whose answer is sent on while the function makes it.

Errors before the function has begun to answer, but for its own, are ordinary errors. Its own come at the end of the stream, with
the log: by then the status has been sent.
"""

from __future__ import annotations

import base64
from functools import partial
from typing import Any

from bascule.api import lambda_ as api
from bascule.kernel.context import Context
from bascule.kernel.invocation import InvocationResult
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.kernel.streaming import ResponseStream, StreamedInvocation, StreamedOutput
from bascule.kernel.waiting import Perform
from bascule.services.lambda_.invoke import checked_payload, count_streamed, invocation_of, refusal_of
from bascule.services.lambda_.names import reference
from bascule.services.lambda_.resolution import resolved

_CONTENT_TYPE = "application/vnd.amazon.eventstream"


@operation("InvokeWithResponseStream", reads=True, refuses=("TenantId",))
def invoke_with_response_stream(
    ctx: Context, tx: Tx, inp: api.InvokeWithResponseStreamRequest
) -> api.InvokeWithResponseStreamResponse | StreamedOutput | Perform:
    """Run a function and pass its answer on as it comes, or only check that it could be run.

    Gives    200 and a stream of ``PayloadChunk``, then ``InvokeComplete`` with the function's error, if any; the whole
             answer is one chunk when the function does not stream. 204 for ``DryRun``.
    Raises   ResourceNotFound, InvalidRequestContent, RequestTooLarge, TooManyRequests, InvalidRuntime,
             RecursiveInvocation, InvalidParameterValue.
    Promise  not retried; the function runs to its end when the caller leaves.
    Differs  resource policies are not asked: who reaches the end point may invoke.
    """
    named = reference(ctx, inp.function_name, inp.qualifier)
    if ctx.resume is not None:
        if isinstance(ctx.resume, BaseException):
            raise refusal_of(ctx, named.name, ctx.resume)
        return _streamed(inp, ctx.resume)
    payload = checked_payload(inp.payload, "RequestResponse")
    function = resolved(tx.documents, named, ctx.ids)
    if inp.invocation_type == "DryRun":
        return api.InvokeWithResponseStreamResponse(status_code=204, executed_version=function.version)
    invocation = invocation_of(
        ctx,
        tx,
        named,
        function,
        payload,
        client_context=inp.client_context,
        wants_log_tail=inp.log_type == "Tail",
    )
    return Perform("stream", StreamedInvocation(invocation, partial(count_streamed, ctx, named.name)))


def _streamed(inp: api.InvokeWithResponseStreamRequest, answer: Any) -> StreamedOutput:
    """The output, for what the runtime gave: an answer in the making, or a whole one."""
    given: ResponseStream | InvocationResult = answer
    head = api.InvokeWithResponseStreamResponse(
        status_code=200, executed_version=given.executed_version, response_stream_content_type=_CONTENT_TYPE
    )
    wants_log = inp.log_type == "Tail"
    return StreamedOutput(head, given, _chunk, lambda result: _complete(result, wants_log))


def _chunk(payload: bytes) -> api.InvokeWithResponseStreamResponseEvent:
    return api.InvokeWithResponseStreamResponseEvent(payload_chunk=api.InvokeResponseStreamUpdate(payload=payload))


def _complete(result: InvocationResult, wants_log: bool) -> api.InvokeWithResponseStreamResponseEvent:
    is_error = result.function_error is not None
    return api.InvokeWithResponseStreamResponseEvent(
        invoke_complete=api.InvokeWithResponseStreamCompleteEvent(
            error_code=result.function_error,
            error_details=result.payload.decode(errors="replace") if is_error else None,
            log_result=base64.b64encode(result.log_tail).decode() if wants_log else None,
        )
    )
