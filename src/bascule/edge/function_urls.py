"""The HTTP surface of function URLs: which requests are for one, and whether a signature is right.

A URL is reached by its name (``Host: <id>.lambda-url.<region>.<anything>``) or, where such names do not resolve, by the path
``/_bascule/url/<id>/...``. What is answered is decided by the Lambda service; here requests become its input and its answers
bytes. Such requests are no AWS API calls, so they leave the pipeline before anything asks which operation they mean.
"""

from __future__ import annotations

import logging
import re
from typing import NamedTuple

import msgspec

from bascule.edge.connection import ClientGone, Connection
from bascule.edge.dispatch import Dispatcher
from bascule.edge.signatures import EXPIRED, BadSignature, Signature, check, signature_of
from bascule.edge.streamed_answers import FunctionFailed, Parts, url_answer
from bascule.host.contexts import Contexts
from bascule.identity.access_keys import is_temporary
from bascule.kernel.context import Context
from bascule.kernel.invocation import RuntimeUnavailable
from bascule.kernel.scope import REGION_DEFAULT, Scope
from bascule.kernel.store import StoreBusy, StoreClosed
from bascule.protocol import HttpAnswer, HttpRequest, HttpStreamedAnswer
from bascule.services.lambda_.function_url_answers import MalformedAnswer, UrlAnswer, UrlStream, failure
from bascule.services.lambda_.function_url_callers import Signer
from bascule.services.lambda_.function_url_calls import CALL, LOOK_UP, FoundUrl, UrlCall, UrlLookUp
from bascule.services.lambda_.function_url_events import UrlRequest
from bascule.services.lambda_.tracing import fresh_trace

log = logging.getLogger("bascule.edge")

PATH = "/_bascule/url/"
_MARK = ".lambda-url."
_HOST = re.compile(r"([0-9a-z]+)\.lambda-url\.([0-9a-z-]+)(\.[0-9a-z.-]+)?(?::(\d+))?")
_OURS = ("x-amzn-requestid", "x-amzn-trace-id")
_PORT = re.compile(r":(\d+)$")


class UrlPlace(NamedTuple):
    """Which URL a request is for. ``region`` is empty when it was reached by path."""

    url_id: str
    region: str
    domain_name: str
    path: str


def place_of(request: HttpRequest) -> UrlPlace | None:
    """The function URL that a request is for; None for any other request. On the way of every request, so cheap for those."""
    host = request.headers.get("host", "")
    if _MARK in host:
        found = _HOST.fullmatch(host.lower())
        if found is not None:
            return UrlPlace(found[1], found[2], host.lower().partition(":")[0], request.path or "/")
    if request.path.startswith(PATH):
        url_id, _, rest = request.path[len(PATH) :].partition("/")
        return UrlPlace(url_id, "", "", f"/{rest}")
    return None


def _unsigned(error_type: str, message: str, reason: str) -> UrlAnswer:
    """The refusal of a signature says why; that of a caller who may not (``FORBIDDEN``) does not."""
    return failure(403, msgspec.json.encode({"message": message}), error_type, reason)


