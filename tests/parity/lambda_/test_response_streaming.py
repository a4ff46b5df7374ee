"""InvokeWithResponseStream by boto3 against a real process: chunks while the function runs, ends of every kind, limits.

Functions are not isolated here: a file that the test makes tells a function to go on, so that order is a fact and not a matter
of time.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from bascule.runtime.limits import STREAM_BYTES_MAX
from tests.functions import create_function
from tests.server import Server
from tests.streaming import create_node, create_stepping, needs_node, steps
from tests.waiting import eventually

NODE = """
    import { pipeline } from "node:stream/promises";
    import { Readable } from "node:stream";

    export const handler = awslambda.streamifyResponse(async (event, stream, context) => {
        if (event.early) throw new RangeError("before anything");
        if (event.pipe) return pipeline(Readable.from(["a", "b", "c"]), stream);
        stream.setContentType("text/plain");
        stream.write("first");
        if (event.half) throw new RangeError("half way");
        stream.write(JSON.stringify(context.clientContext ?? null));
        stream.end();
        console.log("ended");
    });
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("streaming"), "--isolation", "off") as running:
        functions = running.client("lambda")
        create_stepping(functions, "steps")
        create_function(functions, "whole", "def handler(event, context): return event['a'] + 1")
        yield running


@pytest.fixture(scope="module")
def functions(server: Server) -> Any:
    return server.client("lambda", read_timeout=30)


def begin(functions: Any, payload: bytes, name: str = "steps", **members: Any) -> Iterator[Any]:
    """The events of an invocation."""
    return iter(functions.invoke_with_response_stream(FunctionName=name, Payload=payload, **members)["EventStream"])


def ended(events: Iterator[Any]) -> tuple[bytes, dict[str, Any]]:
    """All that is left: the payload, and how it ended."""
    *chunks, end = events
    return b"".join(chunk["PayloadChunk"]["Payload"] for chunk in chunks), end["InvokeComplete"]


def failed(functions: Any, payload: bytes, name: str = "steps") -> tuple[bytes, dict[str, Any]]:
    """What came before the failure, and the error."""
    written, end = ended(begin(functions, payload, name))
    assert end["ErrorCode"] == "Unhandled"
    return written, json.loads(end["ErrorDetails"])


def test_chunks_arrive_while_the_function_runs(functions: Any, tmp_path: Path) -> None:
    gates = [tmp_path / "one", tmp_path / "two"]
    events = begin(
        functions,
        steps(["write", "a"], ["wait", str(gates[0])], ["write", "b"], ["wait", str(gates[1])], ["write", "c"]),
    )
    assert next(events) == {"PayloadChunk": {"Payload": b"a"}}
    gates[0].touch()
    assert next(events) == {"PayloadChunk": {"Payload": b"b"}}
    gates[1].touch()
    assert list(events) == [{"PayloadChunk": {"Payload": b"c"}}, {"InvokeComplete": {}}]


def test_the_answer_begins_with_status_version_and_type(functions: Any) -> None:
    answer = functions.invoke_with_response_stream(FunctionName="steps", Payload=steps(), LogType="Tail")
    assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "$LATEST")
    assert answer["ResponseStreamContentType"] == "application/vnd.amazon.eventstream"
    written, end = ended(iter(answer["EventStream"]))
    log = base64.b64decode(end["LogResult"]).decode()
    request_id = answer["ResponseMetadata"]["RequestId"]
    assert written == b""
    assert f"START RequestId: {request_id}" in log
    assert f"REPORT RequestId: {request_id}\tDuration: " in log


def test_a_version_is_named_and_a_dry_run_runs_nothing(functions: Any, tmp_path: Path) -> None:
    version = functions.publish_version(FunctionName="steps")["Version"]
    answer = functions.invoke_with_response_stream(FunctionName="steps", Qualifier=version, Payload=steps())
    assert answer["ExecutedVersion"] == version
    assert ended(iter(answer["EventStream"])) == (b"", {})
    touched = tmp_path / "touched"
    dry = functions.invoke_with_response_stream(
        FunctionName="steps", InvocationType="DryRun", Payload=steps(["touch", str(touched)])
    )
    assert (dry["StatusCode"], list(dry["EventStream"])) == (204, [])
    assert not touched.exists()


def test_a_function_that_answers_whole_is_one_chunk(functions: Any) -> None:
    assert list(begin(functions, b'{"a": 1}', "whole")) == [
        {"PayloadChunk": {"Payload": b"2"}},
        {"InvokeComplete": {}},
    ]
    assert ended(begin(functions, steps(["whole", '"all"']))) == (b'"all"', {})
    written, error = failed(functions, b"{}", "whole")
    assert (written, error["errorType"]) == (b"", "KeyError")


