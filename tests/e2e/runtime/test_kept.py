"""Environments that are initialised ahead: used first, replaced, bounded, never reclaimed, and what their state says."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bascule.kernel.invocation import FunctionVersion, InvocationThrottled, Provision
from tests.e2e.runtime.conftest import Machine, is_running

#: These tests look at process ids from outside.
ISOLATION = "off"

PROGRAMS = Path(__file__).parent / "programs"

SLOW = """
    import os, time
    time.sleep(0.4)
    STARTED = os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"]
    def handler(event, context):
        time.sleep(event.get("sleep", 0))
        return [os.getpid(), STARTED]
"""
BROKEN = "raise ValueError('no')"


def keep(machine: Machine, function: FunctionVersion, count: int, *, owner: str = "live", asked_ms: int = 1) -> None:
    wish = Provision(owner=owner, function=function, count=count, asked_ms=asked_ms)
    machine.on_loop(machine.runtime.keep, [wish] if count else [])


def kept(machine: Machine, function: FunctionVersion, count: int) -> None:
    keep(machine, function, count)
    machine.until(lambda: machine.runtime.kept("live").ready == count)


def answer(machine: Machine, function: FunctionVersion, **event: Any) -> list[Any]:
    found: list[Any] = json.loads(machine.invoke(function, event).payload)
    return found


def test_first_call_finds_the_function_initialised(machine: Machine) -> None:
    function = machine.deploy(SLOW, version="1")
    kept(machine, function, 1)
    machine.logs.clear()
    result = machine.invoke(function)
    assert json.loads(result.payload)[1] == "provisioned-concurrency"
    assert result.duration_ms < 200
    assert result.init_ms is None
    assert not any("Init Duration" in line for line in machine.logs)


def test_calls_beyond_the_kept_ones_run_on_demand(machine: Machine) -> None:
    function = machine.deploy(SLOW, version="1")
    kept(machine, function, 2)
    results = machine.invoke_all(*[machine.invocation(function, {"sleep": 0.3}) for _ in range(3)])
    kinds = sorted(json.loads(result.payload)[1] for result in results)
    assert kinds == ["on-demand", "provisioned-concurrency", "provisioned-concurrency"]
    counted = (
        machine.metrics.value(f"lambda.provisioned_{what}", function.name) for what in ("invocations", "spillovers")
    )
    assert tuple(counted) == (2, 1)
    assert machine.runtime.kept("live").ready == 2


def test_environment_that_died_is_replaced(machine: Machine) -> None:
    function = machine.deploy(SLOW, version="1")
    kept(machine, function, 1)
    pid, _ = answer(machine, function)
    os.kill(pid, signal.SIGKILL)
    machine.until(lambda: machine.runtime.kept("live").ready == 0)
    machine.until(lambda: machine.runtime.kept("live").ready == 1)
    fresh, kind = answer(machine, function)
    assert (fresh != pid, kind) == (True, "provisioned-concurrency")


def test_environment_whose_invocation_timed_out_is_replaced(machine: Machine) -> None:
    function = machine.deploy(SLOW, version="1", timeout_s=1)
    kept(machine, function, 1)
    assert machine.invoke(function, {"sleep": 5}).error_type == "Sandbox.Timedout"
    machine.until(lambda: machine.runtime.kept("live").ready == 1)
    assert answer(machine, function)[1] == "provisioned-concurrency"


def test_another_revision_replaces_the_kept_ones_and_none_ends_them(machine: Machine) -> None:
    function = machine.deploy(SLOW, version="1")
    kept(machine, function, 1)
    old, _ = answer(machine, function)
    changed = msgspec.structs.replace(function, version="2")
    kept(machine, changed, 1)
    new, kind = answer(machine, changed)
    assert (new != old, kind) == (True, "provisioned-concurrency")
    machine.until(lambda: not is_running(old))
    keep(machine, changed, 0)
    machine.until(lambda: not is_running(new))
    assert answer(machine, changed)[1] == "on-demand"


def test_a_change_of_the_function_leaves_kept_versions_alone(machine: Machine) -> None:
    function = machine.deploy(SLOW, version="1")
    kept(machine, function, 1)
    pid, _ = answer(machine, function)
    machine.on_loop(machine.runtime.retire, function.arn)
    assert answer(machine, function)[0] == pid


def test_kept_environments_are_not_reclaimed_and_make_no_room(fresh_machine: Callable[..., Machine]) -> None:
    machine = fresh_machine(environment_idle_ms=50, environments_max=3)
    function, other = machine.deploy(SLOW, version="1"), machine.deploy(SLOW)
    kept(machine, function, 2)
    first = {answer(machine, function)[0] for _ in range(3)}
    machine.invoke(other)
    results = machine.invoke_all(*[machine.invocation(other, {"sleep": 0.5}) for _ in range(2)])
    assert [isinstance(result, InvocationThrottled) for result in results].count(True) == 1
    assert answer(machine, function)[0] in first
    assert machine.runtime.kept("live").ready == 2


def test_more_than_the_machine_keeps_is_said(fresh_machine: Callable[..., Machine]) -> None:
    machine = fresh_machine(environments_max=2)
    function = machine.deploy(SLOW, version="1")
    keep(machine, function, 5)
    machine.until(lambda: machine.runtime.kept("live").ready == 1)
    assert "keeps at most 1 of its 2 execution environments" in machine.runtime.kept("live").failure
    assert answer(machine, function)[1] == "provisioned-concurrency"


def test_failed_initialisation_is_said_and_asking_again_tries_again(machine: Machine) -> None:
    function = machine.deploy(BROKEN, version="1")
    keep(machine, function, 1)
    machine.until(lambda: bool(machine.runtime.kept("live").failure))
    assert machine.runtime.kept("live").failure == "FUNCTION_ERROR_INIT_FAILURE"
    assert any("INIT_REPORT" in line and "Phase: init\tStatus: error" in line for line in machine.logs)
    keep(machine, function, 1, asked_ms=2)
    assert machine.runtime.kept("live").failure == ""
    machine.until(lambda: bool(machine.runtime.kept("live").failure))


def test_runtime_this_machine_cannot_run_is_said(machine: Machine) -> None:
    keep(machine, machine.deploy(SLOW, version="1", runtime="ruby3.4"), 1)
    assert "cannot run functions of runtime 'ruby3.4'" in machine.runtime.kept("live").failure


def test_two_owners_of_a_version_share_its_environments_in_order(machine: Machine) -> None:
    function = machine.deploy(SLOW, version="1")
    wishes = [Provision(owner=owner, function=function, count=1, asked_ms=1) for owner in ("blue", "green")]
    machine.on_loop(machine.runtime.keep, wishes)
    machine.until(lambda: machine.runtime.kept("green").ready == 1)
    assert machine.runtime.kept("blue").ready == 1
    machine.on_loop(machine.runtime.keep, wishes[1:])
    assert machine.runtime.kept("green").ready == 1


def test_what_is_kept_is_taken_from_a_reservation(machine: Machine) -> None:
    function = machine.deploy(SLOW, version="1", reserved_concurrency=1)
    kept(machine, function, 1)
    assert machine.runtime.free_slots(function) == 1
    latest = msgspec.structs.replace(function, version="$LATEST")
    assert machine.runtime.free_slots(latest) == 0
    assert machine.runtime.free_slots(latest, of_any_version=True) == 1
    with pytest.raises(InvocationThrottled, match="ReservedFunctionConcurrentInvocationLimitExceeded"):
        machine.invoke(latest)
    assert answer(machine, function)[1] == "provisioned-concurrency"


def test_program_that_speaks_the_runtime_api_is_kept_too(machine: Machine) -> None:
    script = (PROGRAMS / "bootstrap.sh").read_text().replace("@PYTHON@", sys.executable)
    files: dict[str, str | bytes] = {"bootstrap": script, "call.py": (PROGRAMS / "call.py").read_text()}
    function = machine.deploy(files, programs=["bootstrap"], runtime="provided.al2023", version="1")
    kept(machine, function, 2)
    result = machine.invoke(function, {"do": "echo"})
    assert (result.function_error, result.init_ms) == (None, None)
    assert machine.runtime.free_slots(function) > 2


def test_environments_that_end_by_themselves_are_not_replaced_for_ever(machine: Machine) -> None:
    function = machine.deploy(
        """
        import os, threading
        threading.Timer(0.02, os._exit, [3]).start()
        def handler(event, context):
            return 1
        """,
        version="1",
    )
    keep(machine, function, 1)
    machine.until(lambda: "end by themselves" in machine.runtime.kept("live").failure)
    assert len([line for line in machine.logs if line.startswith("INIT_START")]) >= 4


def test_stop_does_not_wait_for_an_initialisation(fresh_machine: Callable[..., Machine]) -> None:
    machine = fresh_machine()
    function = machine.deploy("import time\ntime.sleep(60)\ndef handler(event, context): return 1", version="1")
    keep(machine, function, 2)
    machine.until(lambda: machine.runtime.is_preparing)
    began = time.monotonic()
    machine.wait(machine.runtime.stop())
    assert time.monotonic() - began < 20
