"""A call of a function URL: found, allowed, made into an event, run, made into an HTTP answer.

These are operations without a place in AWS's model: the edge runs them as it runs any other, so a call takes the same way to
the runtime as a synchronous Invoke, with the same limits, and the request id is the invocation's.
"""

from __future__ import annotations

from functools import partial
from typing import cast

import msgspec

from bascule.kernel.context import Context
from bascule.kernel.invocation import Invocation, InvocationResult, InvocationThrottled, RuntimeUnavailable
from bascule.kernel.scope import Scope
from bascule.kernel.service import Operation
from bascule.kernel.store import Tx
from bascule.kernel.streaming import ResponseStream, StreamedInvocation
from bascule.kernel.waiting import Perform
from bascule.services.lambda_ import limits
from bascule.services.lambda_.errors import ResourceNotFound
from bascule.services.lambda_.function_url_access import forbidden_because
from bascule.services.lambda_.function_url_answers import (
    FORBIDDEN,
    MalformedAnswer,
    UrlAnswer,
    UrlStream,
    answer_of,
    failure,
)
from bascule.services.lambda_.function_url_callers import Credentials, Signer, credentials_of
from bascule.services.lambda_.function_url_cors import is_preflight, preflight_headers, with_cors
from bascule.services.lambda_.function_url_events import UrlRequest, event_of
from bascule.services.lambda_.function_url_model import (
    EVERYWHERE,
    RESPONSE_STREAM,
    URL_OWNERS,
    FunctionUrl,
    UrlOwner,
    url_of,
)
from bascule.services.lambda_.invoke import count_invocation, count_streamed
from bascule.services.lambda_.names import FunctionReference
from bascule.services.lambda_.permissions import policy_of
from bascule.services.lambda_.resolution import resolved
from bascule.services.lambda_.tracing import extended, fresh_trace

_SERVER_ERROR = b"Internal Server Error"


class UrlLookUp(msgspec.Struct, frozen=True, kw_only=True):
    """Which URL is called and, when the request is signed, with which access key."""

    url_id: str
    access_key: str


class FoundUrl(msgspec.Struct, frozen=True, kw_only=True):
    """What the edge has to know of a URL before it can check a signature."""

    scope: Scope
    is_signed_only: bool
    credentials: Credentials | None


class UrlCall(msgspec.Struct, frozen=True, kw_only=True):
    """A request to a URL that exists. ``signer`` is None unless the signature was found right."""

    request: UrlRequest
    signer: Signer | None = None


def _owner(tx: Tx, url_id: str) -> tuple[UrlOwner, FunctionUrl] | None:
    owner = URL_OWNERS.get(tx.documents, EVERYWHERE, url_id)
    url = None if owner is None else url_of(tx.documents, owner.function)
    return None if owner is None or url is None else (owner, url)


def look_up(ctx: Context, tx: Tx, asked: UrlLookUp) -> FoundUrl | None:
    """The URL, with the credentials of the access key when it is one we know; None when there is no such URL."""
    found = _owner(tx, asked.url_id)
    if found is None:
        return None
    owner, url = found
    scope = owner.function.scope
    is_signed_only = url.auth_type == "AWS_IAM"
    credentials = None
    if is_signed_only and asked.access_key:
        credentials = credentials_of(tx.documents, asked.access_key, partition=scope.partition, now_ms=ctx.now_ms)
    return FoundUrl(scope=scope, is_signed_only=is_signed_only, credentials=credentials)