class FunctionUrls:
    """Answers requests to function URLs."""

    def __init__(self, dispatcher: Dispatcher, contexts: Contexts) -> None:
        self._dispatcher = dispatcher
        self._contexts = contexts

    async def handle(
        self, request: HttpRequest, place: UrlPlace, *, source_ip: str, base_url: str, connection: Connection
    ) -> HttpAnswer | HttpStreamedAnswer:
        """Answer a request to a function URL.

        Raises   ClientGone when the client left during a wait; nothing else.
        """
        ids = self._contexts.ids
        trace = request.headers.get("x-amzn-trace-id") or fresh_trace(self._contexts.clock.now_ms(), ids)
        ctx = self._contexts.make(
            Scope(region=place.region or REGION_DEFAULT),
            request_id=ids.uuid(),
            base_url=base_url,
            source_ip=source_ip,
            trace_header=trace,
        )
        parts = None
        try:
            answer = await self._answer(ctx, request, place, connection)
            if isinstance(answer, UrlStream):
                answer, parts = await self._streamed(answer, request)
        except ClientGone:
            raise
        except StoreBusy:
            answer = failure(429, b'{"Message":"Rate Exceeded."}', "TooManyRequestsException")
        except StoreClosed:
            answer = failure(503, b'{"Message":"Service Unavailable"}', "ServiceUnavailableException")
        except Exception as error:  # the top of a request: whatever happens, the client gets an answer
            self._contexts.metrics.count("edge.internal_failures")
            log.error("request %s to a function URL failed inside", ctx.request_id, exc_info=error)
            answer = failure(500, b"Internal Server Error")
        ours = [("x-amzn-requestid", ctx.request_id), ("x-amzn-trace-id", ctx.trace_header or "")]
        headers = ours + [header for header in answer.headers if header[0].lower() not in _OURS]
        if parts is not None:
            return HttpStreamedAnswer(answer.status, headers, parts)
        return HttpAnswer(answer.status, headers, answer.body)

    @staticmethod
    async def _streamed(stream: UrlStream, request: HttpRequest) -> tuple[UrlAnswer, Parts | None]:
        try:
            return await url_answer(stream, has_body=request.method != "HEAD")
        except (FunctionFailed, RuntimeUnavailable) as error:
            reason = str(error)
        except MalformedAnswer as error:
            reason = f"The function's answer cannot be sent: {error}."
        return stream.finished(failure(502, b"Internal Server Error", reason=reason)), None

    async def _answer(
        self, ctx: Context, request: HttpRequest, place: UrlPlace, connection: Connection
    ) -> UrlAnswer | UrlStream:
        signature = signature_of(request)
        asked = UrlLookUp(url_id=place.url_id, access_key="" if signature is None else signature.access_key)
        found = await self._dispatcher.run(LOOK_UP, ctx, asked, connection)
        if not isinstance(found, FoundUrl) or place.region not in ("", found.scope.region):
            return failure(
                404, b'{"Message":"Not Found"}', "ResourceNotFoundException", "There is no such function URL."
            )
        signer = None
        if found.is_signed_only and signature is not None:
            verified = self._verified(ctx, request, signature, found)
            if isinstance(verified, UrlAnswer):
                return verified
            signer = verified
        call = UrlCall(request=self._url_request(ctx, request, place, found.scope.region), signer=signer)
        answer = await self._dispatcher.run(CALL, ctx.within(found.scope), call, connection)
        assert isinstance(answer, UrlAnswer | UrlStream)
        return answer

    def _verified(
        self, ctx: Context, request: HttpRequest, signature: Signature, found: FoundUrl
    ) -> Signer | UrlAnswer:
        """Who signed the request, or the refusal. On a server under test the time of a signature is not compared."""
        if found.credentials is None and is_temporary(signature.access_key):
            reason = "The session of this temporary access key is over."
            return _unsigned("ExpiredTokenException", EXPIRED, reason)
        if found.credentials is None:
            reason = f"The access key '{signature.access_key}' is not one that Bascule knows; see the reference page."
            return _unsigned(
                "UnrecognizedClientException", "The security token included in the request is invalid.", reason
            )
        try:
            check(
                request,
                signature,
                secret=found.credentials.secret,
                token=found.credentials.session_token,
                region=found.scope.region,
                service="lambda",
                now_ms=None if self._contexts.settings.is_test else ctx.now_ms,
            )
        except BadSignature as error:
            return _unsigned("InvalidSignatureException", str(error), str(error))
        return found.credentials.signer

    @staticmethod
    def _url_request(ctx: Context, request: HttpRequest, place: UrlPlace, region: str) -> UrlRequest:
        scheme, _, rest = ctx.base_url.partition("://")
        port = _PORT.search(rest)
        return UrlRequest(
            url_id=place.url_id,
            domain_name=place.domain_name or f"{place.url_id}.lambda-url.{region}.localhost",
            port=port[1] if port else "443" if scheme == "https" else "80",
            scheme=scheme,
            method=request.method,
            path=place.path,
            query_string=request.query_string,
            headers=request.headers,
            body=request.body,
            source_ip=ctx.source_ip,
        )
