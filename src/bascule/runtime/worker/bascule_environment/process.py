"""What a fresh fork does to itself before it runs anyone's code: leave nothing of the zygote, take limits, become a function.

The order matters: the death signal first (the zygote may die at any moment), descriptors before anything is read, limits
before the function's module is imported.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import fcntl
import io
import json
import os
import signal
import site
import socket
import sys
import tempfile
import time
import traceback
from typing import Any, NoReturn

from . import bootstrap, debugging, frames, sandbox
from .execution import execute, take_limits
from .faults import PathMap
from .logs import FunctionLog, LogSink, flush_streams
from .preload import forget_bundled
from .sandbox_calls import SandboxError

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_CHANNEL_FD = 3
_STATUS_FD = 4
_OUTPUT_FD = 1
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent() -> None:
    """Ask the kernel to kill this process when the thread that forked it ends."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends, so that none escapes."""
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def give_back_memory() -> None:
    """Return what the allocator holds free to the kernel; a C library that cannot is left alone."""
    with contextlib.suppress(AttributeError):
        _libc.malloc_trim(0)


def become_environment(
    channel_fd: int, output_fd: int, zygote_pid: int, box: sandbox.Box | None = None, status_fd: int = -1
) -> NoReturn:
    """Turn this fork into an execution environment and serve until the server hangs up. Never returns.

    Takes    box: the sandbox to lock it into, when it was forked by ``sandbox.fork``; status_fd: where its exit status goes then.
    """
    status = 1
    try:
        die_with_parent()
        if box is None and os.getppid() != zygote_pid:
            os._exit(1)
        os.setsid()
        channel = _take_descriptors(channel_fd, output_fd, status_fd)
        if box is None:
            adopt_orphans()
        else:
            sandbox.lock_in(box)
            # A change of user cancels the death signal. Who forked this process may have ended meanwhile.
            die_with_parent()
            if sandbox.is_abandoned(_STATUS_FD):
                os._exit(1)
            sandbox.fork_function(_STATUS_FD)
        _, _, body = frames.receive(channel)
        start: dict[str, Any] = json.loads(body)
        if "command" in start:
            execute(start, channel)
        # DATA is what may be added to the memory shared with the zygote.
        start["limits"]["DATA"] += _data_bytes()
        take_limits(start["limits"], start["niceness"])
        os.environ.clear()
        os.environ.update(start["variables"])
        status = serve(start, frames.FrameServer(channel))
    except frames.ServerGone:
        status = 0
    except SandboxError as error:
        os.write(
            _OUTPUT_FD, f"[Bascule] The function was not started, because it cannot be isolated: {error}.\n".encode()
        )
    except SystemExit as exit_:
        status = exit_status(exit_)
    except BaseException:  # noqa: BLE001 - what nothing catches ends a Python program with a traceback and status 1
        traceback.print_exc()
    finally:
        _leave(status)


def serve(start: dict[str, Any], server: bootstrap.Server) -> int:
    """Become the function that ``start`` describes and run it until the server goes; gives the status of the process."""
    log, paths = _take_identity(start)
    if start.get("debug"):
        debugging.listen(start["code_root"], start["debug"])
    try:
        return bootstrap.serve(server, start["handler"], start["response_bytes_max"], log, paths)
    except (SystemExit, frames.ServerGone):
        raise
    except BaseException:  # noqa: BLE001 - what nothing catches ends a Python program with a traceback and status 1
        sys.stderr.write(paths.shown(traceback.format_exc()))
        return 1


def _leave(status: int) -> NoReturn:
    try:
        atexit._run_exitfuncs()
        flush_streams()
    finally:
        os._exit(status)


def exit_status(exit_: SystemExit) -> int:
    if exit_.code is None:
        return 0
    if isinstance(exit_.code, int):
        return exit_.code & 0xFF
    sys.stderr.write(f"{exit_.code}\n")
    return 1


def _take_descriptors(channel_fd: int, output_fd: int, status_fd: int) -> socket.socket:
    """Keep standard input (nothing), output and error (the log pipe), the channel and the status pipe; close all else."""
    high = max(channel_fd, output_fd, status_fd, 16) + 1
    channel_copy, output_copy = _copy_above(channel_fd, high), _copy_above(output_fd, high)
    status_copy = _copy_above(status_fd, high) if status_fd >= 0 else -1
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(output_copy, 1)
    os.dup2(output_copy, 2)
    os.dup2(channel_copy, _CHANNEL_FD, inheritable=False)
    last = _CHANNEL_FD
    if status_copy >= 0:
        last = os.dup2(status_copy, _STATUS_FD, inheritable=False)
    # What is open is listed, not guessed: where a container allows a thousand million descriptors, a range takes minutes.
    for fd in [int(name) for name in os.listdir("/proc/self/fd")]:
        if fd > last:
            try:
                os.close(fd)
            except OSError:
                continue
    return socket.socket(fileno=_CHANNEL_FD)


def _copy_above(fd: int, least: int) -> int:
    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, least)


def _take_identity(start: dict[str, Any]) -> tuple[FunctionLog, PathMap]:
    """Become the function: directory, import path, streams, logging."""
    time.tzset()
    os.umask(0o022)
    os.chdir(start["code_root"])
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    standard_library = (os.path.dirname(os.__file__), f"/var/lang/lib/python3.{sys.version_info.minor}")
    runtime = (os.path.dirname(os.path.abspath(__file__)), "/var/runtime")
    paths = PathMap([*((real, shown) for real, shown in start["shown_paths"]), standard_library, runtime])
    forget_bundled(start["code_root"])
    libraries = start["library_roots"]
    own = [entry for entry in os.environ.get("PYTHONPATH", "").split(":") if entry and entry not in libraries]
    standard = [entry for entry in sys.path if entry not in libraries]
    sys.path[:] = [start["code_root"], *(paths.real(entry) for entry in own), *libraries, *standard]
    sys.argv[:] = ["bootstrap"]
    tempfile.tempdir = None
    sys.dont_write_bytecode = True
    site.setquit()
    sys.stdin = io.TextIOWrapper(open(0, "rb"), "utf-8")  # noqa: SIM115  # lives as long as the process
    sys.stdout = _stream(1)
    sys.stderr = _stream(2)
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr  # type: ignore[misc]
    return FunctionLog(LogSink(_OUTPUT_FD), paths), paths


def _stream(fd: int) -> io.TextIOWrapper:
    raw = open(fd, "wb", buffering=0, closefd=False)  # noqa: SIM115  # lives as long as the process
    # Every write reaches the pipe at once: what was printed before a kill is in the log.
    return io.TextIOWrapper(raw, "utf-8", "backslashreplace", newline="\n", write_through=True)


def _data_bytes() -> int:
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith("VmData:"):
                return int(line.split()[1]) * 1024
    return 0
