"""External extensions in layers: when they start, what they hear, how they end, and how their failures look."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bascule.kernel.invocation import FunctionVersion
from bascule.runtime import environment as environment_module
from tests.e2e.runtime.conftest import Machine, is_running

PROGRAMS = Path(__file__).parent / "programs"
EXTENSION = (PROGRAMS / "extension.py").read_text()


def with_extensions(machine: Machine, *names: str, **fields: Any) -> FunctionVersion:
    """A function in shell whose layer holds extensions of these names."""
    script = (PROGRAMS / "bootstrap.sh").read_text().replace("@PYTHON@", os.path.realpath(sys.executable))
    files: dict[str, str | bytes] = {"bootstrap": script, "call.py": (PROGRAMS / "call.py").read_text()}
    programs = [f"extensions/{name}" for name in names]
    layer = machine.store(dict.fromkeys(programs, f"#!{os.path.realpath(sys.executable)} -I\n{EXTENSION}"), programs)
    defaults = {"runtime": "provided.al2023", "handler": "my.handler", "layer_digests": (layer,), "timeout_s": 60}
    return machine.deploy(files, programs=["bootstrap"], **(defaults | fields))


def stream(machine: Machine, function: FunctionVersion) -> list[str]:
    """Log lines of the function's only environment."""
    return next(lines for name, lines in machine.streams.items() if name.startswith(f"/aws/lambda/{function.name} "))


def test_extensions_register_before_the_runtime_starts_and_hear_of_each_event(machine: Machine) -> None:
    function = with_extensions(machine, "first", "idle")
    for _ in range(2):
        invocation = machine.invocation(function, {"n": 1})
        result = machine.wait(machine.runtime.invoke(invocation))
        assert json.loads(result.payload) == {"n": 1}
        assert f"first heard of {invocation.request_id}\n" in stream(machine, function)
    lines = stream(machine, function)
    assert set(lines[1:3]) == {
        f"first registered for {function.name} False\n",
        f"idle registered for {function.name} False\n",
    }
    assert lines[3] == "init of my.handler\n"
    start = next(at for at, line in enumerate(lines) if line.startswith("START "))
    assert sorted(line.rpartition("\t")[0] for line in lines[start - 2 : start]) == [
        "EXTENSION\tName: first\tState: Ready",
        "EXTENSION\tName: idle\tState: Ready",
    ]


def test_an_invocation_lasts_until_its_extensions_are_done(machine: Machine) -> None:
    function = with_extensions(machine, "slow")
    assert machine.invoke(function).duration_ms >= 200


def test_extensions_hear_of_the_end_and_why(fresh_machine: Callable[..., Machine]) -> None:
    machine = fresh_machine()
    function = with_extensions(machine, "first")
    machine.invoke(function)
    machine.on_loop(machine.runtime.retire, function.arn)
    machine.until(lambda: "first shuts down: spindown\n" in stream(machine, function))
    hanging = with_extensions(machine, "first", timeout_s=2)
    assert machine.invoke(hanging, "hang").error_type == "Sandbox.Timedout"
    machine.until(lambda: "first shuts down: timeout\n" in stream(machine, hanging))
    assert machine.invoke(hanging, "count").payload == b"1"


def test_stopping_waits_for_extensions_two_seconds_at_most(fresh_machine: Callable[..., Machine]) -> None:
    machine = fresh_machine(isolation="off")
    function = with_extensions(machine, "stubborn")
    child = int(machine.invoke(function, "leave").payload)
    started_s = time.monotonic()
    machine.wait(machine.runtime.stop())
    assert 1.5 < time.monotonic() - started_s < 15
    assert "stubborn shuts down: spindown\n" in stream(machine, function)
    assert not is_running(child)


@pytest.mark.parametrize(
    ("name", "error_type", "reason"),
    [
        ("broken", "Extension.Crash", "exit code 7"),
        ("crashing", "Extension.Crash", "exit code 1"),
        ("giving-up", "Extension.InitError", "Extension.NoKey"),
    ],
)
def test_failures_of_an_extension(machine: Machine, name: str, error_type: str, reason: str) -> None:
    function = with_extensions(machine, name)
    invocation = machine.invocation(function, "hang" if name == "crashing" else "count")
    result = machine.wait(machine.runtime.invoke(invocation))
    message = f"RequestId: {invocation.request_id} Error: {reason}"
    assert json.loads(result.payload) == {"errorType": error_type, "errorMessage": message}
    assert f"Error Type: {error_type}" in stream(machine, function)[-1]


def test_an_extension_that_cannot_be_executed_is_a_launch_error(machine: Machine) -> None:
    layer = machine.store({"extensions/text": "not a program"})
    result = machine.invoke(
        machine.deploy({"bootstrap": ""}, programs=["bootstrap"], runtime="provided.al2", layer_digests=(layer,))
    )
    assert result.error_type == "Extension.LaunchError"
    assert result.error_message.endswith("fork/exec /opt/extensions/text: permission denied")


def test_an_extension_that_never_registers_uses_up_the_time(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment_module, "INIT_S_MAX", 0.3)
    result = machine.invoke(with_extensions(machine, "silent", timeout_s=1))
    assert result.error_type == "Sandbox.Timedout"


def test_the_telemetry_api_is_refused_in_words(machine: Machine) -> None:
    function = with_extensions(machine, "telemetry")
    assert machine.invoke(function, "count").payload == b"1"
    lines = stream(machine, function)
    assert "202 Telemetry.NotSupported\n" in lines
    assert any("asked for the Telemetry API, which is not offered" in line for line in lines)
