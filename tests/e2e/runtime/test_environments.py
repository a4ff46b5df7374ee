"""The life of execution environments: reuse, scale-out, limits, reclaim, retirement, and the end of the server."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from bascule.kernel.invocation import InvocationThrottled, RuntimeUnavailable
from tests.e2e.runtime.conftest import PATIENCE_S, Machine, is_running

#: These tests look at process ids and files from outside.
ISOLATION = "off"

PID = "import os, time\ndef handler(event, context):\n    time.sleep(event or 0)\n    return os.getpid()"


def pid_of(machine: Machine, function: object) -> int:
    return int(json.loads(machine.invoke(function).payload))  # type: ignore[arg-type]


def test_invocations_one_after_another_share_an_environment(machine: Machine) -> None:
    function = machine.deploy(PID)
    assert len({pid_of(machine, function) for _ in range(5)}) == 1


def test_forks_share_neither_chance_nor_temporary_files(machine: Machine) -> None:
    function = machine.deploy("""
        import random, tempfile, time, uuid
        def handler(event, context):
            time.sleep(0.2)
            return [random.random(), str(uuid.uuid4()), tempfile.gettempdir()]
    """)
    results = machine.invoke_all(*[machine.invocation(function) for _ in range(4)])
    for values in zip(*(json.loads(result.payload) for result in results), strict=True):
        assert len(set(values)) == 4


def test_durations_are_measured_finer_than_a_millisecond(machine: Machine) -> None:
    function = machine.deploy(PID)
    durations = [machine.invoke(function).duration_ms for _ in range(5)]
    assert all(duration > 0 and duration != int(duration) for duration in durations)


def test_invocations_at_once_have_an_environment_each(machine: Machine) -> None:
    function = machine.deploy(PID)
    results = machine.invoke_all(*[machine.invocation(function, 0.3) for _ in range(8)])
    assert len({result.payload for result in results}) == 8
    assert len({result.log_stream for result in results}) == 8


def test_versions_and_revisions_never_share_an_environment(machine: Machine) -> None:
    function = machine.deploy(PID)
    others = [msgspec.structs.replace(function, version="3"), msgspec.structs.replace(function, revision_id="new")]
    assert len({pid_of(machine, each) for each in (function, *others)}) == 3


def test_a_retired_function_starts_over_and_a_running_invocation_finishes(machine: Machine) -> None:
    function = machine.deploy(PID)
    idle = pid_of(machine, function)

    async def retired_while_running() -> bytes:
        running = asyncio.ensure_future(machine.runtime.invoke(machine.invocation(function, 0.3)))
        await asyncio.sleep(0.05)
        machine.runtime.retire(function.arn)
        return (await running).payload

    assert machine.wait(retired_while_running()) == str(idle).encode()
    machine.until(lambda: not is_running(idle))
    assert pid_of(machine, function) != idle


def test_reserved_concurrency_throttles_with_its_own_reason(machine: Machine) -> None:
    function = machine.deploy(PID, reserved_concurrency=2)
    assert machine.runtime.free_slots(function) == 2
    results = machine.invoke_all(*[machine.invocation(function, 0.3) for _ in range(3)])
    assert isinstance(results[2], InvocationThrottled)
    assert results[2].reason == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert machine.runtime.free_slots(function) == 2
    none = machine.deploy(PID, reserved_concurrency=0)
    with pytest.raises(InvocationThrottled):
        machine.invoke(none)


def test_the_accounts_concurrency_is_shared_by_functions_without_a_reservation(
    fresh_machine: Callable[..., Machine],
) -> None:
    machine = fresh_machine(concurrency_max=2)
    one, two, reserved = machine.deploy(PID), machine.deploy(PID), machine.deploy(PID, reserved_concurrency=1)
    results = machine.invoke_all(*[machine.invocation(each, 0.5) for each in (one, two, one, reserved)])
    assert [isinstance(result, InvocationThrottled) for result in results] == [False, False, True, False]
    assert results[2].reason == "ConcurrentInvocationLimitExceeded"


def test_the_longest_idle_environment_makes_room(fresh_machine: Callable[..., Machine]) -> None:
    machine = fresh_machine(environments_max=2)
    one, two, three = (machine.deploy(PID) for _ in range(3))
    first, second = pid_of(machine, one), pid_of(machine, two)
    pid_of(machine, three)
    machine.until(lambda: not is_running(first))
    assert is_running(second)
    assert machine.runtime.free_slots(three) == 2
    results = machine.invoke_all(*[machine.invocation(one, 0.3) for _ in range(3)])
    assert [isinstance(result, InvocationThrottled) for result in results] == [False, False, True]


def test_an_idle_environment_is_reclaimed_with_its_temporary_directory(fresh_machine: Callable[..., Machine]) -> None:
    machine = fresh_machine(environment_idle_ms=200)
    function = machine.deploy("import os\ndef handler(event, context): return [os.getpid(), os.environ['TMPDIR']]")
    pid, tmp_dir = json.loads(machine.invoke(function).payload)
    assert Path(tmp_dir).is_dir()
    machine.until(lambda: not is_running(pid) and not Path(tmp_dir).exists())


def test_threads_stand_still_between_invocations(machine: Machine) -> None:
    function = machine.deploy("""
        import threading, time
        ticks = [0]
        def tick():
            while True:
                ticks[0] += 1
                time.sleep(0.01)
        threading.Thread(target=tick, daemon=True).start()
        def handler(event, context): return ticks[0]
    """)
    before = int(machine.invoke(function).payload)

    async def pause() -> None:
        await asyncio.sleep(1.5)

    machine.wait(pause())
    assert int(machine.invoke(function).payload) - before < 75


def test_a_caller_that_gives_up_does_not_stop_the_function(machine: Machine, tmp_path: Path) -> None:
    function = machine.deploy(
        "import time\ndef handler(event, context):\n    time.sleep(0.3)\n    open(event, 'w').close()"
    )
    done = tmp_path / "done"

    async def give_up() -> None:
        running = asyncio.ensure_future(machine.runtime.invoke(machine.invocation(function, str(done))))
        await asyncio.sleep(0.05)
        running.cancel()

    machine.wait(give_up())
    machine.until(done.exists)
    machine.until(lambda: machine.runtime.free_slots(function) == 200)


def test_a_dead_zygote_is_replaced(fresh_machine: Callable[..., Machine]) -> None:
    machine = fresh_machine()
    function = machine.deploy("import os\ndef handler(event, context): return [os.getpid(), os.getppid()]")
    environment, zygote = json.loads(machine.invoke(function).payload)
    os.kill(zygote, signal.SIGKILL)
    machine.until(lambda: not is_running(environment))
    after = json.loads(machine.invoke(function).payload)
    assert after[1] != zygote


@pytest.mark.long
def test_hundreds_of_environments_that_end_at_once_do_not_overrun_the_zygote(
    fresh_machine: Callable[..., Machine],
) -> None:
    machine = fresh_machine(environments_max=400)
    function = machine.deploy(
        "import os, time\ndef handler(event, context):\n    time.sleep(5)\n    return os.getppid()"
    )
    zygotes = set()
    for _ in range(2):
        results = machine.invoke_all(*[machine.invocation(function) for _ in range(350)])
        zygotes |= {result.payload for result in results}
        machine.on_loop(machine.runtime.retire, function.arn)
    assert len(zygotes) == 1


def test_preparing_a_function_unpacks_it_and_starts_its_interpreter(fresh_machine: Callable[..., Machine]) -> None:
    machine = fresh_machine()
    function = machine.deploy(PID)
    for prepared in (function, machine.deploy(PID, code_digest="f" * 64)):
        machine.on_loop(machine.runtime.prepare, prepared)
    machine.until((machine.root / "work" / "code" / function.code_digest / "app.py").exists)
    assert pid_of(machine, function)


def test_a_runtime_that_is_not_here_is_refused_with_the_way_forward(machine: Machine) -> None:
    with pytest.raises(RuntimeUnavailable, match=r"cannot run functions of runtime 'ruby3\.3'; .*change Runtime"):
        machine.invoke(machine.deploy("", runtime="ruby3.3"))


def test_an_interpreter_that_does_not_start_is_named(fresh_machine: Callable[..., Machine]) -> None:
    machine = fresh_machine(python="/nonexistent/python")
    with pytest.raises(RuntimeUnavailable, match=r"/nonexistent/python cannot be started: No such file"):
        machine.invoke(machine.deploy(PID))
    broken = fresh_machine(python="/bin/false")
    with pytest.raises(RuntimeUnavailable, match=r"/bin/false"):
        broken.invoke(broken.deploy(PID))


def test_a_missing_package_is_named(machine: Machine) -> None:
    with pytest.raises(RuntimeUnavailable, match="upload the function's code again"):
        machine.invoke(machine.deploy(PID, code_digest="f" * 64))


def test_stopping_ends_every_process_and_tells_running_callers(
    fresh_machine: Callable[..., Machine], tmp_path: Path
) -> None:
    machine = fresh_machine()
    function = machine.deploy("""
        import os, subprocess, time
        def handler(event, context):
            child = subprocess.Popen(["sleep", "600"], start_new_session=True)
            open(event, "w").write(f"{os.getpid()} {os.getppid()} {child.pid} ")
            time.sleep(600)
    """)
    listing = tmp_path / "pids"

    async def stop_while_running() -> object:
        running = asyncio.ensure_future(machine.runtime.invoke(machine.invocation(function, str(listing))))
        while not listing.exists() or len(listing.read_text().split()) < 3:
            await asyncio.sleep(0.01)
        await machine.runtime.stop()
        return (await asyncio.gather(running, return_exceptions=True))[0]

    assert isinstance(machine.wait(stop_while_running()), RuntimeUnavailable)
    assert not any(is_running(int(pid)) for pid in listing.read_text().split())
    with pytest.raises(RuntimeUnavailable, match="stopping"):
        machine.invoke(function)
    assert not list((machine.root / "work" / "tmp").iterdir())


def test_a_killed_server_leaves_no_process_behind(tmp_path: Path) -> None:
    listing = tmp_path / "pids"
    program = textwrap.dedent(f"""
        import sys
        from pathlib import Path
        from bascule.kernel.settings import Settings
        from tests.e2e.runtime.conftest import Machine
        machine = Machine(Path({str(tmp_path / "machine")!r}), Settings(isolation="off"))
        machine.run('''
            import os, subprocess, time
            def handler(event, context):
                child = subprocess.Popen(["sleep", "600"], start_new_session=True)
                open(event, "w").write(f"{{os.getpid()}} {{os.getppid()}} {{child.pid}} ")
                time.sleep(600)
        ''', {str(listing)!r}, timeout_s=900)
    """)
    server = subprocess.Popen([sys.executable, "-c", program], cwd=Path(__file__).parents[3])
    deadline = time.monotonic() + PATIENCE_S
    while not listing.exists() or len(listing.read_text().split()) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    server.kill()
    server.wait()
    pids = [int(pid) for pid in listing.read_text().split()]
    while any(is_running(pid) for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.02)
