"""The server's side of a zygote: start it, ask it for forks, learn of exits, notice its end.

One zygote serves one interpreter. Process ids stay valid until ``reap`` is sent (see ``bascule_environment.zygote``), so
killing by id is free of races as long as every user of an id goes through ``Fork``.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import subprocess
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from bascule.kernel.invocation import RuntimeUnavailable
from bascule.runtime import usage
from bascule.runtime.isolation import Box, Root
from bascule.runtime.isolation_network import Relay
from bascule.runtime.limits import FORKS_AT_ONCE, FULL_PAUSE_S, PROCESSES_MAX, ZYGOTE_START_S_MAX
from bascule.runtime.worker.bascule_environment import sandbox

log = logging.getLogger("bascule.runtime")

_MESSAGE_BYTES_MAX = 16_384
#: Ports that lead out of a sandbox: Bascule's and the Runtime API's. count
_PORTS_MAX = 2
_PACKAGE_ROOT = Path(__file__).parent / "worker"
_ENTRY = "import sys; sys.path.insert(0, sys.argv.pop(1)); from bascule_environment.zygote import main; main()"
_KILLED = -int(signal.SIGKILL)
#: A keeper freezes and thaws everything in its sandbox; stopping it would stop only itself.
_TO_KEEPERS = {signal.SIGSTOP: sandbox.FREEZE, signal.SIGCONT: sandbox.THAW}


class Fork:
    """One forked process, until its exit was reported."""

    def __init__(self, pid: int, base_kb: int, is_sandboxed: bool = False) -> None:
        #: What to signal: the process, or the keeper of its sandbox.
        self.pid = pid
        self._is_sandboxed = is_sandboxed
        self._function_pid = 0
        #: Memory shared with the zygote from the start, which is not charged to the function. kilobytes
        self.base_kb = base_kb
        self.exit_status: int | None = None
        self._on_exit: Callable[[int], None] | None = None

    @property
    def function_pid(self) -> int:
        """The process that runs the function; what it uses is measured there. In a sandbox it is the keeper's first child."""
        if not self._is_sandboxed:
            return self.pid
        self._function_pid = self._function_pid or next(iter(usage.descendants(self.pid, 1)), 0)
        return self._function_pid or self.pid

    def family(self) -> list[int]:
        """The function's processes: all in its sandbox but the keeper, or the process and its descendants."""
        if self.exit_status is not None:
            return []
        below = usage.descendants(self.pid, PROCESSES_MAX)
        return below if self._is_sandboxed else [self.pid, *below]

    def each_of_family(self) -> Iterator[int]:
        """As ``family``, looked for while they are asked for: the function's own process, then the youngest first."""
        if self.exit_status is None:
            if (first := self.function_pid) != self.pid or not self._is_sandboxed:
                yield first
            yield from usage.youngest_first(self.pid)

    @property
    def has_ended(self) -> bool:
        """Whether the function's process is no more, told or not yet."""
        return self.exit_status is not None or usage.resident_kb(self.function_pid) == 0

    def when_exited(self, call: Callable[[int], None]) -> None:
        """Call with the exit status (negative: a signal) as soon as it is known, at once when it is already."""
        self._on_exit = call
        if self.exit_status is not None:
            call(self.exit_status)

    def exited(self, status: int) -> None:
        """The zygote reports the end; its group goes too."""
        self.kill_group()
        self.exit_status = status
        if self._on_exit is not None:
            self._on_exit(status)

    def kill_group(self) -> None:
        """Kill the process and everything in its group. Safe at any time before and after its end."""
        self.signal_group(signal.SIGKILL)

    def signal_group(self, number: signal.Signals) -> None:
        """Send a signal to the process and its group; nothing once its end is known."""
        if self.exit_status is not None:
            return
        if self._is_sandboxed and number in _TO_KEEPERS:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, _TO_KEEPERS[number])
            return
        # Until the fork leads its own group, microseconds after its birth, only the process itself can be reached.
        for send in (os.killpg, os.kill):
            try:
                send(self.pid, number)
            except (ProcessLookupError, PermissionError):
                continue
            return


