"""Functions that hang, exit, crash, flood or take too much: what the caller sees, and that nobody else is hurt."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bascule.runtime import environment as environment_module
from tests.e2e.runtime.conftest import Machine, is_running

#: These tests look at process ids and files from outside.
ISOLATION = "off"


def exit_error(request_id: str, reason: str) -> dict[str, str]:
    return {"errorType": "Runtime.ExitError", "errorMessage": f"RequestId: {request_id} Error: {reason}"}


def test_a_timeout_kills_the_process_but_keeps_the_temporary_directory(machine: Machine) -> None:
    function = machine.deploy(
        """
        import os, tempfile, time
        calls = []
        def handler(event, context):
            calls.append(1)
            mark = os.path.join(tempfile.gettempdir(), "mark")
            if os.path.exists(mark): return len(calls)
            open(mark, "w").close()
            time.sleep(60)
        """,
        timeout_s=1,
    )
    invocation = machine.invocation(function)
    result = machine.wait(machine.runtime.invoke(invocation))
    message = f"RequestId: {invocation.request_id} Error: Task timed out after 1.00 seconds"
    assert json.loads(result.payload) == {"errorType": "Sandbox.Timedout", "errorMessage": message}
    assert result.duration_ms >= 1000
    assert machine.logs[-1].endswith("\tStatus: timeout\n")
    again = machine.invoke(function)
    assert again.payload == b"1"
    assert again.init_ms is None
    assert again.log_stream == result.log_stream


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("sys.exit(0)", "Runtime exited without providing a reason"),
        ("sys.exit()", "Runtime exited without providing a reason"),
        ("os._exit(0)", "Runtime exited without providing a reason"),
        ("sys.exit(127)", "Runtime exited with error: exit status 127"),
        ("sys.exit('words')", "Runtime exited with error: exit status 1"),
        ("exit(3)", "Runtime exited with error: exit status 3"),
        ("raise KeyboardInterrupt", "Runtime exited with error: exit status 1"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "Runtime exited with error: signal: killed"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "Runtime exited with error: signal: segmentation fault"),
        ("os.abort()", "Runtime exited with error: signal: aborted"),
    ],
)
def test_a_process_that_ends_is_an_exit_error_and_the_next_invocation_starts_over(
    machine: Machine, statement: str, reason: str
) -> None:
    function = machine.deploy(f"""
        import os, signal, sys
        def handler(event, context):
            if event: {statement}
            return "fine"
    """)
    invocation = machine.invocation(function, 1)
    result = machine.wait(machine.runtime.invoke(invocation))
    assert json.loads(result.payload) == exit_error(invocation.request_id, reason)
    assert machine.invoke(function).payload == b'"fine"'


def test_stacks_name_the_runtime_as_it_lies_on_aws(machine: Machine) -> None:
    """Where Bascule is installed is nobody's business, and differs from machine to machine."""
    payload = json.loads(machine.invoke(machine.deploy("handler = 1")).payload)
    (frame,) = payload["stackTrace"]
    assert payload["errorMessage"] == "'int' object is not callable"
    assert frame.startswith('  File "/var/runtime/bootstrap.py", line ')
    machine.invoke(machine.deploy("def handler(event, context):\n    raise BaseException('beyond')"))
    printed = "".join(machine.logs)
    assert '  File "/var/task/app.py", line 2, in handler\n' in printed
    assert "BaseException: beyond\n" in printed
    assert "bascule_environment" not in printed


def test_an_exit_at_import_is_an_exit_error_after_a_second_try(machine: Machine) -> None:
    function = machine.deploy("import sys\nprint('trying')\nsys.exit(4)")
    invocation = machine.invocation(function)
    result = machine.wait(machine.runtime.invoke(invocation))
    assert json.loads(result.payload) == exit_error(invocation.request_id, "Runtime exited with error: exit status 4")


def test_what_was_printed_before_the_end_is_in_the_log(machine: Machine) -> None:
    function = machine.deploy(
        "import os\ndef handler(event, context):\n    print('last words', end='')\n    os._exit(1)"
    )
    assert "last words\nEND RequestId: " in machine.invoke(function, wants_log_tail=True).log_tail.decode()


def test_an_init_over_its_limit_is_repeated_inside_the_invocation(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment_module, "INIT_S_MAX", 0.5)
    source = """
        import os, tempfile, time
        mark = os.path.join(tempfile.gettempdir(), "mark")
        if not os.path.exists(mark):
            open(mark, "w").close()
            time.sleep(60)
        def handler(event, context): return "second"
    """
    result = machine.invoke(machine.deploy(source))
    assert result.payload == b'"second"'
    assert result.init_ms is None
    assert any("Phase: init\tStatus: timeout" in line for line in machine.logs)


