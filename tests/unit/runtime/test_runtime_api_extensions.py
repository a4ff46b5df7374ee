"""The Extensions API without sockets: registration, events, and when an environment is done."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from bascule.kernel.ids import SeededIds
from bascule.kernel.invocation import FunctionVersion
from bascule.kernel.scope import Scope
from bascule.runtime.extensions_api import ExtensionsApi
from bascule.runtime.http_listener import ApiAnswer, ApiRequest
from bascule.runtime.ports import Outcome, OutcomeKind
from tests.unit.runtime.test_runtime_api import errand, on_loop, told

FUNCTION = FunctionVersion(
    scope=Scope("111122223333", "eu-west-1"),
    name="shop",
    version="3",
    revision_id="r",
    runtime="provided.al2023",
    handler="app.handler",
    code_digest="d",
)


class Environment:
    """Extensions that talk to the API."""

    def __init__(self, *external: str) -> None:
        self.api = ExtensionsApi(FUNCTION, list(external), SeededIds(1).uuid, lambda: None)

    def call(self, method: str, path: str, body: bytes = b"", **headers: str) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.api.handle(ApiRequest(method, f"/extension{path}", named, body))

    def register(self, name: str, *events: str, **headers: str) -> ApiAnswer:
        body = json.dumps({"events": events}).encode()
        answer: ApiAnswer = self.call("POST", "/register", body, lambda_extension_name=name, **headers)
        return answer

    def registered(self, name: str, *events: str) -> str:
        """Register; gives the identifier."""
        return self.register(name, *events).headers["Lambda-Extension-Identifier"]

    def next(self, identifier: str) -> Any:
        return self.call("GET", "/event/next", lambda_extension_identifier=identifier)


def test_registration_tells_the_function_and_an_identifier() -> None:
    environment = Environment("logger")
    assert not environment.api.are_registered
    answer = environment.register("logger", "INVOKE", "SHUTDOWN")
    assert told(answer) == (200, {"functionName": "shop", "functionVersion": "3", "handler": "app.handler"})
    assert len(answer.headers["Lambda-Extension-Identifier"]) == 36
    assert environment.api.are_registered


def test_the_account_is_told_when_the_feature_is_accepted() -> None:
    answer = Environment("logger").register("logger", lambda_extension_accept_feature="accountId")
    assert told(answer)[1]["accountId"] == "111122223333"


@pytest.mark.parametrize(
    ("name", "events", "error_type"),
    [
        ("", ["INVOKE"], "Extension.InvalidExtensionName"),
        ("logger", ["NONSENSE"], "Extension.InvalidEventType"),
        ("internal", ["SHUTDOWN"], "Extension.InvalidEventType"),
    ],
)
def test_bad_registrations_are_refused(name: str, events: list[str], error_type: str) -> None:
    status, error = told(Environment("logger").register(name, *events))
    assert (status, error["errorType"]) == (403, error_type)


def test_a_body_that_is_not_a_registration_is_refused() -> None:
    answer = Environment().call("POST", "/register", b"[", lambda_extension_name="x")
    assert told(answer)[1]["errorType"] == "InvalidRequestFormat"


def test_a_name_registers_once() -> None:
    environment = Environment("logger")
    for name in ("logger", "internal"):
        environment.register(name, "INVOKE")
        status, error = told(environment.register(name, "INVOKE"))
        assert (status, error["errorType"]) == (403, "Extension.InvalidExtensionState")


def test_there_are_ten_extensions_at_most() -> None:
    environment = Environment("logger")
    for number in range(9):
        assert environment.register(f"internal-{number}").status == 200
    refused = {"errorType": "Extension.TooManyExtensions", "errorMessage": "Extension limit (10) reached"}
    assert told(environment.register("one-more")) == (403, refused)


def test_nobody_registers_after_init() -> None:
    environment = Environment()
    environment.api.is_closed = True
    refused = {"errorType": "Extension.RegistrationClosed", "errorMessage": "Extension registration closed already"}
    assert told(environment.register("late")) == (403, refused)


@on_loop
async def test_an_identifier_is_needed_and_must_be_known() -> None:
    environment = Environment("logger")
    expected = environment.api.all[0].identifier
    missing = environment.call("GET", "/event/next")
    assert told(missing)[1]["errorType"] == "Extension.MissingExtensionIdentifier"
    for identifier in ("nonsense", expected):  # one that has not registered does not know its identifier
        assert told(environment.next(identifier))[1]["errorType"] == "Extension.UnknownExtensionIdentifier"


@on_loop
async def test_an_environment_is_done_when_every_extension_asks_for_its_next_event() -> None:
    environment = Environment("logger", "other")
    logger, other = environment.registered("logger", "INVOKE"), environment.registered("other", "SHUTDOWN")
    waiting = environment.next(logger)
    assert not environment.api.are_idle
    environment.next(other)
    assert environment.api.are_idle
    environment.api.invoke(errand())
    assert not environment.api.are_idle
    event = json.loads((await waiting).body)
    assert event == {
        "eventType": "INVOKE",
        "deadlineMs": 1_700_000_003_000,
        "requestId": "r1",
        "invokedFunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:shop",
        "tracing": {"type": "X-Amzn-Trace-Id", "value": "Root=1-2-3"},
    }
    environment.next(logger)
    assert environment.api.are_idle


@on_loop
async def test_an_event_waits_for_an_extension_that_lost_its_connection() -> None:
    environment = Environment("logger")
    logger = environment.registered("logger", "INVOKE")
    environment.next(logger).cancel()
    environment.api.invoke(errand())
    assert not environment.api.are_idle
    assert json.loads(environment.next(logger).body)["requestId"] == "r1"


@on_loop
async def test_shutdown_is_told_with_its_reason_and_deadline() -> None:
    environment = Environment("logger")
    waiting = environment.next(environment.registered("logger", "SHUTDOWN"))
    environment.api.shutdown("timeout", 42)
    event = json.loads((await waiting).body)
    assert event == {"eventType": "SHUTDOWN", "shutdownReason": "timeout", "deadlineMs": 42}


@on_loop
async def test_an_extension_that_gives_up_is_a_failure_of_the_environment() -> None:
    for path, before, platform_type in (
        ("/init/error", False, "Extension.InitError"),
        ("/exit/error", True, "Extension.ExitError"),
    ):
        environment = Environment("logger")
        identifier = environment.registered("logger", "INVOKE")
        if before:
            environment.next(identifier)
        headers = {"lambda_extension_identifier": identifier}
        assert told(environment.call("POST", path, **headers))[1]["errorType"] == "Extension.MissingHeader"
        answer = environment.call("POST", path, lambda_extension_function_error_type="Extension.NoDisk", **headers)
        assert told(answer) == (202, {"status": "OK"})
        expected = Outcome(OutcomeKind.EXITED, error_type=platform_type, reason="Extension.NoDisk")
        assert environment.api.failure == expected
        assert told(environment.next(identifier))[1]["errorType"] == "Extension.InvalidExtensionState"


@on_loop
async def test_a_second_next_takes_the_place_of_the_first() -> None:
    environment = Environment("logger")
    logger = environment.registered("logger", "INVOKE")
    first = environment.next(logger)
    second = environment.next(logger)
    assert isinstance(second, asyncio.Future)
    assert told(await first)[0] == 403
