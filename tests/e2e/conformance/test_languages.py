"""One set of invocations through the public API for every way to write a function: Python, Node, shell and a compiled program.

The programs do the same things in their languages (``programs/``); the tests do not know which one they talk to.
"""

from __future__ import annotations

import base64
import io
import itertools
import json
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.functions import ROLE
from tests.server import Server
from tests.waiting import eventually

PROGRAMS = Path(__file__).parent / "programs"
#: What a synchronous answer may have. bytes
RESPONSE_BYTES_MAX = 6_291_556
Package = tuple[bytes, str]
_numbers = itertools.count(1)


def zipped(name: str, content: bytes) -> bytes:
    """A package with one file that may be executed."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        entry = zipfile.ZipInfo(name)
        entry.external_attr = 0o755 << 16
        archive.writestr(entry, content)
    return packed.getvalue()


def needed(*programs: str) -> str:
    """The first of these programs that this machine has."""
    found = next((place for name in programs if (place := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"no {' or '.join(programs)} on this machine")
    return found


def compiled(folder: Path) -> bytes:
    compiler = needed("cc", "gcc", "clang")
    command = [compiler, "-D_GNU_SOURCE", "-O1", "-o", str(folder / "bootstrap"), str(PROGRAMS / "bootstrap.c")]
    subprocess.run(command, check=True, capture_output=True)
    return (folder / "bootstrap").read_bytes()


@pytest.fixture(scope="module", params=["python", "node", "shell", "compiled"])
def package(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Package:
    """The program as a package, and its runtime."""
    match request.param:
        case "python":
            return zipped("app.py", (PROGRAMS / "app.py").read_bytes()), "python3.12"
        case "node":
            needed("node")
            return zipped("app.mjs", (PROGRAMS / "app.mjs").read_bytes()), "nodejs22.x"
        case "shell":
            needed("curl")
            return zipped("bootstrap", (PROGRAMS / "bootstrap.sh").read_bytes()), "provided.al2023"
        case _:
            return zipped("bootstrap", compiled(tmp_path_factory.mktemp("compiled"))), "provided.al2023"


class Function:
    """A function that is invoked as users do."""

    def __init__(self, server: Server, name: str, package: Package, **members: Any) -> None:
        self.name = name
        self.functions, self.logs, self.sqs = server.client("lambda"), server.client("logs"), server.client("sqs")
        defaults = {"Handler": "app.handler", "Timeout": 20, "MemorySize": 256}
        self.arn = self.functions.create_function(
            FunctionName=name, Runtime=package[1], Role=ROLE, Code={"ZipFile": package[0]}, **(defaults | members)
        )["FunctionArn"]
        self.functions.get_waiter("function_active_v2").wait(FunctionName=name)

    def invoke(self, do: str = "echo", /, **event: Any) -> tuple[Any, str | None, str]:
        """The payload, the function error, and the end of the log."""
        answer = self.functions.invoke(
            FunctionName=self.name, LogType="Tail", Payload=json.dumps({"do": do, **event}).encode()
        )
        assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "$LATEST")
        tail = base64.b64decode(answer["LogResult"]).decode()
        return json.load(answer["Payload"]), answer.get("FunctionError"), tail

    def logged(self) -> list[str]:
        """The messages of its log group, which the first of them makes."""
        group = f"/aws/lambda/{self.name}"
        if not self.logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
            return []
        return [event["message"] for event in self.logs.filter_log_events(logGroupName=group)["events"]]

    def request_id(self, tail: str) -> str:
        return tail.rpartition("REPORT RequestId: ")[2].split()[0]


Deploy = Callable[..., Function]


@pytest.fixture
def deploy(server: Server, package: Package) -> Deploy:
    name = f"function-{next(_numbers)}"
    return lambda **members: Function(server, name, package, **members)


def test_an_event_is_answered_and_the_environment_kept(deploy: Deploy) -> None:
    function = deploy()
    payload, error, tail = function.invoke(text="wörld", n=[1, None])
    assert (payload, error) == ({"do": "echo", "text": "wörld", "n": [1, None]}, None)
    assert "Init Duration: " in tail
    assert "Init Duration: " not in function.invoke()[2]


def test_an_error_of_the_function_is_the_payload_and_the_environment_goes_on(deploy: Deploy) -> None:
    function = deploy()
    payload, error, _ = function.invoke("fail")
    assert (error, payload["errorType"], payload["errorMessage"]) == ("Unhandled", "Mine", "as asked")
    payload, error, tail = function.invoke()
    assert (payload, error) == ({"do": "echo"}, None)
    assert "Init Duration: " not in tail


@pytest.mark.parametrize(
    ("do", "error_type", "reason", "members"),
    [
        ("hang", "Sandbox.Timedout", "Task timed out after 1.00 seconds", {"Timeout": 1}),
        ("exit", "Runtime.ExitError", "Runtime exited with error: exit status 3", {}),
        ("memory", "Runtime.OutOfMemory", "Runtime exited with error: signal: killed", {"MemorySize": 128}),
    ],
    ids=["timeout", "exit", "memory"],
)
def test_what_ends_the_environment_is_said_and_the_next_event_is_answered(
    deploy: Deploy, do: str, error_type: str, reason: str, members: dict[str, int]
) -> None:
    function = deploy(**members)
    payload, error, tail = function.invoke(do)
    message = f"RequestId: {function.request_id(tail)} Error: {reason}"
    assert (payload, error) == ({"errorType": error_type, "errorMessage": message}, "Unhandled")
    function.functions.update_function_configuration(FunctionName=function.name, Timeout=20)
    function.functions.get_waiter("function_updated_v2").wait(FunctionName=function.name)
    assert function.invoke()[:2] == ({"do": "echo"}, None)


def test_variables_are_those_of_the_function(deploy: Deploy) -> None:
    function = deploy(Environment={"Variables": {"STAGE": "test"}})
    assert function.invoke("variables")[0] == f"test {function.name} app.handler"


def test_files_in_the_temporary_directory_stay_between_invocations(deploy: Deploy) -> None:
    function = deploy()
    assert [function.invoke("tmp")[0] for _ in range(3)] == ["new", "kept", "kept"]


def test_what_it_prints_is_in_the_tail_and_in_the_log_group(deploy: Deploy) -> None:
    function = deploy()
    payload, _, tail = function.invoke("say")
    lines = tail.splitlines()
    assert payload == "said"
    places = [
        next(n for n, line in enumerate(lines) if text in line) for text in ("START", "to output", "END", "REPORT")
    ]
    assert places == sorted(places)
    eventually(lambda: any("to output" in line for line in function.logged()), what="the line in the log group")


def test_six_megabytes_pass_both_ways_and_more_is_refused(deploy: Deploy) -> None:
    function = deploy()
    text = "y" * (6 * 1024 * 1024 - 100)
    assert function.invoke(text=text)[:2] == ({"do": "echo", "text": text}, None)
    payload, error, _ = function.invoke("large", size=6 * 1024 * 1024 - 2)
    assert (len(payload), error) == (6 * 1024 * 1024 - 2, None)
    payload, error, _ = function.invoke("large", size=RESPONSE_BYTES_MAX)
    assert (error, payload["errorType"]) == ("Unhandled", "Function.ResponseSizeTooLarge")
    assert function.invoke()[:2] == ({"do": "echo"}, None)


def test_programs_of_a_layer_are_on_the_path(deploy: Deploy, server: Server) -> None:
    layer = server.client("lambda").publish_layer_version(
        LayerName="says", Content={"ZipFile": zipped("bin/layer-says", b"#!/bin/sh\necho from the layer\n")}
    )
    assert deploy(Layers=[layer["LayerVersionArn"]]).invoke("layer")[0] == "from the layer"


def test_an_asynchronous_event_that_fails_ends_at_its_destination(deploy: Deploy, server: Server) -> None:
    function = deploy()
    url = function.sqs.create_queue(QueueName=function.name)["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:000000000000:{url.rpartition('/')[2]}"
    function.functions.put_function_event_invoke_config(
        FunctionName=function.name,
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": arn}, "OnSuccess": {"Destination": arn}},
    )
    for do in ("echo", "fail", "exit"):
        function.functions.invoke(
            FunctionName=function.name, InvocationType="Event", Payload=json.dumps({"do": do}).encode()
        )
    found: dict[str, dict[str, Any]] = {}

    def all_of_them() -> bool:
        for message in function.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            body = json.loads(message["Body"])
            found[body["requestPayload"]["do"]] = body
        return len(found) == 3

    eventually(all_of_them, what="the destinations")
    assert {do: body["requestContext"]["condition"] for do, body in found.items()} == {
        "echo": "Success",
        "fail": "RetriesExhausted",
        "exit": "RetriesExhausted",
    }
    assert found["echo"]["responsePayload"] == {"do": "echo"}
    assert found["fail"]["responsePayload"]["errorType"] == "Mine"
    assert found["exit"]["responsePayload"]["errorType"] == "Runtime.ExitError"