def test_errors_before_the_function_runs_are_ordinary_errors(functions: Any) -> None:
    for code, members in (
        ("ResourceNotFoundException", {"FunctionName": "gone"}),
        ("ResourceNotFoundException", {"FunctionName": "steps", "Qualifier": "gone"}),
        ("InvalidRequestContentException", {"FunctionName": "steps", "Payload": b"{"}),
        ("RequestTooLargeException", {"FunctionName": "steps", "Payload": b'"%b"' % (b"x" * 6_291_456)}),
    ):
        with pytest.raises(ClientError) as refused:
            functions.invoke_with_response_stream(**members)
        assert refused.value.response["Error"]["Code"] == code


def test_an_error_in_the_middle_comes_after_what_was_written(functions: Any) -> None:
    report = {"errorType": "Mine", "errorMessage": "as asked"}
    assert failed(functions, steps(["write", "a"], ["error", "Function.Mine", report])) == (b"a", report)
    assert failed(functions, steps(["refuse", report])) == (b"", report)


def test_a_process_that_ends_in_the_middle_is_an_exit_and_the_next_one_starts_anew(functions: Any) -> None:
    written, error = failed(functions, steps(["write", "a"], ["exit", 3]))
    assert (written, error["errorType"]) == (b"a", "Runtime.ExitError")
    assert error["errorMessage"].endswith("Runtime exited with error: exit status 3")
    assert ended(begin(functions, steps(["write", "well"]))) == (b"well", {})


def test_a_connection_that_ends_in_the_middle_is_a_truncated_answer(functions: Any) -> None:
    written, error = failed(functions, steps(["write", "a"], ["cut"]))
    assert (written, error["errorType"]) == (b"a", "Runtime.TruncatedResponse")


def test_the_timeout_ends_a_stream(functions: Any) -> None:
    create_stepping(functions, "short", Timeout=1)
    written, error = failed(functions, steps(["write", "a"], ["hang"]), "short")
    assert (written, error["errorType"]) == (b"a", "Sandbox.Timedout")


def test_a_caller_that_leaves_does_not_stop_the_function(server: Server, tmp_path: Path) -> None:
    leaver, gate, touched = server.client("lambda"), tmp_path / "gate", tmp_path / "touched"
    answer = leaver.invoke_with_response_stream(
        FunctionName="steps",
        Payload=steps(["write", "a"], ["wait", str(gate)], ["megabytes", 4], ["touch", str(touched)]),
    )
    assert next(iter(answer["EventStream"])) == {"PayloadChunk": {"Payload": b"a"}}
    answer["EventStream"].close()
    gate.touch()
    eventually(touched.exists, what="the end of the function")


def test_a_reader_that_does_not_read_makes_the_function_wait(server: Server, functions: Any, tmp_path: Path) -> None:
    written = tmp_path / "written"
    events = begin(functions, steps(["megabytes", 64], ["touch", str(written)]))
    first = next(events)["PayloadChunk"]["Payload"]
    # Others are served meanwhile: the server waits, it does not work.
    for _ in range(20):
        assert ended(begin(functions, b'{"a": 1}', "whole")) == (b"2", {})
    assert not written.exists()
    rest, end = ended(events)
    assert (len(first) + len(rest), end) == (64 << 20, {})
    assert written.exists()


def test_a_stream_may_be_larger_than_a_whole_answer_but_not_endless(functions: Any) -> None:
    events = begin(functions, steps(["megabytes", 201]))
    size, end = 0, {}
    for event in events:
        if "PayloadChunk" in event:
            size += len(event["PayloadChunk"]["Payload"])
        else:
            end = event["InvokeComplete"]
    assert STREAM_BYTES_MAX - (1 << 20) < size <= STREAM_BYTES_MAX
    assert json.loads(end["ErrorDetails"]) == {
        "errorType": "Function.ResponseSizeTooLarge",
        "errorMessage": f"Response payload size exceeded maximum allowed payload size ({STREAM_BYTES_MAX} bytes).",
    }


def test_a_streaming_invocation_counts_as_running(functions: Any, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    create_stepping(functions, "single")
    functions.put_function_concurrency(FunctionName="single", ReservedConcurrentExecutions=1)
    events = begin(functions, steps(["write", "a"], ["wait", str(gate)]), "single")
    next(events)
    with pytest.raises(ClientError) as refused:
        begin(functions, steps(), "single")
    assert refused.value.response["Error"]["Code"] == "TooManyRequestsException"
    assert refused.value.response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    gate.touch()
    ended(events)
    assert ended(begin(functions, steps(), "single")) == (b"", {})


@needs_node
def test_node_functions_stream(functions: Any) -> None:
    create_node(functions, "node", NODE)
    context = base64.b64encode(b'{"custom": {"a": 1}}').decode()
    written, end = ended(begin(functions, b"{}", "node", ClientContext=context, LogType="Tail"))
    assert written == b'first{"custom":{"a":1}}'
    assert "ended" in base64.b64decode(end["LogResult"]).decode()
    assert ended(begin(functions, b'{"pipe": true}', "node")) == (b"abc", {})
    written, error = failed(functions, b'{"half": true}', "node")
    assert (written, error["errorType"], error["errorMessage"]) == (b"first", "RangeError", "half way")
    written, error = failed(functions, b'{"early": true}', "node")
    assert (written, error["errorMessage"]) == (b"", "before anything")
