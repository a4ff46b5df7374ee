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

from bascule.kernel.invocation import FunctionVersion
from bascule.runtime import background, governor, usage
from tests.e2e.runtime.conftest import PATIENCE_S, Machine

SPINS = """
    import os, time
    def handler(event, context):
        for _ in range(event["count"]):
            if os.fork() == 0:
                os.setsid()
                end = time.monotonic() + event["seconds"]
                while time.monotonic() < end: pass
                os._exit(0)
        for _ in range(event["count"]):
            os.wait()
        return "done"
"""
QUICK = "def handler(event, context): return 1"


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


async def seen_beside(machine: Machine, greedy: FunctionVersion, event: object, is_so: Callable[[int], bool]) -> int:
    """How many processes of a greedy function were found to be so at once, while another function runs all the time."""
    quick = machine.deploy(QUICK)
    running = asyncio.ensure_future(machine.runtime.invoke(machine.invocation(greedy, event)))
    most, deadline = 0, time.monotonic() + PATIENCE_S
    while not running.done() and time.monotonic() < deadline:
        await machine.runtime.invoke(machine.invocation(quick))
        most = max(most, sum(1 for pid in children_of_tests(20) if is_so(pid)))
        await asyncio.sleep(0.005)
    assert (await running).payload == b'"done"'
    return most


def test_processes_in_sessions_of_their_own_go_to_the_background_together(
    fresh_machine: Callable[..., Machine],
) -> None:
    probe = background.open_background()
    if isinstance(probe, str):
        pytest.skip(probe)
    machine = fresh_machine()
    greedy = machine.deploy(SPINS)
    assert machine.wait(seen_beside(machine, greedy, {"count": 24, "seconds": 3}, is_in_group)) >= 8
    machine.wait(machine.runtime.stop())
    probe.close()
    assert not list(Path("/sys/fs/cgroup").glob(f"**/bascule-background-{os.getpid()}"))


def test_without_control_groups_they_are_stopped_while_others_run_and_go_on_after(
    fresh_machine: Callable[..., Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(governor, "open_background", lambda: "not in this test")
    machine = fresh_machine()
    greedy = machine.deploy(SPINS)
    assert machine.wait(seen_beside(machine, greedy, {"count": 24, "seconds": 3}, lambda pid: state(pid) == "T")) >= 8
    began = time.monotonic()
    assert machine.invoke(greedy, {"count": 2, "seconds": 0.5}).payload == b'"done"'
    assert time.monotonic() - began < PATIENCE_S
