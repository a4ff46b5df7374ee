"""What hostile handlers try against the machine's memory, disk, descriptors and log, and against what comes after them."""

from __future__ import annotations

import json
import os
import time

import pytest

from bascule.runtime.isolation import why_not
from tests.e2e.runtime.conftest import Machine

TRY = """
import ctypes, errno, mmap, os, resource, signal, socket, sys, time
def attempt(call, *arguments):
    try:
        return call(*arguments)
    except OSError as error:
        return errno.errorcode[error.errno]
"""
FINE = "def handler(event, context): return 'fine'"


@pytest.fixture(scope="module", autouse=True)
def _needs_isolation() -> None:
    if reason := why_not(restricts_network=False):
        pytest.skip(f"this machine cannot isolate functions: {reason}")


def test_memory_of_many_small_processes_counts_together(machine: Machine) -> None:
    error = machine.fail(
        TRY
        + """
def handler(event, context):
    for _ in range(40):
        if os.fork() == 0:
            kept = bytearray(os.urandom(2**20)) * 10
            time.sleep(600)
    time.sleep(600)
""",
        memory_mb=128,
        timeout_s=30,
    )
    assert error["errorType"] == "Runtime.OutOfMemory"
    assert machine.run(FINE) == "fine"


def test_a_file_without_a_name_still_takes_its_place_in_tmp(machine: Machine) -> None:
    [written_mb, error] = machine.run(
        TRY
        + """
def handler(event, context):
    kept, block = [], bytes(2**20)
    try:
        for number in range(100):
            kept.append(open(f"/tmp/{number}", "wb"))
            os.unlink(kept[-1].name)
            kept[-1].write(block)
            kept[-1].flush()
    except OSError as error:
        return [len(kept), errno.errorcode[error.errno]]
""",
        tmp_mb=8,
    )
    assert error == "ENOSPC"
    assert written_mb <= 9


def test_files_in_memory_are_charged_or_refused(machine: Machine) -> None:
    error = machine.fail(
        TRY
        + """
def handler(event, context):
    kept = []
    for number in range(40):
        kept.append(os.memfd_create("x"))
        for _ in range(10):
            os.write(kept[-1], bytes(2**20))
    time.sleep(600)
""",
        memory_mb=128,
        tmp_mb=512,
        timeout_s=10,
    )
    assert error["errorType"] == "Runtime.OutOfMemory"


def test_shared_memory_that_is_not_in_a_page_table_is_charged(machine: Machine) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can look into mappings")
    error = machine.fail(
        TRY
        + """
def handler(event, context):
    kept = []
    for _ in range(40):
        kept.append(mmap.mmap(-1, 10 * 2**20))
        kept[-1].write(b"x" * (10 * 2**20))
        kept[-1].madvise(mmap.MADV_DONTNEED)
    time.sleep(600)
""",
        memory_mb=128,
        timeout_s=10,
    )
    assert error["errorType"] == "Runtime.OutOfMemory"


def test_shared_memory_that_is_used_is_charged_once(machine: Machine) -> None:
    assert machine.run(
        TRY
        + """
def handler(event, context):
    kept = mmap.mmap(-1, 60 * 2**20)
    for _ in range(60):
        kept.write(b"x" * 2**20)
    if os.fork() == 0:
        kept[0:2**20]
        time.sleep(600)
    time.sleep(0.5)
    return "fine"
""",
        memory_mb=128,
    )


def test_objects_of_system_v_are_refused(machine: Machine) -> None:
    assert machine.run(
        TRY
        + """
def handler(event, context):
    libc = ctypes.CDLL(None, use_errno=True)
    return [libc.shmget(0, ctypes.c_size_t(4096), 0o1600), libc.msgget(0, 0o1600), libc.semget(0, 1, 0o1600)]
"""
    ) == [-1, -1, -1]


def test_no_place_outside_tmp_takes_a_file(machine: Machine) -> None:
    assert machine.run(
        TRY
        + """
def write(folder):
    os.close(os.open(folder + "/mine", os.O_CREAT | os.O_WRONLY))
def handler(event, context):
    return {attempt(write, folder) for folder in ("/dev/shm", "/var/tmp", "/run", "/var/lang", "/dev/mqueue", "/proc/1", "/sys/fs/cgroup")} <= {
        "ENOENT", "EROFS", "EACCES", "EPERM", "ENOTDIR"}
"""
    )


def test_descriptors_core_files_and_locked_memory_are_bounded(machine: Machine) -> None:
    opened, core, real_time, niced = machine.run(
        TRY
        + """
def handler(event, context):
    kept = []
    try:
        while True:
            kept.append(os.dup(0))
    except OSError as error:
        opened = [len(kept), errno.errorcode[error.errno]]
    for fd in kept:
        os.close(fd)
    return [opened, resource.getrlimit(resource.RLIMIT_CORE), attempt(os.sched_setscheduler, 0, os.SCHED_FIFO, os.sched_param(1)),
            attempt(os.nice, -10)]
"""
    )
    assert opened[0] <= 1024
    assert opened[1] == "EMFILE"
    assert core == [0, 0]
    assert (real_time, niced) == ("EPERM", "EPERM")


def test_limits_cannot_be_raised_again(machine: Machine) -> None:
    assert (
        machine.run(
            TRY
            + """
def raise_(name):
    try:
        resource.setrlimit(getattr(resource, name), (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    except (ValueError, OSError) as error:
        return "refused"
def handler(event, context):
    return [raise_(name) for name in ("RLIMIT_NOFILE", "RLIMIT_NPROC", "RLIMIT_FSIZE", "RLIMIT_DATA", "RLIMIT_CORE")]
"""
        )
        == ["refused"] * 5
    )


def test_a_flood_of_output_is_cut_and_does_not_fill_the_log(machine: Machine) -> None:
    before = len("".join(machine.logs))
    result = machine.invoke(
        machine.deploy(
            TRY
            + """
def handler(event, context):
    line = "x" * 4095 + "\\n"
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        os.write(1, line.encode())
""",
            timeout_s=30,
        )
    )
    assert result.function_error is None
    assert len("".join(machine.logs)) - before < 6 * 2**20


def test_a_spinner_left_behind_stands_still_once_the_handler_has_returned(machine: Machine) -> None:
    function = machine.deploy(
        TRY
        + """
import threading
def spin():
    while True: pass
def handler(event, context):
    if event.get("start"):
        threading.Thread(target=spin, daemon=True).start()
        if os.fork() == 0:
            os.setsid()
            spin()
    return [time.process_time()]
"""
    )
    machine.invoke(function, {"start": True})
    began = time.monotonic()
    while time.monotonic() - began < 1.5:
        machine.run(FINE)
    [used_s] = json.loads(machine.invoke(function).payload)
    assert used_s < 1.0


def test_the_machine_cannot_be_changed(machine: Machine) -> None:
    tried = machine.run(
        TRY
        + """
def write(path, text):
    with open(path, "w") as file:
        file.write(text)
def handler(event, context):
    return [attempt(write, "/proc/self/oom_score_adj", "-1000"), attempt(socket.sethostname, "mine"),
            attempt(write, "/proc/sys/kernel/pid_max", "1000"), attempt(time.clock_settime, time.CLOCK_REALTIME, 0.0),
            attempt(write, "/proc/sys/kernel/shmmni", "4096"), attempt(write, "/proc/1/oom_score_adj", "0")]
"""
    )
    assert set(tried) <= {"EACCES", "EPERM", "EROFS"}
