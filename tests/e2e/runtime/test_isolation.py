"""Hostile handlers: each tries one thing that the sandbox is there to prevent."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from bascule.kernel.invocation import FunctionVersion
from bascule.kernel.settings import Settings
from bascule.runtime import usage
from bascule.runtime.isolation import missing_protections, why_not
from tests.e2e.runtime.conftest import Machine

TRY = """
    def attempt(call, *arguments):
        try:
            return call(*arguments)
        except Exception as error:
            return type(error).__name__
"""


@pytest.fixture(scope="module", autouse=True)
def _needs_isolation() -> None:
    if reason := why_not(restricts_network=False):
        pytest.skip(f"this machine cannot isolate functions: {reason}")


def trying(source: str) -> str:
    return textwrap.dedent(TRY) + textwrap.dedent(source)


def commands_of_machine() -> str:
    """The command lines of all processes."""
    found = []
    for listing in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(listing.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"))
        except OSError:
            continue
    return "\n".join(found)


def test_it_sees_its_code_layers_and_tmp_where_aws_has_them(machine: Machine) -> None:
    layer = machine.store({"python/shared.py": "value = 7", "bin/tool": ""})
    seen = machine.run(
        """
        import os, shared, sys
        def handler(event, context):
            return [os.getcwd(), os.listdir("/var/task"), sorted(os.listdir("/opt")), os.listdir("/tmp"), shared.__file__,
                    os.environ["LAMBDA_TASK_ROOT"], os.environ["HOME"], sys.executable.split("3")[0]]
        """,
        layer_digests=(layer,),
    )
    assert seen == [
        "/var/task",
        ["app.py"],
        ["bin", "python"],
        [],
        "/opt/python/shared.py",
        "/var/task",
        "/tmp",
        "/var/lang/bin/python",
    ]


def test_programs_it_starts_have_the_runtimes_packages(machine: Machine) -> None:
    assert machine.run("""
        import subprocess, sys
        def handler(event, context):
            return subprocess.check_output([sys.executable, "-c", "import boto3; print(boto3.__file__)"], text=True)
    """).startswith("/var/runtime/boto3/")


def test_the_data_directory_and_other_functions_code_are_not_there(machine: Machine) -> None:
    machine.run("def handler(event, context): return 'SECRET_OF_ANOTHER'")
    source = trying("""
        import os
        def handler(event, context):
            return [attempt(os.listdir, event), attempt(os.listdir, "/.host"), attempt(os.listdir, "/proc/1/root"),
                    attempt(os.listdir, "/proc/1/cwd"), attempt(os.listdir, "/home"), os.path.exists("/.host/etc")]
    """)
    assert (machine.root / "work").exists()
    assert machine.run(source, str(machine.root / "work")) == [
        "FileNotFoundError",
        [],
        "PermissionError",
        "PermissionError",
        [],
        False,
    ]


def test_the_servers_and_other_functions_variables_are_not_there(machine: Machine, server_secret: str) -> None:
    machine.run("def handler(event, context): return 1", environment={"OTHERS": "secret-of-another"})
    found = machine.run(
        trying("""
        import glob
        def read(path):
            with open(path, "rb") as file:
                return file.read().decode()
        def handler(event, context):
            return {path: attempt(read, path) for path in glob.glob("/proc/[0-9]*/environ")}
    """)
    )
    assert sorted(found) == ["/proc/1/environ", "/proc/2/environ"]
    assert found["/proc/1/environ"] == "PermissionError"
    assert "must-not-leak" not in str(found)
    assert "secret-of-another" not in str(found)


def test_it_is_nobody_without_any_privilege(machine: Machine) -> None:
    status = machine.run("""
        import os
        def handler(event, context):
            with open("/proc/self/status") as file:
                fields = dict(line.split(None, 1) for line in file if len(line.split()) > 1)
            return [os.getuid(), os.getgid(), *(fields[name].strip() for name in ("CapPrm:", "CapEff:", "CapBnd:", "CapAmb:", "NoNewPrivs:"))]
    """)
    assert status == [993, 990, *["0" * 16] * 4, "1"]


def test_nothing_but_tmp_can_be_written(machine: Machine) -> None:
    tried = machine.run(
        trying("""
        import os
        def write(folder):
            with open(folder + "/mine", "w") as file:
                return file.write("x")
        def handler(event, context):
            return {folder: attempt(write, folder) for folder in
                    ("/", "/var/task", "/var/runtime/boto3", "/usr", "/etc", "/dev", "/home", "/mnt", "/proc/sys/kernel", "/tmp")}
    """)
    )
    assert tried.pop("/tmp") == 1
    assert set(tried.values()) <= {"OSError", "PermissionError", "FileNotFoundError"}


def test_it_cannot_make_namespaces_or_mounts(machine: Machine) -> None:
    assert (
        machine.run("""
        import ctypes
        def handler(event, context):
            libc = ctypes.CDLL(None)
            return [libc.unshare(0x10000000), libc.unshare(0x00020000), libc.umount2(b"/proc", 2),
                    libc.mount(b"none", b"/tmp", b"tmpfs", 0, None), libc.chroot(b"/tmp")]
    """)
        == [-1] * 5
    )


def test_it_cannot_kill_or_trace_another_process(machine: Machine) -> None:
    victim = machine.deploy(
        "count = 0\ndef handler(event, context):\n    global count\n    count += 1\n    return count"
    )
    assert machine.invoke(victim).payload == b"1"
    source = trying("""
        import ctypes, os, signal
        def handler(pids, context):
            killed = [attempt(os.kill, pid, signal.SIGKILL) for pid in pids]
            traced = [ctypes.CDLL(None).ptrace(16, pid, None, None) for pid in (1, *pids)]
            os.kill(1, signal.SIGKILL)
            for number in range(1, 32):
                os.kill(1, number)
            return [killed, traced, attempt(os.kill, -1, signal.SIGKILL)]
    """)
    pids = [pid for pid in [os.getpid(), *usage.descendants(os.getpid(), 100)] if pid > 50]
    assert machine.run(source, pids) == [
        ["ProcessLookupError"] * len(pids),
        [-1] * (len(pids) + 1),
        "ProcessLookupError",
    ]
    assert machine.invoke(victim).payload == b"2"


def test_tmp_is_as_large_as_configured_and_no_larger(machine: Machine) -> None:
    function = machine.deploy(
        """
        import errno, os
        def handler(event, context):
            written = 0
            try:
                for number in range(100):
                    with open(f"/tmp/{number}", "wb") as file:
                        written += file.write(bytes(1024 * 1024))
            except OSError as error:
                return [written // 2**20, errno.errorcode[error.errno], sorted(os.listdir("/tmp"))[0]]
        """,
        tmp_mb=16,
    )
    written_mb, error, first = json.loads(machine.invoke(function).payload)
    assert error == "ENOSPC"
    assert 14 <= written_mb <= 16
    assert first == "0"


def test_one_file_that_fills_tmp_hears_that_the_disk_is_full(machine: Machine) -> None:
    function = machine.deploy(
        """
        import errno, os, subprocess
        def handler(event, context):
            written = subprocess.run("head -c 20M /dev/zero > /tmp/by-a-program", shell=True, capture_output=True, text=True)
            os.remove("/tmp/by-a-program")
            try:
                with open("/tmp/large", "wb") as file:
                    file.write(b"x" * 20 * 2**20)
                    file.write(b"x")
            except OSError as error:
                return [errno.errorcode[error.errno], written.returncode, "No space left on device" in written.stderr]
        """,
        tmp_mb=16,
    )
    assert json.loads(machine.invoke(function).payload) == ["ENOSPC", 1, True]


def test_names_in_tmp_are_bounded_too(machine: Machine) -> None:
    count, error = machine.run(
        """
        import errno
        def handler(event, context):
            for number in range(100_000):
                try:
                    open(f"/tmp/{number}", "w").close()
                except OSError as error:
                    return [number, errno.errorcode[error.errno]]
        """,
        tmp_mb=8,
    )
    assert count <= 1024
    assert error == "ENOSPC"


def test_forking_without_bound_fails_in_the_function_only(machine: Machine) -> None:
    count, error = machine.run(
        """
        import os, signal
        def handler(event, context):
            count = 0
            try:
                while True:
                    if os.fork() == 0:
                        signal.pause()
                    count += 1
            except OSError as error:
                os.kill(-1, signal.SIGKILL)
                return [count, type(error).__name__]
        """,
        memory_mb=3008,
        timeout_s=600,
    )
    assert error == "BlockingIOError"
    assert 500 < count < 742
    assert machine.run("def handler(event, context): return 1") == 1


def test_a_daemons_memory_counts_although_it_left_its_family(machine: Machine) -> None:
    error = machine.fail(
        """
        import os, time
        def handler(event, context):
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    kept = [bytearray(b"x" * 2**20) for _ in range(300)]
                    time.sleep(600)
                os._exit(0)
            os.wait()
            time.sleep(600)
        """,
        memory_mb=128,
    )
    assert error["errorType"] == "Runtime.OutOfMemory"


DAEMON = """
import os, subprocess, sys, time
CODE = "import time\\nwhile True:\\n    open('/tmp/ticks', 'a').write('.'); time.sleep(0.01)"
def handler(event, context):
    if event.get("start"):
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.execv(sys.executable, [sys.executable, "-c", CODE, event["start"]])
            os._exit(0)
        os.wait()
    time.sleep(event.get("sleep", 0))
    return os.path.getsize("/tmp/ticks") if os.path.exists("/tmp/ticks") else 0
"""


def test_a_daemon_stands_still_between_invocations_and_does_not_outlive_the_timeout(machine: Machine) -> None:
    function = machine.deploy(DAEMON, timeout_s=3)
    marker = "hostile-daemon-" + machine.ids.token(8)
    machine.invoke(function, {"start": marker})
    # It runs while something is invoked, so a busy machine may need several.
    assert any(int(machine.invoke(function, {"sleep": 0.1}).payload) > 0 for _ in range(100))
    assert marker in commands_of_machine()

    async def pause() -> None:
        await asyncio.sleep(1.0)

    before = int(machine.invoke(function, {}).payload)
    machine.wait(pause())
    assert int(machine.invoke(function, {}).payload) - before < 40
    result = machine.invoke(function, {"sleep": 60})
    assert result.error_type == "Sandbox.Timedout"
    machine.until(lambda: marker not in commands_of_machine())
    # The directory is the environment's, not the process's, and outlives the timeout.
    assert int(machine.invoke(function, {}).payload) > 0


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", "signal: killed"),
        ("os.abort()", "signal: aborted"),
        ("ctypes.string_at(0)", "signal: segmentation fault"),
        ("os._exit(137)", "exit status 137"),
        ("sys.exit(3)", "exit status 3"),
    ],
)
def test_the_end_of_a_process_is_told_as_it_was(machine: Machine, how: str, reason: str) -> None:
    error = machine.fail(f"import ctypes, os, signal, sys\ndef handler(event, context):\n    {how}")
    assert error["errorType"] == "Runtime.ExitError"
    assert reason.split(":")[-1].strip()[:5] in error["errorMessage"]


def test_descriptors_of_the_server_are_closed(machine: Machine) -> None:
    listing = machine.run("""
        import os
        def handler(event, context):
            return sorted(f"{fd} {os.readlink('/proc/self/fd/' + fd).split(':')[0]}" for fd in os.listdir("/proc/self/fd")
                          if os.path.exists("/proc/self/fd/" + fd))
    """)
    assert [line.split()[0] for line in listing] == ["0", "1", "2", "3"]


def test_nothing_is_left_when_the_runtime_stops(fresh_machine: Callable[..., Machine]) -> None:
    machine = fresh_machine()
    marker = "hostile-daemon-" + machine.ids.token(8)
    function = machine.deploy(DAEMON)
    machine.invoke(function, {"start": marker, "sleep": 0.2})
    before = set(usage.descendants(os.getpid(), 1000))
    machine.wait(machine.runtime.stop())
    assert marker not in commands_of_machine()
    assert len(before - set(usage.descendants(os.getpid(), 1000))) >= 3
    assert list((machine.root / "work" / "tmp").iterdir()) == []


def test_retiring_a_function_frees_its_tmp(fresh_machine: Callable[..., Machine]) -> None:
    machine = fresh_machine()
    function = machine.deploy("def handler(event, context): return open('/tmp/x', 'w').write('x')")
    machine.invoke(function)
    zygote = next(pid for pid in usage.descendants(os.getpid(), 100) if str(machine.root) in mounts_of(pid))
    assert len(re.findall(r"\bwork/tmp/", mounts_of(zygote))) == 1
    machine.on_loop(machine.runtime.retire, function.arn)
    machine.until(lambda: "work/tmp/" not in mounts_of(zygote))


def mounts_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/mountinfo").read_text()
    except OSError:
        return ""


def other_language(machine: Machine, script: str) -> FunctionVersion:
    return machine.deploy({"bootstrap": script}, programs=["bootstrap"], runtime="provided.al2023")


def test_a_bootstrap_is_locked_in_as_well(machine: Machine) -> None:
    function = other_language(
        machine,
        f"""\
        #!{os.path.realpath(sys.executable)}
        import json, os, urllib.request
        api = f"http://{{os.environ['AWS_LAMBDA_RUNTIME_API']}}/2018-06-01/runtime/invocation"
        while True:
            with urllib.request.urlopen(f"{{api}}/next") as event:
                path, request_id = json.load(event), event.headers["Lambda-Runtime-Aws-Request-Id"]
            seen = [os.getuid(), os.getcwd(), os.path.exists(path), os.listdir("/tmp"), os.environ["LAMBDA_TASK_ROOT"]]
            urllib.request.urlopen(f"{{api}}/{{request_id}}/response", json.dumps(seen).encode()).close()
        """,
    )
    result = machine.invoke(function, str(machine.root))
    assert json.loads(result.payload) == [993, "/var/task", False, [], "/var/task"]
    assert result.memory_used_mb > 4


def test_a_servers_file_mode_mask_does_not_hide_a_functions_code(fresh_machine: Callable[..., Machine]) -> None:
    before = os.umask(0o077)
    try:
        machine = fresh_machine()
        files = {
            "app.py": "import folder.inner\ndef handler(event, context): return folder.inner.VALUE",
            "folder/inner.py": "VALUE = 3",
        }
        assert machine.run(files) == 3
    finally:
        os.umask(before)


def test_a_data_directory_in_a_place_that_functions_see_is_said(tmp_path: Path) -> None:
    missing = missing_protections(Settings(), Path("/usr/local/share/bascule"))
    assert len(missing) == 5
    assert all("(the data directory lies in /usr, which functions must see)" in each for each in missing)
    assert missing_protections(Settings(), tmp_path) == ()
