"""Functions that take all the processors stand back for others: by a control group of idle class, or stopped most of the time.

Latencies are measured by ``python -m bench.hostile``; here it is seen that the governor acts, and that it lets go again.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bascule.kernel.invocation import InvocationResult, RuntimeUnavailable
from bascule.runtime import governor, usage
from bascule.runtime.background import open_background
from tests.e2e.runtime.conftest import PATIENCE_S, Machine

SPINS = """
    import os
    def handler(event, context):
        for _ in range(24):
            if os.fork() == 0:
                os.setsid()
                while True: pass
        os.wait()
"""
QUICK = "def handler(event, context): return 1"
ENOUGH = 8


def children_of_tests(count_min: int) -> list[int]:
    """Processes of the function that forks, once it has forked enough."""
    return [
        pid
        for parent in usage.descendants(os.getpid(), 1000)
        if len(below := usage.descendants(parent, 1000)) >= count_min and len(usage.descendants(below[0], 1000)) == 0
        for pid in below
    ]


def state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def is_in_group(pid: int) -> bool:
    try:
        return "/bascule-background-" in Path(f"/proc/{pid}/cgroup").read_text()
    except OSError:
        return False


def count(is_so: Callable[[int], bool]) -> int:
    return sum(1 for pid in children_of_tests(20) if is_so(pid))


async def beside(machine: Machine, is_so: Callable[[int], bool]) -> asyncio.Future[InvocationResult]:
    """Run a greedy function, and another beside it, until enough processes of the greedy one have been found to be so."""
    quick = machine.deploy(QUICK)
    running = asyncio.ensure_future(machine.runtime.invoke(machine.invocation(machine.deploy(SPINS))))
    deadline = time.monotonic() + PATIENCE_S
    while count(is_so) < ENOUGH:
        assert time.monotonic() < deadline, "it never became so"
        await machine.runtime.invoke(machine.invocation(quick))
        await asyncio.sleep(0.005)
    return running


async def end(machine: Machine, running: asyncio.Future[InvocationResult]) -> None:
    await machine.runtime.stop()
    with pytest.raises(RuntimeUnavailable):
        await running


def test_processes_in_sessions_of_their_own_go_to_the_background_together(
    fresh_machine: Callable[..., Machine],
) -> None:
    probe = open_background()
    if isinstance(probe, str):
        pytest.skip(probe)
    probe.close()
    machine = fresh_machine()

    async def scene() -> None:
        await end(machine, await beside(machine, is_in_group))

    machine.wait(scene())
    assert not list(Path("/sys/fs/cgroup").glob(f"**/bascule-background-{os.getpid()}"))


def test_without_control_groups_they_are_stopped_while_others_run_and_go_on_after(
    fresh_machine: Callable[..., Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(governor, "open_background", lambda: "not in this test")
    machine = fresh_machine()

    async def scene() -> None:
        running = await beside(machine, lambda pid: state(pid) == "T")
        deadline = time.monotonic() + PATIENCE_S
        while count(lambda pid: state(pid) == "R") < ENOUGH:
            assert time.monotonic() < deadline, "it never went on"
            await asyncio.sleep(0.01)
        await end(machine, running)

    machine.wait(scene())
