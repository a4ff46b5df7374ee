"""Streamed invocations of real processes: what the runtime gives, what it logs, and how they end with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bascule.kernel.invocation import FunctionVersion, InvocationResult, RuntimeUnavailable
from bascule.kernel.streaming import StreamedInvocation
from bascule.runtime.response_stream import ResponseStream
from tests.e2e.runtime.conftest import RUNTIME, Machine
from tests.streaming import bootstrap

#: The program is run by the interpreter of the tests, which an isolated function need not see.
ISOLATION = "off"


def deployed(machine: Machine, **fields: Any) -> FunctionVersion:
    values = {"runtime": "provided.al2023", "handler": "-"} | fields
    return machine.deploy({"bootstrap": bootstrap()}, programs=["bootstrap"], **values)


class Caller:
    """Begins one invocation and keeps what its end says."""

    def __init__(self, machine: Machine, function: FunctionVersion, *steps: list[Any]) -> None:
        self.ends: list[tuple[InvocationResult, int]] = []
        self._machine = machine
        self._invocation = machine.invocation(function, {"steps": steps})

    async def begin(self) -> InvocationResult | ResponseStream:
        def ended(result: InvocationResult, streamed_bytes: int) -> None:
            self.ends.append((result, streamed_bytes))

        return await self._machine.runtime.invoke_streamed(StreamedInvocation(self._invocation, ended))

    async def stream(self) -> ResponseStream:
        answer = await self.begin()
        assert isinstance(answer, ResponseStream)
        return answer


def test_chunks_come_first_and_the_end_says_how_much_it_was(machine: Machine) -> None:
    caller = Caller(machine, deployed(machine), ["type", "text/html"], ["write", "abc"], ["write", "d"])

    async def read() -> tuple[bytes, InvocationResult]:
        stream = await caller.stream()
        assert (stream.content_type, stream.executed_version) == ("text/html", "$LATEST")
        text = b"".join([chunk async for chunk in stream])
        return text, await stream.result()

    text, result = machine.wait(read())
    assert (text, result.payload, result.function_error) == (b"abcd", b"", None)
    assert caller.ends == [(result, 4)]
    lines = next(lines for name, lines in machine.streams.items() if name.endswith(result.log_stream))
    assert [line.partition(" ")[0].strip() for line in lines] == ["INIT_START", "START", "answered", "END", "REPORT"]


def test_live_code_answers_in_a_stream_and_the_person_who_edits_hears_of_it(machine: Machine, tmp_path: Path) -> None:
    function = machine.deploy(
        {"bootstrap": "#!/bin/sh\nexit 1\n"}, programs=["bootstrap"], runtime="provided.al2023", handler="-"
    )
    edited = tmp_path / "bootstrap"
    edited.write_text(bootstrap())
    edited.chmod(0o755)
    caller = Caller(machine, function, ["write", "live"])

    async def read() -> tuple[bytes, InvocationResult, list[dict[str, Any]]]:
        live = machine.runtime.live
        live.published(function.arn, function.code_digest)
        state = await live.renew(function, {"bootstrap": str(edited)}, None)
        live.published(function.arn, function.code_digest)
        assert state["state"] in ("ready", "importing")
        stream = await caller.stream()
        text = b"".join([chunk async for chunk in stream])
        result = await stream.result()
        happened, _ = await live.feed.after(0, 0)
        live.end(function.arn)
        return text, result, happened

    text, result, happened = machine.wait(read())
    assert (text, result.function_error, caller.ends) == (b"live", None, [(result, 4)])
    [told] = [happening for happening in happened if happening["kind"] == "invocation"]
    assert (told["arn"], told["stream"], told["is_error"]) == (function.arn, result.log_stream, False)


def test_a_function_that_does_not_stream_gives_its_result(machine: Machine) -> None:
    caller = Caller(machine, deployed(machine), ["whole", "1"])
    result = machine.wait(caller.begin())
    assert isinstance(result, InvocationResult)
    assert (result.payload, caller.ends) == (b"1", [(result, 0)])
    python = machine.deploy("def handler(event, context): return len(event['steps'])", runtime=RUNTIME)
    result = machine.wait(Caller(machine, python).begin())
    assert isinstance(result, InvocationResult)
    assert result.payload == b"0"


def test_a_plain_invocation_collects_what_is_streamed(machine: Machine) -> None:
    function = deployed(machine)
    steps = [["write", "a"], ["write", "b"]]
    assert machine.invoke(function, {"steps": steps}).payload == b"ab"
    too_much = machine.invoke(function, {"steps": [["megabytes", 7]]})
    assert too_much.error_type == "Function.ResponseSizeTooLarge"


def test_a_runtime_that_cannot_run_is_refused_before_anything_counts(machine: Machine) -> None:
    with pytest.raises(RuntimeUnavailable):
        machine.wait(Caller(machine, deployed(machine, runtime="cobol")).begin())


def test_a_caller_that_is_cancelled_before_the_answer_does_not_stop_the_function(machine: Machine) -> None:
    caller = Caller(machine, deployed(machine), ["sleep", 0.1], ["megabytes", 1])

    async def leave() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await caller.begin()

    machine.wait(leave())
    machine.until(lambda: bool(caller.ends))
    assert caller.ends[0][1] == 1 << 20


def test_a_runtime_that_stops_ends_the_stream_and_says_so(fresh_machine: Callable[..., Machine]) -> None:
    machine = fresh_machine()
    caller = Caller(machine, deployed(machine), ["write", "a"], ["hang"])

    async def read() -> None:
        stream = await caller.stream()
        chunks = aiter(stream)
        assert await anext(chunks) == b"a"
        stopping = asyncio.ensure_future(machine.runtime.stop())
        assert [chunk async for chunk in chunks] == []
        assert not stream.is_complete
        with pytest.raises(RuntimeUnavailable):
            await stream.result()
        await stopping
        assert not machine.runtime.is_streaming

    machine.wait(read())
    assert caller.ends == []


def test_an_unread_answer_of_a_stopped_reader_is_dropped(machine: Machine) -> None:
    caller = Caller(machine, deployed(machine), ["megabytes", 3])

    async def leave() -> InvocationResult:
        stream = await caller.stream()
        stream.abandon()
        stream.abandon()
        assert [chunk async for chunk in stream] == []
        return await stream.result()

    assert machine.wait(leave()).function_error is None
    assert caller.ends[0][1] == 3 << 20
