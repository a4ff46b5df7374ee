"""What a fork does to become another program: limits, variables and directory first, then ``execve``.

The channel closes by itself when the program starts, so its end without a message is the good news.
"""

from __future__ import annotations

import os
import resource
import signal
import socket
from typing import Any, NoReturn

from . import frames

_NOT_EXECUTED_STATUS = 127


def execute(start: dict[str, Any], channel: socket.socket) -> NoReturn:
    """Replace this process by ``start["command"]``, or say why not and end. Never returns."""
    command = start["command"]
    try:
        take_limits(start["limits"], start["niceness"])
        os.umask(0o022)
        os.chdir(start["directory"])
        # Python and the zygote ignore these, and what is ignored stays ignored in the next program.
        for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        os.execve(command[0], command, start["variables"])
    except OSError as error:
        reason = f"fork/exec {command[0]}: {(error.strerror or 'failed').lower()}"
        frames.send(channel, frames.NOT_EXECUTED, 0, reason.encode())
    os._exit(_NOT_EXECUTED_STATUS)


def take_limits(limits: dict[str, int], niceness: int) -> None:
    """Set resource limits by name, niceness, and the order in which the kernel kills when memory runs out."""
    for name, most in limits.items():
        number: int = getattr(resource, f"RLIMIT_{name}")
        _, hard = resource.getrlimit(number)
        bounded = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(number, (bounded, bounded))
    os.nice(niceness)
    try:
        # If the machine runs out of memory the kernel takes a function before it takes the server.
        with open("/proc/self/oom_score_adj", "w") as score:
            score.write("500")
    except OSError:
        return