@pytest.mark.parametrize(
    "statement",
    [
        "hold = 'x' * (200 * 1024 * 1024)",
        "hold = [bytearray(b'x' * 1024 * 1024) for _ in range(1000)]",
        "'x' * (200 * 1024 * 1024); return 'released again'",
        "subprocess.run([sys.executable, '-c', 'import time; x = \"y\" * (300 * 1024 * 1024); time.sleep(30)'])",
    ],
)
def test_memory_beyond_the_functions_size_ends_it(machine: Machine, statement: str) -> None:
    function = machine.deploy(f"import subprocess, sys\ndef handler(event, context):\n    {statement}\n", timeout_s=60)
    invocation = machine.invocation(function)
    result = machine.wait(machine.runtime.invoke(invocation))
    message = f"RequestId: {invocation.request_id} Error: Runtime exited with error: signal: killed"
    assert json.loads(result.payload) == {"errorType": "Runtime.OutOfMemory", "errorMessage": message}
    assert result.memory_used_mb == 128
    assert "Max Memory Used: 128 MB" in machine.logs[-1]


def test_memory_within_the_functions_size_is_fine(machine: Machine) -> None:
    result = machine.invoke(machine.deploy("def handler(event, context): return len('x' * (80 * 1024 * 1024))"))
    assert result.payload == b"83886080"
    assert 80 < result.memory_used_mb < 128


def test_everything_a_function_started_ends_with_it(machine: Machine, tmp_path: Path) -> None:
    function = machine.deploy(
        """
        import os, subprocess, sys, time
        sleeper = [sys.executable or "python3", "-c", "import time; time.sleep(600)"]
        def handler(event, context):
            plain = subprocess.Popen(["sleep", "600"])
            escaped = subprocess.Popen(["sleep", "600"], start_new_session=True)
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    open(event, "w").write(f"{os.getpid()} {plain.pid} {escaped.pid}")
                    time.sleep(600)
                os._exit(0)
            time.sleep(600)
        """,
        timeout_s=2,
    )
    listing = tmp_path / "pids"
    assert machine.invoke(function, str(listing)).error_type == "Sandbox.Timedout"
    pids = [int(pid) for pid in listing.read_text().split()]
    assert len(pids) == 3
    machine.until(lambda: not any(is_running(pid) for pid in pids))


@pytest.mark.parametrize(
    "statement",
    ["os.write(3, b'garbage' * 100)", "os.write(3, b'\\xff' * 9)", "os.close(3)", "os.write(3, bytes([12,0,0,0,0,0,0,0,0]) * 5)"],
)  # fmt: skip
def test_meddling_with_the_channel_hurts_only_the_function_itself(machine: Machine, statement: str) -> None:
    function = machine.deploy(
        f"import os, time\ndef handler(event, context):\n    if event:\n        {statement}\n        time.sleep(1)\n    return 'fine'"
    )
    machine.invoke(function, 1)
    assert machine.invoke(function).function_error in (None, "Unhandled")
    assert machine.run("def handler(event, context): return 'others'") == "others"


def test_closing_or_replacing_the_standard_streams_is_survived(machine: Machine) -> None:
    source = (
        "import sys\ndef handler(event, context):\n    sys.stdout.close()\n    sys.stderr = None\n    return 'fine'"
    )
    assert machine.run(source) == "fine"


def test_other_functions_run_while_some_spin(machine: Machine) -> None:
    spinning = machine.deploy("def handler(event, context):\n    while True: pass", timeout_s=2)
    quick = machine.deploy("def handler(event, context): return 1")
    results = machine.invoke_all(*[machine.invocation(spinning)] * 2, *[machine.invocation(quick) for _ in range(10)])
    assert [result.error_type for result in results] == ["Sandbox.Timedout"] * 2 + [""] * 10


def test_a_fork_bomb_is_stopped_at_the_process_limit(fresh_machine: Callable[..., Machine]) -> None:
    machine = fresh_machine()
    function = machine.deploy(
        """
        import os, time
        def handler(event, context):
            while True:
                if os.fork() == 0: time.sleep(600)
        """,
        # On a loaded machine it stands back for others, so it takes its time.
        timeout_s=300,
        memory_mb=10240,
    )
    assert machine.invoke(function).error_type == "Runtime.OutOfMemory"
    assert machine.run("def handler(event, context): return 'still here'") == "still here"


def test_files_beyond_the_size_of_tmp_end_the_process_and_are_removed(machine: Machine) -> None:
    function = machine.deploy(
        """
        import os, tempfile, time
        def handler(event, context):
            place = tempfile.gettempdir()
            if not event: return os.listdir(place)
            for number in range(event):
                with open(os.path.join(place, str(number)), "wb") as file: file.write(bytes(3 * 1024 * 1024))
            time.sleep(20 if event > 2 else 1)
        """,
        tmp_mb=8,
    )
    assert machine.invoke(function, 2).function_error is None
    result = machine.invoke(function, 4)
    assert result.error_message.endswith("Runtime exited with error: signal: killed")
    assert any("held more than its 8 MB" in line for line in machine.logs)
    stopping_s = time.monotonic() + 10
    while machine.invoke(function).payload != b"[]":
        assert time.monotonic() < stopping_s
