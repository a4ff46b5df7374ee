"""Processes that are killed from outside: an environment in the middle of an invocation, and the server with all it has started."""

from __future__ import annotations

import io
import itertools
import json
import os
import shutil
import signal
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.functions import ROLE
from tests.server import Server
from tests.waiting import eventually

PYTHON = """
import os, subprocess
def handler(event, context):
    mark = event.get("mark", os.environ.get("MARK"))
    if mark is None:
        return "fine"
    subprocess.Popen(["sleep", mark], start_new_session=True)
    subprocess.run(["sleep", mark])
"""
NODE = """
import { execFileSync, spawn } from "node:child_process";
export const handler = async (event) => {
  if (!event.mark) return "fine";
  spawn("sleep", [event.mark], { detached: true, stdio: "ignore" }).unref();
  execFileSync("sleep", [event.mark]);
};
"""
SHELL = """#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime"
while true; do
  event=$(curl -sS -D "${TMPDIR:-/tmp}/headers" "$api/invocation/next") || exit 99
  id=$(grep -Fi Lambda-Runtime-Aws-Request-Id "${TMPDIR:-/tmp}/headers" | tr -d '[:space:]' | cut -d: -f2)
  mark=$(echo "$event" | sed -n 's/.*"mark": *"\\([0-9.]*\\)".*/\\1/p')
  if [ "$mark" ]; then
    setsid sleep "$mark" &
    sleep "$mark"
  fi
  curl -sS -o /dev/null -X POST -d '"fine"' "$api/invocation/$id/response"
done
"""
EXTENSION = """#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2020-01-01/extension"
id=$(curl -sS -D - -o /dev/null -X POST -H "Lambda-Extension-Name: watch" -d '{"events":["INVOKE"]}' "$api/register" |
  grep -Fi Lambda-Extension-Identifier | tr -d '[:space:]' | cut -d: -f2)
while curl -sS -o /dev/null -H "Lambda-Extension-Identifier: $id" "$api/event/next"; do :; done
"""
PROGRAMS = {
    "python": ("app.py", PYTHON, "python3.12"),
    "node": ("app.mjs", NODE, "nodejs22.x"),
    "shell": ("bootstrap", SHELL, "provided.al2023"),
}
LANGUAGES = [
    "python",
    pytest.param("node", marks=pytest.mark.skipif(not shutil.which("node"), reason="no node on this machine")),
    pytest.param("shell", marks=pytest.mark.skipif(not shutil.which("curl"), reason="no curl on this machine")),
]
_numbers = itertools.count(1)


