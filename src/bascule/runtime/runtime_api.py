"""The Runtime API of one process: what a runtime may call when, and what that means for the invocation it serves. No I/O.

    Started --next--> Ready --(an event)--> Running --response|error--> ResponseSent --next--> Ready
    Started --init/error--> InitError
    Running --response, streamed--> Streaming --its end--> ResponseSent

A runtime that loses its connection asks again: ``next`` while Running gives the same event. ``changed`` is called after each
step; its owner reads ``init_error``, ``answer`` and ``is_ready`` and decides what ends.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import enum
import re
from collections.abc import Callable

import msgspec

from bascule.runtime.http_listener import STREAMS_HEADER, ApiAnswer, ApiRequest
from bascule.runtime.limits import RESPONSE_BYTES_MAX, STREAM_BYTES_MAX
from bascule.runtime.ports import Outcome, OutcomeKind, Request
from bascule.runtime.response_stream import ResponseStream, Source
from bascule.runtime.streamed_answer import StreamedAnswer

BASE_PATH = "/2018-06-01"
_INVOCATION = re.compile(r"/runtime/invocation/([^/]+)/(response|error)")
_ERROR_TYPE = re.compile(r"(Runtime|Function)\.[A-Z][a-zA-Z]+")
_ERROR_TYPE_HEADER = "lambda-runtime-function-error-type"
_ERROR_BODY_TRAILER = "lambda-runtime-function-error-body"
_STREAMING = "streaming"

ACCEPTED = ApiAnswer(202, b'{"status":"OK"}')


class State(enum.Enum):
    """Where a runtime is; the values are the words of refusals."""

    STARTED = "Started"
    INIT_ERROR = "InitError"
    READY = "Ready"
    RUNNING = "Running"
    STREAMING = "RuntimeInvocationResponse"
    RESPONSE_SENT = "RuntimeResponseSentState"


class Errand(msgspec.Struct, frozen=True):
    """An invocation on its way to a process. The deadline is wall time of this machine, which the process compares with."""

    request: Request
    payload: bytes
    deadline_ms: int


def refusal(status: int, error_type: str, message: str) -> ApiAnswer:
    """An error of the Runtime or the Extensions API."""
    return ApiAnswer(status, msgspec.json.encode({"errorType": error_type, "errorMessage": message}))


def known_error_type(text: str) -> str:
    """The error type that counts for the platform: a function may send any text."""
    if not text:
        return ""
    if _ERROR_TYPE.fullmatch(text):
        return text
    return "Function.Unknown" if text.startswith("Function.") else "Runtime.Unknown"


class RuntimeApi:
    """What one runtime may do now. One event loop."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self.state = State.STARTED
        self.init_error: Outcome | None = None
        #: The answer to the current invocation.
        self.answer: Outcome | None = None
        #: The answer was broken off with its connection: the end of the process, if it comes, says more.
        self.is_cut_off = False
        self._changed = changed
        self._errand: Errand | None = None
        self._stream: ResponseStream | None = None
        self._waiter: asyncio.Future[ApiAnswer] | None = None

    @property
    def is_ready(self) -> bool:
        """Whether it has asked for the next event and got none yet."""
        return self.state is State.READY and self._errand is None

    def give(self, errand: Errand, stream: ResponseStream | None = None) -> None:
        """Hand over an invocation; the runtime has asked for it, or will. Takes where a streamed answer goes, if anywhere."""
        assert self.is_ready, self.state
        self.answer = None
        self.is_cut_off = False
        self._errand, self._stream = errand, stream
        if self._waiter is not None and not self._waiter.done():
            self.state = State.RUNNING
            self._waiter.set_result(event_answer(errand))
        self._waiter = None

    def handle(self, request: ApiRequest) -> ApiAnswer | asyncio.Future[ApiAnswer] | None:
        """Answer a request under ``BASE_PATH`` (already cut off); None when there is no such path."""
        path, method = request.path, request.method
        if path == "/ping":
            return ApiAnswer(200, b"pong", {"Content-Type": "text/plain"})
        if path == "/runtime/invocation/next":
            return self._next() if method == "GET" else ApiAnswer(405)
        if path == "/runtime/init/error":
            return self._init_error(request) if method == "POST" else ApiAnswer(405)
        if match := _INVOCATION.fullmatch(path):
            return self._answer(match[1], match[2], request) if method == "POST" else ApiAnswer(405)
        return None

    def receive(self, request: ApiRequest, source: Source) -> StreamedAnswer | None:
        """Begin to take a streamed answer; None for any request that ``handle`` is to judge when it is whole."""
        stream, errand = self._stream, self._errand
        if stream is None or errand is None or self.state is not State.RUNNING:
            return None
        if request.headers.get(STREAMS_HEADER, "").lower() != _STREAMING:
            return None
        if (request.method, request.path) != ("POST", f"/runtime/invocation/{errand.request.request_id}/response"):
            return None
        self.state = State.STREAMING
        stream.begin(request.headers.get("content-type", "application/octet-stream"), source)

        def judge(headers: dict[str, str]) -> tuple[ApiAnswer, Outcome]:
            return _judge("response", ApiRequest("POST", request.path, headers))

        return StreamedAnswer(stream, judge, _too_large(STREAM_BYTES_MAX), self._streamed)

    def _streamed(self, outcome: Outcome, is_whole: bool) -> None:
        self.answer, self.is_cut_off = outcome, not is_whole
        self.state = State.RESPONSE_SENT
        self._changed()

    def _next(self) -> ApiAnswer | asyncio.Future[ApiAnswer]:
        if self.state in (State.INIT_ERROR, State.STREAMING):
            return self._not_allowed("Ready")
        if self._errand is not None and self.state in (State.READY, State.RUNNING):
            self.state = State.RUNNING
            return event_answer(self._errand)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(self._not_allowed("Ready"))
        waiter = self._waiter = asyncio.get_running_loop().create_future()
        if self.state is not State.READY:
            self.state, self._errand = State.READY, None
            self._changed()
        return waiter

    def _not_allowed(self, wanted: str) -> ApiAnswer:
        words = f"State transition from {self.state.value} to {wanted} failed for runtime."
        return refusal(403, "InvalidStateTransition", f"{words} Error: State transition is not allowed")

    def _init_error(self, request: ApiRequest) -> ApiAnswer:
        if self.state is not State.STARTED:
            return self._not_allowed(State.INIT_ERROR.value)
        self.state = State.INIT_ERROR
        self.init_error = _failure(request.body, request.headers.get(_ERROR_TYPE_HEADER, ""))
        self._changed()
        return ACCEPTED

    def _answer(self, request_id: str, verb: str, request: ApiRequest) -> ApiAnswer:
        if self._errand is None or request_id != self._errand.request.request_id:
            return refusal(400, "InvalidRequestID", "Invalid request ID")
        if self.state is not State.RUNNING:
            return self._not_allowed("InvocationResponse" if verb == "response" else "InvocationErrorResponse")
        answer, self.answer = _judge(verb, request)
        self.state = State.RESPONSE_SENT
        self._changed()
        return answer