def call(ctx: Context, tx: Tx, asked: UrlCall) -> UrlAnswer | UrlStream | Perform:
    """Answer a request to a function URL.

    Gives    what the function answers; 403 when the policy does not allow the call or the alias is gone, 413 for more than
             6 MiB, 429 at a concurrency limit, 502 when the function fails or gives what is no answer.
    Promise  a preflight request of a URL with a CORS configuration never reaches the function.
    """
    request = asked.request
    found = _owner(tx, request.url_id)
    stream = _stream(ctx)
    if found is None:
        if stream is not None:
            stream.abandon()
        return failure(404, b'{"Message":"Not Found"}', "ResourceNotFoundException")
    owner, url = found
    origin = request.headers.get("origin")
    if url.cors is not None and origin is not None and is_preflight(request.method, request.headers):
        return UrlAnswer(200, preflight_headers(url.cors, origin), b"")

    def finished(answer: UrlAnswer) -> UrlAnswer:
        return msgspec.structs.replace(answer, headers=with_cors(url.cors, origin, answer.headers))

    if stream is not None:
        return UrlStream(stream, finished)
    answer: UrlAnswer | Perform
    if isinstance(ctx.resume, InvocationResult):
        answer = _answered(ctx, owner.function, url, ctx.resume)
    elif isinstance(ctx.resume, BaseException):
        answer = _refused(ctx, owner.function, ctx.resume)
    else:
        answer = _run(ctx, tx, owner.function, url, asked)
    return answer if isinstance(answer, Perform) else finished(answer)


def _stream(ctx: Context) -> ResponseStream | None:
    """What the runtime gave, when the function has begun to answer."""
    is_other = ctx.resume is None or isinstance(ctx.resume, InvocationResult | BaseException)
    return None if is_other else cast(ResponseStream, ctx.resume)


def _run(ctx: Context, tx: Tx, named: FunctionReference, url: FunctionUrl, asked: UrlCall) -> UrlAnswer | Perform:
    request = asked.request
    reason = forbidden_because(
        policy_of(tx, named),
        auth_type=url.auth_type,
        signer=asked.signer,
        function_arn=named.named_arn,
        account=named.scope.account,
        source_ip=request.source_ip,
    )
    if reason is not None:
        return failure(403, FORBIDDEN, "AccessDeniedException", reason)
    try:
        function = resolved(tx.documents, named, ctx.ids)
    except ResourceNotFound as error:
        return failure(403, FORBIDDEN, "AccessDeniedException", error.message)
    trace = ctx.trace_header or fresh_trace(ctx.now_ms, ctx.ids)
    event = event_of(
        request,
        request_id=ctx.request_id,
        now_ms=ctx.now_ms,
        trace_root=trace.partition(";")[0],
        signer=asked.signer,
    )
    if len(event) > limits.SYNC_PAYLOAD_BYTES_MAX:
        return failure(413, b'{"Message":"Request Entity Too Large"}', "RequestEntityTooLargeException")
    invocation = Invocation(
        function=function,
        request_id=ctx.request_id,
        payload=event,
        invoked_arn=named.named_arn,
        trace_header=extended(trace, named.arn),
    )
    if url.invoke_mode == RESPONSE_STREAM:
        return Perform("stream", StreamedInvocation(invocation, partial(count_streamed, ctx, named.name)))
    return Perform("runtime", invocation)


def _answered(ctx: Context, named: FunctionReference, url: FunctionUrl, result: InvocationResult) -> UrlAnswer:
    """The answer to a result. Behind a streaming URL it goes out as it is: only what is streamed can have a status."""
    is_streaming = url.invoke_mode == RESPONSE_STREAM
    if not is_streaming:
        count_invocation(ctx, named.name, result)
    if result.function_error is not None:
        return failure(502, _SERVER_ERROR, reason=f"{result.error_type}: {result.error_message}")
    if is_streaming:
        return UrlAnswer(200, [("content-type", "application/json")], result.payload)
    try:
        return answer_of(result.payload)
    except MalformedAnswer as error:
        return failure(502, _SERVER_ERROR, reason=f"The function's answer cannot be sent: {error}.")


def _refused(ctx: Context, named: FunctionReference, error: BaseException) -> UrlAnswer:
    """The answer when the runtime did not run the function."""
    if isinstance(error, InvocationThrottled):
        ctx.metrics.count("lambda.throttles", named.name)
        return failure(429, b'{"Message":"Rate Exceeded."}', "TooManyRequestsException", error.reason)
    if isinstance(error, RuntimeUnavailable):
        return failure(502, _SERVER_ERROR, reason=str(error))
    raise error


LOOK_UP = Operation("LookUpFunctionUrl", look_up, reads=True)
CALL = Operation("CallFunctionUrl", call, reads=True)
