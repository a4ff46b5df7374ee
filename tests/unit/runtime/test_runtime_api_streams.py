"""A streamed answer in the Runtime API without sockets: states, trailers, limits, and how a slow reader is felt."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bascule.kernel.invocation import InvocationResult
from bascule.runtime import response_stream
from bascule.runtime.http_listener import ApiAnswer, ApiRequest
from bascule.runtime.limits import STREAM_BUFFER_BYTES, STREAM_BYTES_MAX
from bascule.runtime.ports import OutcomeKind, Request
from bascule.runtime.response_stream import ResponseStream
from bascule.runtime.runtime_api import Errand, RuntimeApi, State
from bascule.runtime.streamed_answer import StreamedAnswer

PATH = "/runtime/invocation/r1/response"
STREAMING = {"lambda-runtime-function-response-mode": "Streaming", "content-type": "text/plain"}


class Flow:
    """The connection that a runtime writes on."""

    def __init__(self) -> None:
        self.is_paused = False

    def pause(self) -> None:
        self.is_paused = True

    def resume(self) -> None:
        self.is_paused = False


class Invoked:
    """A runtime that has been given an event whose caller wants a stream."""

    def __init__(self) -> None:
        self.stream = ResponseStream("$LATEST")
        self.run: asyncio.Future[InvocationResult] = asyncio.get_running_loop().create_future()
        self.stream.follow(self.run)
        self.flow = Flow()
        self.api = RuntimeApi(lambda: None)
        self.call("GET", "/runtime/invocation/next")
        self.api.give(Errand(Request("r1", "arn", 3000, ""), b"{}", 0), self.stream)

    def call(self, method: str, path: str, headers: dict[str, str] | None = None) -> Any:
        return self.api.handle(ApiRequest(method, path, headers or {}))

    def receive(self, path: str = PATH, headers: dict[str, str] | None = None) -> StreamedAnswer | None:
        return self.api.receive(ApiRequest("POST", path, STREAMING if headers is None else headers), self.flow)

    def begin(self) -> StreamedAnswer:
        answer = self.receive()
        assert answer is not None
        return answer

    async def read(self) -> list[bytes]:
        return [chunk async for chunk in self.stream]


def on_loop(test: Callable[[Invoked], Awaitable[None]]) -> Callable[[], None]:
    async def run() -> None:
        await test(Invoked())

    def wrapped() -> None:
        asyncio.run(run())

    wrapped.__name__ = test.__name__
    return wrapped


@on_loop
async def test_chunks_go_on_as_they_come_and_the_end_is_a_result(invoked: Invoked) -> None:
    answer = invoked.begin()
    assert (invoked.stream.has_begun, invoked.stream.content_type) == (True, "text/plain")
    assert invoked.api.state is State.STREAMING
    chunks = aiter(invoked.stream)
    answer.take(b"a")
    assert await anext(chunks) == b"a"
    answer.take(b"b")
    assert answer.end(STREAMING).status == 202
    assert [chunk async for chunk in chunks] == [b"b"]
    assert invoked.stream.is_complete
    assert invoked.api.answer is not None
    assert (invoked.api.answer.kind, invoked.api.answer.body) == (OutcomeKind.RESULT, b"")
    assert invoked.api.state is State.RESPONSE_SENT


@on_loop
async def test_only_the_running_invocation_is_streamed(invoked: Invoked) -> None:
    assert invoked.receive("/runtime/invocation/r2/response") is None
    assert invoked.receive("/runtime/invocation/r1/error") is None
    assert invoked.receive(headers={}) is None
    assert invoked.receive(headers={"lambda-runtime-function-response-mode": "other"}) is None
    assert not invoked.stream.has_begun
    invoked.begin()
    assert invoked.receive() is None


@on_loop
async def test_nothing_else_is_allowed_while_an_answer_is_streamed(invoked: Invoked) -> None:
    invoked.begin()
    for method, path in (("GET", "/runtime/invocation/next"), ("POST", PATH), ("POST", "/runtime/invocation/r1/error")):
        refused = invoked.call(method, path)
        assert isinstance(refused, ApiAnswer)
        assert (refused.status, json.loads(refused.body)["errorType"]) == (403, "InvalidStateTransition")


@pytest.mark.parametrize(
    ("sent", "known"),
    [("Function.Mine", "Function.Mine"), ("Mine", "Runtime.Unknown"), ("Function.x", "Function.Unknown")],
)
def test_trailers_say_that_it_broke(sent: str, known: str) -> None:
    async def run() -> None:
        invoked = Invoked()
        answer = invoked.begin()
        answer.take(b"a")
        report = b'{"errorType":"Mine"}'
        trailers = {
            "lambda-runtime-function-error-type": sent,
            "lambda-runtime-function-error-body": base64.b64encode(report).decode(),
        }
        assert answer.end(STREAMING | trailers).status == 202
        outcome = invoked.api.answer
        assert outcome is not None
        assert (outcome.kind, outcome.body, outcome.error_type) == (OutcomeKind.FAILED, report, known)
        assert (await invoked.read(), invoked.stream.is_complete) == ([b"a"], False)

    asyncio.run(run())


@on_loop
async def test_a_lost_connection_is_a_truncated_answer_that_the_end_of_the_process_outranks(invoked: Invoked) -> None:
    answer = invoked.begin()
    answer.take(b"a")
    answer.lose()
    assert invoked.api.answer is not None
    assert (invoked.api.answer.error_type, invoked.api.is_cut_off) == ("Runtime.TruncatedResponse", True)
    assert (await invoked.read(), invoked.stream.is_complete) == ([b"a"], False)
    assert isinstance(invoked.call("GET", "/runtime/invocation/next"), asyncio.Future)


@on_loop
async def test_the_reader_sets_the_pace(invoked: Invoked) -> None:
    answer = invoked.begin()
    answer.take(b"x" * STREAM_BUFFER_BYTES)
    assert not invoked.flow.is_paused
    answer.take(b"y")
    assert invoked.flow.is_paused
    chunks = aiter(invoked.stream)
    assert len(await anext(chunks)) == STREAM_BUFFER_BYTES
    assert not invoked.flow.is_paused


@on_loop
async def test_a_connection_is_read_on_when_its_answer_is_over_or_nobody_reads(invoked: Invoked) -> None:
    answer = invoked.begin()
    answer.take(b"x" * (STREAM_BUFFER_BYTES + 1))
    invoked.stream.abandon()
    assert not invoked.flow.is_paused
    answer.take(b"x" * (STREAM_BUFFER_BYTES + 1))
    assert not invoked.flow.is_paused
    answer.end(STREAMING)
    assert (await invoked.read(), invoked.stream.written_bytes) == ([], 2 * STREAM_BUFFER_BYTES + 2)

    other = Invoked()
    answer = other.begin()
    answer.take(b"x" * (STREAM_BUFFER_BYTES + 1))
    answer.end(STREAMING)
    assert not other.flow.is_paused


def test_an_endless_answer_ends_at_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(response_stream, "STREAM_BYTES_MAX", 3)

    async def run() -> None:
        invoked = Invoked()
        answer = invoked.begin()
        for chunk in (b"ab", b"cd", b"e"):
            answer.take(chunk)
        assert await invoked.read() == [b"ab"]
        refused = answer.end(STREAMING)
        assert (refused.status, json.loads(refused.body)["errorType"]) == (413, "RequestEntityTooLarge")
        assert invoked.api.answer is not None
        assert invoked.api.answer.error_type == "Function.ResponseSizeTooLarge"
        assert str(STREAM_BYTES_MAX) in invoked.api.answer.body.decode()

    asyncio.run(run())


@on_loop
async def test_an_end_of_the_run_ends_the_stream_and_says_whether_it_began(invoked: Invoked) -> None:
    result = InvocationResult(payload=b"1")
    invoked.run.set_result(result)
    await asyncio.sleep(0)
    assert invoked.stream.is_decided.done()
    assert (invoked.stream.has_begun, await invoked.read(), await invoked.stream.result()) == (False, [], result)
