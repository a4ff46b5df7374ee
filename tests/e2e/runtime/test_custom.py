"""Runtimes of one's own: the same invocations against a ``bootstrap`` in shell and a compiled one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bascule.kernel.invocation import FunctionVersion, InvocationResult, RuntimeUnavailable
from tests.e2e.runtime.conftest import Machine, is_running

#: These tests look at process ids and files from outside.
ISOLATION = "off"

PROGRAMS = Path(__file__).parent / "programs"
Deploy = Callable[..., FunctionVersion]


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("no C compiler on this machine")
    program = tmp_path_factory.mktemp("compiled") / "bootstrap"
    source = PROGRAMS / "bootstrap.c"
    subprocess.run([compiler, "-D_GNU_SOURCE", "-O1", "-o", program, source], check=True, capture_output=True)
    return program.read_bytes()


@pytest.fixture(params=["shell", "compiled"])
def deploy(request: pytest.FixtureRequest, machine: Machine) -> Deploy:
    """Deploys a function whose package is only a bootstrap."""
    files: dict[str, str | bytes]
    if request.param == "shell":
        script = (PROGRAMS / "bootstrap.sh").read_text().replace("@PYTHON@", sys.executable)
        files = {"bootstrap": script, "call.py": (PROGRAMS / "call.py").read_text()}
    else:
        files = {"bootstrap": request.getfixturevalue("compiled")}

    def deploy(**fields: Any) -> FunctionVersion:
        defaults = {"runtime": "provided.al2023", "handler": "my.handler", "timeout_s": 60}
        return machine.deploy(files, programs=["bootstrap"], **(defaults | fields))

    return deploy


def exit_error(request_id: str, reason: str, error_type: str = "Runtime.ExitError") -> dict[str, str]:
    return {"errorType": error_type, "errorMessage": f"RequestId: {request_id} Error: {reason}"}


def invoke(machine: Machine, function: FunctionVersion, event: object) -> tuple[str, InvocationResult]:
    """The request id and the result."""
    invocation = machine.invocation(function, event)
    return invocation.request_id, machine.wait(machine.runtime.invoke(invocation))


def test_events_are_answered_by_one_warm_process(machine: Machine, deploy: Deploy) -> None:
    function = deploy()
    first = machine.invoke(function, {"hello": "wörld"})
    assert json.loads(first.payload) == {"hello": "wörld"}
    assert first.function_error is None
    assert first.init_ms is not None
    assert [machine.invoke(function, "count").payload for _ in range(2)] == [b"2", b"3"]


def test_concurrent_events_have_environments_of_their_own(machine: Machine, deploy: Deploy) -> None:
    function = deploy()
    results = machine.invoke_all(*[machine.invocation(function, "count") for _ in range(3)])
    assert [result.payload for result in results] == [b"1"] * 3


def test_an_error_report_is_the_payload_and_the_process_goes_on(machine: Machine, deploy: Deploy) -> None:
    function = deploy()
    result = machine.invoke(function, "error")
    assert result.function_error == "Unhandled"
    assert json.loads(result.payload) == {"errorMessage": "as asked", "errorType": "Mine"}
    assert machine.invoke(function, "count").payload == b"2"


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ("exit-0", "Runtime exited without providing a reason"),
        ("exit-3", "Runtime exited with error: exit status 3"),
        ("kill", "Runtime exited with error: signal: killed"),
    ],
)
def test_a_process_that_ends_is_an_exit_error_and_the_next_invocation_starts_over(
    machine: Machine, deploy: Deploy, event: str, reason: str
) -> None:
    function = deploy()
    request_id, result = invoke(machine, function, event)
    assert json.loads(result.payload) == exit_error(request_id, reason)
    assert machine.invoke(function, "count").payload == b"1"


def test_an_answer_counts_although_the_process_ends_after_it(machine: Machine, deploy: Deploy) -> None:
    function = deploy()
    assert machine.invoke(function, "answer-then-exit").payload == b'"last"'
    assert machine.invoke(function, "count").payload == b"1"


def test_a_timeout_kills_everything_the_runtime_started(machine: Machine, deploy: Deploy) -> None:
    function = deploy(timeout_s=3)
    child = int(machine.invoke(function, "leave").payload)
    assert is_running(child)
    request_id, result = invoke(machine, function, "hang")
    assert json.loads(result.payload) == exit_error(request_id, "Task timed out after 3.00 seconds", "Sandbox.Timedout")
    machine.until(lambda: not is_running(child))


def test_too_large_a_response_is_refused_and_the_process_goes_on(machine: Machine, deploy: Deploy) -> None:
    function = deploy()
    result = machine.invoke(function, "large")
    assert result.error_type == "Function.ResponseSizeTooLarge"
    assert machine.invoke(function, "count").payload == b"2"


def test_what_it_prints_is_in_its_log_in_order(machine: Machine, deploy: Deploy) -> None:
    function = deploy()
    result = machine.invoke(function, "print", wants_log_tail=True)
    lines = machine.streams[f"/aws/lambda/{function.name} {result.log_stream}"]
    assert lines[:2] == ["INIT_START Runtime Version: provided:al2023\n", "init of my.handler\n"]
    assert lines[3:6] == ["to output\n", "to error\n", "no end\n"]
    assert "no end\nEND RequestId: " in result.log_tail.decode()


def test_an_init_error_is_the_payload_after_a_second_try(machine: Machine, deploy: Deploy) -> None:
    function = deploy(environment={"FAIL_INIT": "yes"})
    result = machine.invoke(function)
    assert json.loads(result.payload) == {"errorType": "Runtime.NoLuck", "errorMessage": "not today"}
    lines = machine.streams[f"/aws/lambda/{function.name} {result.log_stream}"]
    reports = [line for line in lines if line.startswith("INIT_REPORT")]
    assert ["Phase: init\tStatus: error\tError Type: Runtime.NoLuck" in line for line in reports] == [True, False]


def test_memory_beyond_the_functions_size_ends_it(machine: Machine, compiled: bytes) -> None:
    function = machine.deploy({"bootstrap": compiled}, programs=["bootstrap"], runtime="provided.al2")
    request_id, result = invoke(machine, function, "memory")
    reason = "Runtime exited with error: signal: killed"
    assert json.loads(result.payload) == exit_error(request_id, reason, "Runtime.OutOfMemory")
    assert result.memory_used_mb == 128


def test_idle_environments_are_frozen_and_thaw(machine: Machine, deploy: Deploy) -> None:
    function = deploy()
    child = int(machine.invoke(function, "leave").payload)
    machine.until(lambda: "T" in Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0])
    assert machine.invoke(function, "count").payload == b"2"


def test_nothing_is_left_when_the_runtime_stops(fresh_machine: Callable[..., Machine], compiled: bytes) -> None:
    machine = fresh_machine()
    function = machine.deploy({"bootstrap": compiled}, programs=["bootstrap"], runtime="provided.al2")
    child = int(machine.invoke(function, "leave").payload)
    machine.wait(machine.runtime.stop())
    assert not is_running(child)


@pytest.mark.parametrize(
    ("files", "programs", "reason"),
    [
        ({"other": ""}, [], "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]"),
        ({"bootstrap": "#!/bin/sh\n"}, [], "fork/exec /var/task/bootstrap: permission denied"),
        ({"bootstrap": "#!/no/such\n"}, ["bootstrap"], "fork/exec /var/task/bootstrap: no such file or directory"),
        ({"bootstrap": "\x7fnonsense"}, ["bootstrap"], "fork/exec /var/task/bootstrap: exec format error"),
    ],
)
def test_a_bootstrap_that_cannot_run_is_an_invalid_entry_point(
    machine: Machine, files: dict[str, str | bytes], programs: list[str], reason: str
) -> None:
    function = machine.deploy(files, programs=programs, runtime="provided.al2023")
    request_id, result = invoke(machine, function, {})
    assert json.loads(result.payload) == exit_error(request_id, reason, "Runtime.InvalidEntrypoint")


def test_a_bootstrap_may_come_from_a_layer(machine: Machine, compiled: bytes) -> None:
    layer = machine.store({"bootstrap": compiled}, programs=["bootstrap"])
    assert machine.run({"data": ""}, "count", runtime="provided.al2023", layer_digests=(layer,)) == 1


def test_it_sees_its_own_variables_and_nothing_of_the_servers(machine: Machine, server_secret: str) -> None:
    script = """\
        #!/bin/sh
        env > "$TMPDIR/variables"
        pwd >> "$TMPDIR/variables"
        ls -l /proc/self/fd | wc -l >> "$TMPDIR/variables"
        echo "$TMPDIR"
        exit 1
        """
    function = machine.deploy(
        {"bootstrap": script}, programs=["bootstrap"], runtime="provided.al2023", environment={"STAGE": "test"}
    )
    os.environ["AWS_LAMBDA_RUNTIME_API"] = "10.0.0.1:1"
    try:
        machine.logs.clear()
        machine.invoke(function)
    finally:
        del os.environ["AWS_LAMBDA_RUNTIME_API"]
    place = next(line for line in machine.logs if line.startswith("/")).strip()
    text = (Path(place) / "variables").read_text()
    variables = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    assert server_secret not in variables
    assert variables["STAGE"] == "test"
    assert variables["AWS_LAMBDA_RUNTIME_API"].startswith("127.0.0.1:")
    assert variables["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4566"
    assert "AWS_EXECUTION_ENV" not in variables
    assert "PYTHONPATH" not in variables
    assert text.splitlines()[-2] == variables["LAMBDA_TASK_ROOT"]
    assert int(text.splitlines()[-1]) <= 5  # three streams, the listed directory itself, and ls's heading


def test_a_runtime_that_this_machine_cannot_run_says_what_can_be_done(machine: Machine) -> None:
    for runtime in ("ruby3.4", "java21", "dotnet8"):
        with pytest.raises(RuntimeUnavailable, match=rf"{runtime}.*provided"):
            machine.invoke(machine.deploy({"app": ""}, runtime=runtime))