def _judge(verb: str, request: ApiRequest) -> tuple[ApiAnswer, Outcome]:
    """What the runtime hears, and how the invocation ended."""
    mode, error_type = request.headers.get(STREAMS_HEADER), request.headers.get(_ERROR_TYPE_HEADER, "")
    if request.is_oversize:
        return _too_large(RESPONSE_BYTES_MAX), Outcome(OutcomeKind.OVERSIZE)
    if verb == "error":
        return ACCEPTED, _failure(request.body, error_type)
    if mode is not None and mode.lower() != _STREAMING:
        words = "Invalid function response mode"
        failed = _failure(b"", "Runtime.InvalidResponseModeHeader", words)
        return refusal(400, "InvalidFunctionResponseMode", words), failed
    if mode is not None and error_type:
        # A stream that breaks says so in trailers, after what it has already sent.
        return ACCEPTED, _failure(_trailer_body(request.headers.get(_ERROR_BODY_TRAILER, "")), error_type)
    return ACCEPTED, Outcome(OutcomeKind.RESULT, request.body)


def _too_large(bytes_max: int) -> ApiAnswer:
    return refusal(413, "RequestEntityTooLarge", f"Exceeded maximum allowed payload size ({bytes_max} bytes).")


def _trailer_body(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return text.encode("latin-1", "replace")


def _failure(body: bytes, error_type: str, message: str = "") -> Outcome:
    """A runtime's error report goes through verbatim; one without a body is worded from its header."""
    body = body or msgspec.json.encode({"errorType": error_type or "Runtime.Unknown", "errorMessage": message})
    return Outcome(OutcomeKind.FAILED, body, error_type=known_error_type(error_type))


def event_answer(errand: Errand) -> ApiAnswer:
    """The answer to ``next``: the event as it came, and who asks in headers; empty ones are left out."""
    request = errand.request
    headers = {
        "Content-Type": "application/json",
        "Lambda-Runtime-Aws-Request-Id": request.request_id,
        "Lambda-Runtime-Deadline-Ms": str(errand.deadline_ms),
        "Lambda-Runtime-Invoked-Function-Arn": request.invoked_arn,
        "Lambda-Runtime-Trace-Id": request.trace,
        "Lambda-Runtime-Client-Context": request.client_context or "",
    }
    return ApiAnswer(200, errand.payload, {name: _header_text(value) for name, value in headers.items() if value})


def _header_text(value: str) -> str:
    """Text as one header line, its bytes UTF-8; a caller chooses the client context."""
    return re.sub(r"[\r\n\0]+", " ", value).encode().decode("latin-1")