class Zygote:
    """A running zygote process. Made by ``start``; forks until it ends or is stopped."""

    def __init__(self, process: subprocess.Popen[bytes], control: socket.socket, interpreter: str) -> None:
        self.interpreter = interpreter
        self.python_version = ""
        self.is_alive = True
        self._process = process
        self._control = control
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._asked: dict[str, tuple[asyncio.Future[Fork], Box | None]] = {}
        self._forks: dict[int, Fork] = {}
        #: By token; of forks that have a network of nothing but the server.
        self._relays: dict[str, Relay] = {}
        self._token_of: dict[int, str] = {}
        self._token = 0
        self._unburied: deque[int] = deque()
        self._turn = asyncio.Semaphore(FORKS_AT_ONCE)
        self._ended = asyncio.Event()
        control.setblocking(False)
        self._loop.add_reader(control.fileno(), self._readable)

    @classmethod
    async def start(
        cls, interpreter: str, library_root: Path | None, cache_root: Path | None = None, root: Root | None = None
    ) -> Zygote:
        """Start one and wait until it has imported everything.

        Takes    library_root: directory with the packages every function may import, None for a zygote whose forks execute
                 other programs; cache_root: where compiled modules go when the packages belong to another interpreter;
                 root: what functions see of this machine, for a zygote that forks into sandboxes.
        Raises   RuntimeUnavailable with the reason.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        cache = ["-X", f"pycache_prefix={cache_root}"] if cache_root else []
        command = [
            interpreter,
            "-I",
            "-S",
            *cache,
            "-c",
            _ENTRY,
            str(_PACKAGE_ROOT),
            str(theirs.fileno()),
            msgspec.json.encode(root).decode() if root else "",
            *([str(library_root)] if library_root else []),
        ]
        try:
            process = subprocess.Popen(
                command,
                pass_fds=(theirs.fileno(),),
                # No home: the person's own SDK configuration is none of a function's business.
                env={"PATH": os.defpath, "LANG": "C.UTF-8", "HOME": "/nonexistent"},
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            ours.close()
            raise RuntimeUnavailable(f"The interpreter {interpreter} cannot be started: {error.strerror}.") from error
        finally:
            theirs.close()
        zygote = cls(process, ours, interpreter)
        try:
            await asyncio.wait_for(asyncio.shield(zygote._ready), ZYGOTE_START_S_MAX)
        except TimeoutError:
            await zygote.stop()
            raise RuntimeUnavailable(
                f"The interpreter {interpreter} was not ready in {ZYGOTE_START_S_MAX:.0f} s."
            ) from None
        return zygote

    async def fork(self, channel: socket.socket, output_fd: int, box: Box | None = None) -> Fork:
        """A new process that holds these two descriptors, in a sandbox when there is one for it.

        Raises   RuntimeUnavailable when it cannot be made.
        """
        async with self._turn:
            if not self.is_alive:
                raise RuntimeUnavailable(
                    "The process that starts functions ended; it is started again on the next call."
                )
            self._token += 1
            token = str(self._token)
            answer: asyncio.Future[Fork] = self._loop.create_future()
            self._asked[token] = answer, box
            request, fds = f"fork {token} ".encode(), [channel.fileno(), output_fd]
            if box is not None:
                request += msgspec.json.encode(box)
            try:
                while not self._say(request, fds):
                    await asyncio.sleep(FULL_PAUSE_S)
            except OSError as error:
                self._asked.pop(token, None)
                reason = f"The process that starts functions does not listen: {error.strerror}."
                raise RuntimeUnavailable(reason) from error
            return await answer

    def _say(self, message: bytes, fds: list[int]) -> bool:
        """Send one message; False when the zygote has too many unread ones. Raises OSError when it is gone."""
        try:
            socket.send_fds(self._control, [message], fds)
        except BlockingIOError:
            return False
        return True

    def _bury(self) -> None:
        """Let the zygote reap what has been reported; what it cannot be told now is told a moment later."""
        try:
            while self._unburied and self._say(f"reap {self._unburied[0]}".encode(), []):
                self._unburied.popleft()
        except OSError:
            self._end()
            return
        if self._unburied and self.is_alive:
            self._loop.call_later(FULL_PAUSE_S, self._bury)

    def _readable(self) -> None:
        fds: list[int] = []
        try:
            received, fds, _, _ = socket.recv_fds(self._control, _MESSAGE_BYTES_MAX, _PORTS_MAX)
            message = received.decode()
        except BlockingIOError:
            return
        except OSError:
            message = ""
        if not message:
            self._end()
            return
        verb, _, rest = message.partition(" ")
        if verb == "forked":
            token, pid, base_kb = rest.split()
            self._forked(token, int(pid), int(base_kb))
        elif verb == "listening":
            # Said by the fork itself, so before or after the zygote says that it exists.
            self._relays[rest] = Relay([socket.socket(fileno=fd) for fd in fds])
        elif verb == "exited":
            pid, status = rest.split()
            self._exited(int(pid), int(status))
        elif verb == "refused":
            token, _, reason = rest.partition(" ")
            self._asked.pop(token)[0].set_exception(
                RuntimeUnavailable(f"A function process could not be made: {reason}.")
            )
        elif verb == "ready":
            self.python_version = rest
            self._ready.set_result(None)
        elif verb == "failed" and not self._ready.done():
            self._ready.set_exception(
                RuntimeUnavailable(f"The interpreter {self.interpreter} failed to start: {rest}.")
            )

    def _forked(self, token: str, pid: int, base_kb: int) -> None:
        answer, box = self._asked.pop(token)
        self._token_of[pid] = token
        fork = self._forks[pid] = Fork(pid, base_kb, is_sandboxed=box is not None)
        if answer.cancelled():
            fork.kill_group()
        else:
            answer.set_result(fork)

    def _exited(self, pid: int, status: int) -> None:
        if (relay := self._relays.pop(self._token_of.pop(pid), None)) is not None:
            relay.close()
        self._forks.pop(pid).exited(status)
        self._unburied.append(pid)
        if len(self._unburied) == 1:
            self._bury()

    def _end(self) -> None:
        """The zygote is gone: its forks were killed by the kernel with it, their groups are killed here."""
        if not self.is_alive:
            return
        self.is_alive = False
        self._loop.remove_reader(self._control.fileno())
        self._control.close()
        self._process.kill()
        status = self._process.wait()
        log.info("zygote of %s ended with status %s", self.interpreter, status)
        ended = RuntimeUnavailable(
            f"The process that starts functions ({self.interpreter}) ended with status {status}."
        )
        if not self._ready.done():
            self._ready.set_exception(ended)
        for answer, _ in self._asked.values():
            if not answer.done():
                answer.set_exception(ended)
        self._asked.clear()
        for relay in self._relays.values():
            relay.close()
        self._relays.clear()
        forks, self._forks = self._forks, {}
        for fork in forks.values():
            fork.exited(_KILLED)
        self._ended.set()

    async def stop(self) -> None:
        """Kill every fork and the zygote, and wait until they are gone. Twice is fine."""
        for fork in self._forks.values():
            fork.kill_group()
        if self.is_alive:
            # The zygote sees the end of its input, kills and buries its children, and exits.
            self._control.shutdown(socket.SHUT_WR)
            try:
                await asyncio.wait_for(self._ended.wait(), ZYGOTE_START_S_MAX)
            except TimeoutError:
                self._end()
