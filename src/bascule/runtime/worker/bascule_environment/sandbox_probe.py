"""Finds out whether this machine can isolate functions, by isolating one. ``bascule.runtime.isolation`` runs it as a program.

It goes the way of a real function, looks around from inside, and prints what it found: ``ok``, or the step that failed.
"""

from __future__ import annotations

import os
import signal
import sys

from . import sandbox, sandbox_root
from .sandbox_calls import SandboxError

_KEEPER_PID = 1


def main() -> None:
    """Entry point: ``argv`` is an empty directory for a mount, one that plays package and ``/tmp``, and whether the network is
    to be restricted.
    """
    scratch, place, wants_network_limit = sys.argv[1:]
    try:
        ports = [1024] if wants_network_limit == "yes" else None
        root = sandbox_root.enter(scratch, "", [])
        box = sandbox.Box(root, code_root=place, layer_root="", tmp_dir=place, tmp_mb=1, ports=ports)
        sandbox.keep_tmp(box)
        reading, writing = os.pipe()
        pid = sandbox.fork(box)
        if pid == 0:
            _inside(box, writing)
        os.close(writing)
        with os.fdopen(reading) as said:
            sys.stdout.write(said.read() or "the first process of a sandbox ended at once")
    except (SandboxError, OSError) as error:
        sys.stdout.write(_words(error))


def _inside(box: sandbox.Box, writing: int) -> None:
    try:
        for listener in sandbox.open_listeners(box):
            listener.close()
        sandbox.lock_in(box)
        os.write(writing, (_wrong() or "ok").encode())
    except (SandboxError, OSError) as error:
        os.write(writing, _words(error).encode())
    finally:
        os._exit(0)


def _words(error: Exception) -> str:
    return str(error) if isinstance(error, SandboxError) else f"{type(error).__name__}: {error}"


def _wrong() -> str:
    """What is not as it should be inside, in words."""
    if os.getpid() != _KEEPER_PID or os.listdir("/proc/1/task") != ["1"]:
        return "other processes are seen"
    if os.path.exists(sandbox_root.HOST + "/etc"):
        return "the machine's files are seen"
    if os.getuid() != sandbox_root.FUNCTION_UID:
        return "the user is not the function's"
    try:
        os.kill(os.getppid() or 2, signal.SIGCONT)
    except ProcessLookupError:
        return ""
    return "other processes can be signalled"