def zipped(name: str, text: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        entry = zipfile.ZipInfo(name)
        entry.external_attr = 0o755 << 16
        archive.writestr(entry, text)
    return packed.getvalue()


def deploy(server: Server, language: str, *, with_extension: bool = False) -> str:
    """A function that starts sleeping processes when it is given a mark, and waits for one of them; gives its name."""
    functions = server.client("lambda")
    name = f"{language}-{next(_numbers)}"
    layers: list[str] = []
    if with_extension:
        content = {"ZipFile": zipped("extensions/watch", EXTENSION)}
        layers = [functions.publish_layer_version(LayerName="watch", Content=content)["LayerVersionArn"]]
    file, source, runtime = PROGRAMS[language]
    functions.create_function(
        FunctionName=name,
        Runtime=runtime,
        Role=ROLE,
        Handler="app.handler",
        Code={"ZipFile": zipped(file, source)},
        Layers=layers,
        Timeout=300,
    )
    functions.get_waiter("function_active_v2").wait(FunctionName=name)
    return name


def new_mark() -> str:
    """Seconds to sleep that nobody else sleeps."""
    return f"600.{os.getpid():07d}{next(_numbers):04d}"


def stat_of(pid: int) -> tuple[str, int] | None:
    """The state of a process and its parent."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return fields[0], int(fields[1])


def running() -> dict[int, int]:
    """Every process that is not merely a zombie, and its parent."""
    found = {int(place.name): stat_of(int(place.name)) for place in Path("/proc").glob("[0-9]*")}
    return {pid: stat[1] for pid, stat in found.items() if stat is not None and stat[0] != "Z"}


def marked(mark: str) -> list[int]:
    """The processes that sleep for ``mark``."""
    found: list[int] = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = place.read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if words[:1] == [b"sleep"] and mark.encode() in words:
            found.append(int(place.parent.name))
    return found


def function_process(mark: str) -> int:
    """The process that runs the handler: the parent of what it has started."""
    pids = eventually(lambda: found if len(found := marked(mark)) == 2 else [], what="the processes of the function")
    stat = stat_of(pids[0])
    assert stat is not None
    return stat[1]


def family(pid: int) -> set[int]:
    """All that a process has started, and what that has started."""
    parents = running()
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


@pytest.fixture(scope="module", params=["auto", "off"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("killed"), "--test", "--isolation", request.param) as started:
        yield started


def exit_error(request_id: str) -> dict[str, str]:
    message = f"RequestId: {request_id} Error: Runtime exited with error: signal: killed"
    return {"errorType": "Runtime.ExitError", "errorMessage": message}


@pytest.mark.parametrize("with_extension", [False, True], ids=["alone", "with-extension"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_an_environment_killed_in_an_invocation_is_an_exit_error_and_leaves_nothing(
    server: Server, language: str, with_extension: bool
) -> None:
    if with_extension and not shutil.which("curl"):
        pytest.skip("no curl on this machine")
    name = deploy(server, language, with_extension=with_extension)
    functions = server.client("lambda", read_timeout=30)
    mark = new_mark()
    with ThreadPoolExecutor(1) as pool:
        calling = pool.submit(functions.invoke, FunctionName=name, Payload=json.dumps({"mark": mark}))
        os.kill(function_process(mark), signal.SIGKILL)
        answer = calling.result(timeout=20)
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    request_id = answer["ResponseMetadata"]["RequestId"]
    assert json.load(answer["Payload"]) == exit_error(request_id)
    eventually(lambda: not marked(mark), what="the end of what the function had started")
    assert json.load(functions.invoke(FunctionName=name, Payload="{}")["Payload"]) == "fine"


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_asynchronous_invocation_whose_environment_is_killed_is_tried_twice_more(
    server: Server, language: str
) -> None:
    name = deploy(server, language)
    functions, sqs = server.client("lambda"), server.client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    functions.put_function_event_invoke_config(
        FunctionName=name,
        DestinationConfig={"OnFailure": {"Destination": f"arn:aws:sqs:us-east-1:000000000000:{name}"}},
    )
    mark = new_mark()
    sent = functions.invoke(FunctionName=name, InvocationType="Event", Payload=json.dumps({"mark": mark}))
    for wait_s in (61, 121, 0):
        os.kill(function_process(mark), signal.SIGKILL)
        eventually(lambda: not marked(mark), what="the end of what the function had started")
        if wait_s:
            # Nothing may be due before its time: AWS tries again after a minute, and then after two.
            advance(server, wait_s - 5)
            assert not marked(mark)
            advance(server, 5, is_started=lambda: len(marked(mark)) == 2)

    def record() -> dict[str, Any] | None:
        messages = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages", [])
        return json.loads(messages[0]["Body"]) if messages else None

    told = eventually(record, what="the record of the failure")
    request_id = sent["ResponseMetadata"]["RequestId"]
    assert told is not None
    assert told["requestContext"] == {
        "requestId": request_id,
        "functionArn": f"arn:aws:lambda:us-east-1:000000000000:function:{name}:$LATEST",
        "condition": "RetriesExhausted",
        "approximateInvokeCount": 3,
    }
    assert told["responsePayload"] == exit_error(request_id)


def test_messages_of_a_killed_environment_come_back_after_their_visibility_timeout(server: Server) -> None:
    name = deploy(server, "python")
    functions, sqs = server.client("lambda"), server.client("sqs")
    functions.update_function_configuration(
        FunctionName=name, Environment={"Variables": {"MARK": (mark := new_mark())}}, Timeout=30
    )
    functions.get_waiter("function_updated_v2").wait(FunctionName=name)
    attributes = {"VisibilityTimeout": "180"}
    urls = [sqs.create_queue(QueueName=f"{name}{end}", Attributes=attributes)["QueueUrl"] for end in ("", "-dead")]
    arn = f"arn:aws:sqs:us-east-1:000000000000:{name}"
    redrive = json.dumps({"deadLetterTargetArn": f"{arn}-dead", "maxReceiveCount": 2})
    sqs.set_queue_attributes(QueueUrl=urls[0], Attributes={"RedrivePolicy": redrive})
    functions.create_event_source_mapping(EventSourceArn=arn, FunctionName=name)
    sqs.send_message(QueueUrl=urls[0], MessageBody="work")
    for _ in range(2):
        os.kill(function_process(mark), signal.SIGKILL)
        eventually(lambda: not marked(mark), what="the end of what the function had started")
        advance(server, 170)
        assert not marked(mark), "a message came back before its visibility timeout"
        advance(server, 11, is_started=lambda: marked(mark) or dead(sqs, urls[1]))
    assert dead(sqs, urls[1])


def dead(sqs: Any, url: str) -> bool:
    name = "ApproximateNumberOfMessages"
    return bool(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name] == "1")


def advance(server: Server, seconds: int, is_started: Any = None) -> None:
    """Move the clock. Where a function begins that will not end by itself, the server is never quiet: look for that instead."""
    body = {"advance_s": seconds, "timeout_s": 20 if is_started is None else 0.2}
    answer = httpx.post(f"{server.url}/_bascule/clock", json=body, timeout=30)
    if is_started is None:
        answer.raise_for_status()
    else:
        eventually(is_started, what="the next try")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["SIGKILL", "SIGTERM"])
@pytest.mark.parametrize("isolation", ["auto", "off"])
def test_a_server_that_ends_leaves_no_process(tmp_path: Path, isolation: str, number: signal.Signals) -> None:
    languages = [name for name, needs in (("python", "sh"), ("node", "node"), ("shell", "curl")) if shutil.which(needs)]
    with_extension = shutil.which("curl") is not None
    marks: list[str] = []
    with Server(tmp_path, "--isolation", isolation) as server:
        functions = server.client("lambda")
        for language in languages:
            idle = deploy(server, language, with_extension=with_extension)
            assert json.load(functions.invoke(FunctionName=idle, Payload="{}")["Payload"]) == "fine"
            busy = deploy(server, language, with_extension=with_extension)
            marks.append(new_mark())
            functions.invoke(
                FunctionName=busy, InvocationType="Event", Payload=json.dumps({"mark": marks[-1]}).encode()
            )
        for mark in marks:
            function_process(mark)
        assert server.process is not None
        started = family(server.process.pid)
        assert len(started) > 4 * len(languages)
        sleeping = {pid for mark in marks for pid in marked(mark)}
        if number is signal.SIGKILL:
            server.kill()
        else:
            assert server.stop() == 0
            assert not (started | sleeping) & running().keys(), "it stopped before its processes had ended"
    deadline = time.monotonic() + 10
    while left := (started | sleeping) & running().keys():
        assert time.monotonic() < deadline, {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in left}
        time.sleep(0.02)
