"""The zygote: a process that has imported everything once and forks an execution environment whenever it is asked.

It has one thread and runs nobody's code, so a fork of it is always sound. Requests come over a SOCK_SEQPACKET socket with
the new environment's descriptors attached. It reaps its children only when the server says so: until then a process id
cannot be reused, and the server may signal it without a race. When the server goes, everything is killed.

Messages in: ``fork TOKEN [BOX]`` (with two descriptors: channel, output; BOX is the JSON of ``sandbox.Box``), ``reap PID``.
Out: ``ready PYTHON``, ``forked TOKEN PID BASE_KB``, ``refused TOKEN REASON``, ``exited PID STATUS`` (negative: a signal),
``listening TOKEN`` (with sockets to accept from, sent by the fork itself), ``failed REASON``.
"""

from __future__ import annotations

import gc
import json
import os
import platform
import select
import signal
import socket
import sys
from collections.abc import Iterator
from typing import Any

from . import sandbox, sandbox_root
from .preload import preload, warm
from .process import adopt_orphans, become_environment, give_back_memory
from .sandbox_calls import SandboxError
from .sandbox_root import SandboxRoot

_MESSAGE_BYTES_MAX = 16_384


class Zygote:
    """Forks, watches and reaps environments on behalf of the server at the other end of ``control``."""

    def __init__(self, control: socket.socket, root: SandboxRoot | None) -> None:
        self._control = control
        self._root = root
        self._poll = select.poll()
        self._poll.register(control.fileno(), select.POLLIN)
        self._pid_of: dict[int, int] = {}
        self._dead: set[int] = set()
        #: Where the keepers of sandboxes write how the function ended, by process id.
        self._status_fd_of: dict[int, int] = {}

    def run(self) -> None:
        """Serve until the server goes."""
        self._say(f"ready {platform.python_version()}")
        steps: Iterator[None] | None = warm()
        while True:
            ready = self._poll.poll(0 if steps else None)
            if not ready and steps:
                steps = steps if self._warm_one(steps) else None
            for fd, _ in ready:
                if fd in self._pid_of:
                    self._report_exit(fd)
                elif not self._take_request():
                    self._kill_all()
                    return

    @staticmethod
    def _warm_one(steps: Iterator[None]) -> bool:
        """One step of warming; False when there is none left. What fails to warm is merely slower later."""
        try:
            next(steps)
        except StopIteration:
            # Freezing takes these objects out of garbage collection for good: a collection in a fork would write to
            # the header of each of them and so copy every page.
            gc.collect()
            give_back_memory()
            gc.freeze()
            return False
        return True

    def _say(self, message: str) -> None:
        try:
            self._control.send(message.encode()[:_MESSAGE_BYTES_MAX])
        except OSError:
            self._kill_all()
            os._exit(0)

    def _take_request(self) -> bool:
        try:
            message, fds, _, _ = socket.recv_fds(self._control, _MESSAGE_BYTES_MAX, 2)
        except ConnectionError:
            return False
        if not message:
            return False
        verb, _, argument = message.decode().partition(" ")
        if verb == "fork":
            self._fork(argument, fds)
        elif verb == "reap":
            self._reap(int(argument))
        for fd in fds:
            os.close(fd)
        return True

    def _fork(self, argument: str, fds: list[int]) -> None:
        token, _, asked = argument.partition(" ")
        base_kb = _anonymous_kb()
        zygote_pid = os.getpid()
        gc.freeze()
        try:
            if asked:
                pid = self._fork_into_sandbox(token, json.loads(asked), fds)
            else:
                pid = os.fork()
        except (OSError, SandboxError) as error:
            self._say(f"refused {token} {error}")
            return
        if pid == 0:
            become_environment(fds[0], fds[1], zygote_pid)
        self._say(f"forked {token} {pid} {base_kb}")
        pid_fd = os.pidfd_open(pid)
        self._pid_of[pid_fd] = pid
        self._poll.register(pid_fd, select.POLLIN)

    def _fork_into_sandbox(self, token: str, asked: dict[str, Any], fds: list[int]) -> int:
        if self._root is None:
            raise SandboxError("this process has no root directory for functions")
        box = sandbox.Box(self._root, **asked)
        sandbox.keep_tmp(box)
        reading, writing = os.pipe()
        try:
            pid = sandbox.fork(box)
        except OSError:
            os.close(reading)
            os.close(writing)
            raise
        if pid == 0:
            self._hand_over_listeners(token, box)
            become_environment(fds[0], fds[1], 0, box, writing)
        os.close(writing)
        os.set_blocking(reading, False)
        self._status_fd_of[pid] = reading
        return pid

    def _hand_over_listeners(self, token: str, box: sandbox.Box) -> None:
        """In the fork, before it lets go of ``control``: the server accepts what a function connects to."""
        if box.ports:
            listeners = sandbox.open_listeners(box)
            socket.send_fds(self._control, [f"listening {token}".encode()], [each.fileno() for each in listeners])

    def _report_exit(self, pid_fd: int) -> None:
        pid = self._pid_of.pop(pid_fd)
        self._poll.unregister(pid_fd)
        ended = os.waitid(os.P_PIDFD, pid_fd, os.WEXITED | os.WNOWAIT)
        os.close(pid_fd)
        self._dead.add(pid)
        assert ended is not None
        status = ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status
        status = self._status_from_keeper(pid, status)
        self._say(f"exited {pid} {status}")

    def _status_from_keeper(self, pid: int, status: int) -> int:
        status_fd = self._status_fd_of.pop(pid, -1)
        if status_fd < 0:
            return status
        try:
            told = os.read(status_fd, 16)
        except BlockingIOError:
            told = b""
        os.close(status_fd)
        return int(told) if told else status

    def _reap(self, pid: int) -> None:
        """Bury a dead environment, then every descendant it left behind, whatever group they moved to."""
        if pid not in self._dead:
            return
        self._dead.discard(pid)
        os.waitpid(pid, 0)
        known = set(self._pid_of.values()) | self._dead
        while strays := [child for child in _children() if child not in known]:
            for stray in strays:
                os.kill(stray, signal.SIGKILL)
            for stray in strays:
                os.waitpid(stray, 0)

    def _kill_all(self) -> None:
        for pid in [*self._pid_of.values(), *self._dead]:
            try:
                os.killpg(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        while strays := _children():
            for stray in strays:
                os.kill(stray, signal.SIGKILL)
            for stray in strays:
                os.waitpid(stray, 0)


def _children() -> list[int]:
    with open(f"/proc/self/task/{os.getpid()}/children") as listing:
        return [int(pid) for pid in listing.read().split()]


def _anonymous_kb() -> int:
    """Memory that a fork starts with and shares: resident pages that are not a file's."""
    with open("/proc/self/statm") as statm:
        _, resident, shared, *_ = statm.read().split()
    return (int(resident) - int(shared)) * (os.sysconf("SC_PAGE_SIZE") // 1024)


def main() -> None:
    """Entry point: ``argv`` is the control descriptor, what the functions' root is made of (arguments of
    ``sandbox_root.enter`` as JSON, or ""), and the directory to import bundled packages from, if any.

    Without the last nothing is imported ahead: the forks execute other programs.
    """
    control = socket.socket(fileno=int(sys.argv[1]))
    asked, *libraries = sys.argv[2:]
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    root = None
    try:
        if asked:
            root = sandbox_root.enter(**json.loads(asked))
            libraries = [sandbox_root.PACKAGES for _ in libraries]
        # The first entry is where this package was found; functions must not find it, nor what lies beside it.
        sys.path[:] = [*sys.path[1:], *libraries]
        adopt_orphans()
        if libraries:
            preload()
    except Exception as error:  # noqa: BLE001 - reported to the server, which says it to the caller
        control.send(f"failed {type(error).__name__}: {error}".encode()[:_MESSAGE_BYTES_MAX])
        return
    gc.collect()
    gc.freeze()
    Zygote(control, root).run()
