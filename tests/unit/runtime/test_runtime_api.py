"""What a runtime may call when, and what it is told: the Runtime API without sockets."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bascule.runtime.http_listener import ApiAnswer, ApiRequest
from bascule.runtime.ports import Outcome, OutcomeKind, Request
from bascule.runtime.runtime_api import Errand, RuntimeApi, State, known_error_type

ARN = "arn:aws:lambda:us-east-1:000000000000:function:shop"
NOT_ALLOWED = "failed for runtime. Error: State transition is not allowed"


def errand(request_id: str = "r1", payload: bytes = b'{"a":1}', **fields: Any) -> Errand:
    values: dict[str, Any] = {"invoked_arn": ARN, "remaining_ms": 3000, "trace": "Root=1-2-3"}
    return Errand(Request(request_id=request_id, **(values | fields)), payload, 1_700_000_003_000)


class Runtime:
    """A runtime that talks to the API, with its steps counted."""

    def __init__(self) -> None:
        self.steps = 0
        self.api = RuntimeApi(self._step)

    def _step(self) -> None:
        self.steps += 1

    def call(self, method: str, path: str, body: bytes = b"", **fields: Any) -> Any:
        headers = {name.replace("_", "-"): value for name, value in fields.pop("headers", {}).items()}
        return self.api.handle(ApiRequest(method, path, headers, body, **fields))

    def next(self) -> asyncio.Future[ApiAnswer]:
        waiting = self.call("GET", "/runtime/invocation/next")
        assert isinstance(waiting, asyncio.Future)
        return waiting

    async def running(self, work: Errand | None = None) -> None:
        """Get to where an event is being worked on."""
        waiting = self.next()
        self.api.give(work or errand())
        await waiting

    def respond(self, body: bytes = b"1", request_id: str = "r1", **fields: Any) -> Any:
        return self.call("POST", f"/runtime/invocation/{request_id}/response", body, **fields)

    def fail(self, body: bytes = b"{}", request_id: str = "r1", **fields: Any) -> Any:
        return self.call("POST", f"/runtime/invocation/{request_id}/error", body, **fields)


def told(answer: ApiAnswer) -> tuple[int, dict[str, str]]:
    assert answer.headers["Content-Type"] == "application/json"
    return answer.status, json.loads(answer.body)


def on_loop(test: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    def run() -> None:
        async def running() -> None:
            await test()

        asyncio.run(running())

    run.__name__ = test.__name__
    return run


@on_loop
async def test_next_waits_and_then_gives_the_event_and_who_asks() -> None:
    runtime = Runtime()
    waiting = runtime.next()
    assert runtime.api.is_ready
    runtime.api.give(errand(client_context='{"custom":{}}'))
    answer = await waiting
    assert (answer.status, answer.body) == (200, b'{"a":1}')
    assert answer.headers == {
        "Content-Type": "application/json",
        "Lambda-Runtime-Aws-Request-Id": "r1",
        "Lambda-Runtime-Deadline-Ms": "1700000003000",
        "Lambda-Runtime-Invoked-Function-Arn": ARN,
        "Lambda-Runtime-Trace-Id": "Root=1-2-3",
        "Lambda-Runtime-Client-Context": '{"custom":{}}',
    }


@on_loop
async def test_empty_headers_are_left_out_and_no_value_can_start_another_header() -> None:
    runtime = Runtime()
    await runtime.running(errand(trace="", client_context="a\r\nb: ü"))
    headers = runtime.call("GET", "/runtime/invocation/next").headers
    assert "Lambda-Runtime-Trace-Id" not in headers
    assert headers["Lambda-Runtime-Client-Context"].encode("latin-1").decode() == "a b: ü"


@on_loop
async def test_a_runtime_that_lost_its_connection_gets_the_same_event_again() -> None:
    runtime = Runtime()
    runtime.next().cancel()
    runtime.api.give(errand())
    assert runtime.call("GET", "/runtime/invocation/next").body == b'{"a":1}'
    assert runtime.call("GET", "/runtime/invocation/next").body == b'{"a":1}'


@on_loop
async def test_a_second_next_takes_the_place_of_the_first() -> None:
    runtime = Runtime()
    first, second = runtime.next(), runtime.next()
    assert told(await first)[0] == 403
    runtime.api.give(errand())
    assert (await second).status == 200


@on_loop
async def test_a_response_is_accepted_once_and_the_next_next_ends_the_invocation() -> None:
    runtime = Runtime()
    await runtime.running()
    assert told(runtime.respond(b'"done"')) == (202, {"status": "OK"})
    assert runtime.api.answer == Outcome(OutcomeKind.RESULT, b'"done"')
    assert not runtime.api.is_ready
    message = f"State transition from RuntimeResponseSentState to InvocationResponse {NOT_ALLOWED}"
    assert told(runtime.respond()) == (403, {"errorType": "InvalidStateTransition", "errorMessage": message})
    runtime.next()
    assert runtime.api.is_ready
    invalid = (400, {"errorType": "InvalidRequestID", "errorMessage": "Invalid request ID"})
    assert told(runtime.respond()) == told(runtime.fail()) == invalid


@on_loop
async def test_a_wrong_request_id_is_refused_and_changes_nothing() -> None:
    runtime = Runtime()
    await runtime.running()
    assert told(runtime.respond(request_id="other"))[1]["errorType"] == "InvalidRequestID"
    assert told(runtime.respond())[0] == 202


@on_loop
async def test_an_answer_before_its_event_was_fetched_is_out_of_turn() -> None:
    runtime = Runtime()
    runtime.next().cancel()
    runtime.api.give(errand())
    message = f"State transition from Ready to InvocationErrorResponse {NOT_ALLOWED}"
    assert told(runtime.fail()) == (403, {"errorType": "InvalidStateTransition", "errorMessage": message})


@on_loop
async def test_too_large_a_response_is_said_to_the_runtime_and_to_the_caller() -> None:
    runtime = Runtime()
    await runtime.running()
    message = "Exceeded maximum allowed payload size (6291556 bytes)."
    refused = (413, {"errorType": "RequestEntityTooLarge", "errorMessage": message})
    assert told(runtime.respond(b"", is_oversize=True)) == refused
    assert runtime.api.answer == Outcome(OutcomeKind.OVERSIZE)
    runtime.next()
    assert runtime.api.is_ready


@on_loop
async def test_an_error_report_goes_through_verbatim() -> None:
    runtime = Runtime()
    await runtime.running()
    body = b'{"errorMessage":"no","errorType":"Mine","stackTrace":[]}'
    answer = runtime.fail(body, headers={"lambda_runtime_function_error_type": "Runtime.Mine"})
    assert told(answer) == (202, {"status": "OK"})
    assert runtime.api.answer == Outcome(OutcomeKind.FAILED, body, error_type="Runtime.Mine")


@on_loop
async def test_an_error_report_without_a_body_is_worded_from_its_header() -> None:
    runtime = Runtime()
    await runtime.running()
    runtime.fail(b"", headers={"lambda_runtime_function_error_type": "Function.Broken"})
    assert runtime.api.answer is not None
    assert json.loads(runtime.api.answer.body) == {"errorType": "Function.Broken", "errorMessage": ""}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("", ""),
        ("Runtime.ExitError", "Runtime.ExitError"),
        ("Function.NoSuchThing", "Function.NoSuchThing"),
        ("Function.not this", "Function.Unknown"),
        ("Runtime.1", "Runtime.Unknown"),
        ("TypeError", "Runtime.Unknown"),
    ],
)
def test_error_types_that_the_platform_does_not_know_become_unknown(text: str, kept: str) -> None:
    assert known_error_type(text) == kept


@on_loop
async def test_a_streamed_response_is_the_result() -> None:
    runtime = Runtime()
    await runtime.running()
    answer = runtime.respond(b"chunks", headers={"lambda_runtime_function_response_mode": "streaming"})
    assert answer.status == 202
    assert runtime.api.answer == Outcome(OutcomeKind.RESULT, b"chunks")


@on_loop
async def test_a_stream_that_breaks_says_so_in_its_trailers() -> None:
    runtime = Runtime()
    await runtime.running()
    body = b'{"errorType":"Mine","errorMessage":"half way"}'
    trailers = {
        "lambda_runtime_function_response_mode": "streaming",
        "lambda_runtime_function_error_type": "Runtime.StreamError",
        "lambda_runtime_function_error_body": base64.b64encode(body).decode(),
    }
    assert runtime.respond(b"half", headers=trailers).status == 202
    assert runtime.api.answer == Outcome(OutcomeKind.FAILED, body, error_type="Runtime.StreamError")


@on_loop
async def test_another_response_mode_is_refused_and_fails_the_invocation() -> None:
    runtime = Runtime()
    await runtime.running()
    answer = runtime.respond(headers={"lambda_runtime_function_response_mode": "buffered"})
    message = {"errorType": "InvalidFunctionResponseMode", "errorMessage": "Invalid function response mode"}
    assert told(answer) == (400, message)
    assert runtime.api.answer is not None
    assert runtime.api.answer.error_type == "Runtime.InvalidResponseModeHeader"


@on_loop
async def test_an_init_error_ends_init_and_everything_after_it_is_refused() -> None:
    runtime = Runtime()
    assert told(runtime.call("POST", "/runtime/init/error", b'{"errorType":"X"}')) == (202, {"status": "OK"})
    assert (runtime.api.state, runtime.steps) == (State.INIT_ERROR, 1)
    assert runtime.api.init_error == Outcome(OutcomeKind.FAILED, b'{"errorType":"X"}')
    message = f"State transition from InitError to Ready {NOT_ALLOWED}"
    refused = (403, {"errorType": "InvalidStateTransition", "errorMessage": message})
    assert told(runtime.call("GET", "/runtime/invocation/next")) == refused
    assert told(runtime.call("POST", "/runtime/init/error"))[0] == 403


@on_loop
async def test_an_init_error_after_init_is_refused() -> None:
    runtime = Runtime()
    runtime.next()
    message = f"State transition from Ready to InitError {NOT_ALLOWED}"
    refused = (403, {"errorType": "InvalidStateTransition", "errorMessage": message})
    assert told(runtime.call("POST", "/runtime/init/error")) == refused


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/runtime/invocation/next", 405),
        ("GET", "/runtime/init/error", 405),
        ("GET", "/runtime/invocation/r1/response", 405),
        ("GET", "/runtime/restore/next", None),
        ("GET", "/", None),
    ],
)
def test_other_methods_and_paths(method: str, path: str, status: int | None) -> None:
    answer = Runtime().call(method, path)
    assert (answer and answer.status) == status


def test_ping_is_answered() -> None:
    assert Runtime().call("GET", "/ping").body == b"pong"
