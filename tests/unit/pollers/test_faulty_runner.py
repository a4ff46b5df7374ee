"""Faults of invocations, given before a function would run."""

from __future__ import annotations

import asyncio

import pytest

from bascule.delivery import Faults
from bascule.kernel.invocation import (
    FunctionVersion,
    Invocation,
    InvocationResult,
    InvocationThrottled,
    RuntimeUnavailable,
)
from bascule.kernel.scope import Scope
from bascule.kernel.streaming import StreamedInvocation
from bascule.pollers.faulty_runner import FaultyRunner

FUNCTION = FunctionVersion(
    scope=Scope(), name="f", version="$LATEST", revision_id="1", runtime="python3.12", handler="h.h", code_digest="d"
)
INVOCATION = Invocation(function=FUNCTION, request_id="r", payload=b"{}", invoked_arn=f"{FUNCTION.arn}:live")


class Runner:
    """Counts what it is asked."""

    def __init__(self) -> None:
        self.run_count = 0
        self.prepared: list[str] = []

    async def invoke(self, invocation: Invocation) -> InvocationResult:
        self.run_count += 1
        return InvocationResult(payload=b"%d" % self.run_count)

    async def invoke_streamed(self, asked: StreamedInvocation) -> InvocationResult:
        return await self.invoke(asked.invocation)

    def free_slots(self, function: FunctionVersion, *, of_any_version: bool = False) -> int:
        return 7

    def is_used_up(self, function: FunctionVersion) -> bool:
        return True

    def starting_count(self) -> int:
        return 3

    def prepare(self, function: FunctionVersion) -> None:
        self.prepared.append(function.name)


def _runners() -> tuple[Runner, Faults, FaultyRunner]:
    runner, faults = Runner(), Faults()
    return runner, faults, FaultyRunner(runner, faults.error_of_invocation)


def test_streamed_invocations_have_the_same_faults() -> None:
    _, faults, faulty = _runners()
    asked = StreamedInvocation(INVOCATION, lambda result, streamed_bytes: None)
    for error, raised in (("throttled", InvocationThrottled), ("unavailable", RuntimeUnavailable)):
        faults.put(FUNCTION.arn, error, times=1, at="invocation")
        with pytest.raises(raised):
            asyncio.run(faulty.invoke_streamed(asked))
    faults.put(FUNCTION.arn, "duplicate", times=1, at="invocation")
    assert asyncio.run(faulty.invoke_streamed(asked)).payload == b"2"
    assert asyncio.run(faulty.invoke_streamed(asked)).payload == b"3"


def test_throttled_and_unavailable_functions_do_not_run() -> None:
    runner, faults, faulty = _runners()
    faults.put(FUNCTION.arn, "throttled", times=1, at="invocation")
    with pytest.raises(InvocationThrottled):
        asyncio.run(faulty.invoke(INVOCATION))
    faults.put("arn:aws:lambda:*", "unavailable", times=1, at="invocation")
    with pytest.raises(RuntimeUnavailable):
        asyncio.run(faulty.invoke(INVOCATION))
    assert runner.run_count == 0
    assert asyncio.run(faulty.invoke(INVOCATION)).payload == b"1"


def test_a_duplicated_invocation_runs_twice_and_answers_once() -> None:
    runner, faults, faulty = _runners()
    faults.put(FUNCTION.arn, "duplicate", times=1, at="invocation")
    assert asyncio.run(faulty.invoke(INVOCATION)).payload == b"2"
    assert runner.run_count == 2


def test_faults_of_deliveries_do_not_keep_functions_from_running() -> None:
    _, faults, faulty = _runners()
    faults.put(FUNCTION.arn, "throttled", times=1)
    assert asyncio.run(faulty.invoke(INVOCATION)).payload == b"1"


def test_everything_else_is_the_runtimes_answer() -> None:
    runner, _, faulty = _runners()
    faulty.prepare(FUNCTION)
    assert faulty.is_used_up(FUNCTION)
    assert (faulty.free_slots(FUNCTION), faulty.starting_count(), runner.prepared) == (7, 3, ["f"])
