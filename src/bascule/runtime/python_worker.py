"""A Python execution environment's process, seen from the server: a fork of a zygote, its channel, its output, its limits.

The end of a phase is settled once, by whichever comes first: an answer, the deadline, the memory limit, or the process's end.
Whatever was printed before is read before the phase is settled, so log lines never come after END.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket

import msgspec

from bascule.runtime import usage
from bascule.runtime.channel import Channel
from bascule.runtime.hidden_memory import hidden_kb
from bascule.runtime.limits import HANG_UP_S_MAX, PROCESSES_MAX, SHARED_MEMORY_KB
from bascule.runtime.output import OutputReader
from bascule.runtime.phase import Phase
from bascule.runtime.ports import ExtensionNote, Outcome, OutcomeKind, Request
from bascule.runtime.response_stream import ResponseStream
from bascule.runtime.worker.bascule_environment import frames
from bascule.runtime.zygote import Fork

_KINDS = {
    frames.READY: OutcomeKind.READY,
    frames.INIT_FAILED: OutcomeKind.FAILED,
    frames.RESULT: OutcomeKind.RESULT,
    frames.FAILED: OutcomeKind.FAILED,
    frames.OVERSIZE: OutcomeKind.OVERSIZE,
}
_KILLED = -int(signal.SIGKILL)
_encode = msgspec.json.Encoder().encode


class PythonWorker:
    """Implements ``ports.Worker``."""

    def __init__(self, fork: Fork, channel_end: socket.socket, output: OutputReader, memory_mb: int) -> None:
        self.memory_used_mb = SHARED_MEMORY_KB // 1024
        self._fork = fork
        self._output = output
        self._memory_kb_max = memory_mb * 1024
        self._loop = asyncio.get_running_loop()
        self._phase = Phase(self._on_deadline, output.drain)
        self._is_dead = False
        self._channel = Channel(channel_end, self._on_message, self._on_hang_up)
        fork.when_exited(self._on_exit)

    @property
    def is_alive(self) -> bool:
        """False from the moment it ended or was told to."""
        return not self._is_dead

    def start(self, start: dict[str, object]) -> None:
        """Tell the process what it is."""
        self._channel.send(frames.START, 0, _encode(start))

    def extensions(self) -> list[ExtensionNote]:
        """None: a function with extensions runs as a program."""
        return []

    def initialise(self, wait_s: float) -> asyncio.Future[Outcome]:
        """See ``ports.Worker``."""
        return self._phase.begin(wait_s)

    def invoke(
        self, request: Request, payload: bytes, wait_s: float, stream: ResponseStream | None = None
    ) -> asyncio.Future[Outcome]:
        """See ``ports.Worker``. AWS's Python runtime answers whole, so nothing is ever streamed."""
        phase = self._phase.begin(wait_s)
        head = _encode(request)
        self._channel.send(frames.INVOKE, len(head), head + payload)
        return phase

    def _on_message(self, kind: int, peak_kb: int, body: bytes) -> None:
        used_kb = self._charge(peak_kb)
        if used_kb > self._memory_kb_max:
            self._die(Outcome(OutcomeKind.OUT_OF_MEMORY))
            return
        known = _KINDS.get(kind)
        is_expected = self._phase.is_running or kind in (frames.READY, frames.INIT_FAILED)
        if known is None or not is_expected:
            self._die(Outcome(OutcomeKind.EXITED, exit_status=_KILLED))
            return
        self._phase.settle(Outcome(known, body))

    def _charge(self, resident_kb: int) -> int:
        used_kb = max(0, resident_kb - self._fork.base_kb) + SHARED_MEMORY_KB
        self.memory_used_mb = max(self.memory_used_mb, min(used_kb, self._memory_kb_max) // 1024)
        return used_kb

    def _on_deadline(self) -> None:
        self._die(Outcome(OutcomeKind.TIMED_OUT))

    def _on_hang_up(self) -> None:
        """The channel ended. The process usually has, too; one that lives on is killed. Its exit settles the phase.

        The report of the exit may be late on a busy machine, so nothing is concluded from the time it takes.
        """
        if not self._is_dead:
            self._loop.call_later(HANG_UP_S_MAX, self._fork.kill_group)

    def _on_exit(self, status: int) -> None:
        self._channel.read_rest()
        self._bury(Outcome(OutcomeKind.EXITED, exit_status=status))

    def look(self, is_census: bool) -> None:
        """See ``ports.Worker``."""
        if self._is_dead:
            return
        function_pid = self._fork.function_pid
        own_kb = usage.resident_kb(function_pid)
        used_kb = self._charge(own_kb)
        is_over = used_kb > self._memory_kb_max
        if is_census and not is_over:
            # Of a sandbox its keeper's, who has adopted what the function let go of; the function is counted already.
            descendants = [pid for pid in usage.descendants(self._fork.pid, PROCESSES_MAX) if pid != function_pid]
            is_over = len(descendants) >= PROCESSES_MAX
            if descendants and not is_over:
                family_kb = usage.family_kb(descendants, unless_below_kb=self._memory_kb_max - used_kb)
                used_kb = self._charge(own_kb + family_kb)
                is_over = used_kb > self._memory_kb_max
            if not is_over:
                left_kb = self._memory_kb_max - used_kb
                is_over = hidden_kb([function_pid, *descendants], unless_below_kb=left_kb) > left_kb
        if is_over:
            self._die(Outcome(OutcomeKind.OUT_OF_MEMORY))

    def family(self) -> list[int]:
        """See ``ports.Worker``."""
        return self._fork.family()

    def freeze(self) -> None:
        """See ``ports.Worker``."""
        self._fork.signal_group(signal.SIGSTOP)

    def thaw(self) -> None:
        """See ``ports.Worker``."""
        self._fork.signal_group(signal.SIGCONT)

    def kill(self) -> None:
        """See ``ports.Worker``."""
        self._die(Outcome(OutcomeKind.EXITED, exit_status=_KILLED))

    def _die(self, outcome: Outcome) -> None:
        if not self._is_dead:
            self._fork.kill_group()
            self._bury(outcome)

    def _bury(self, outcome: Outcome) -> None:
        if self._is_dead:
            return
        self._is_dead = True
        self._output.close()
        self._channel.close()
        self._phase.settle(outcome)


def open_ends() -> tuple[socket.socket, socket.socket, int, int]:
    """A channel and an output pipe: our socket, its socket, our reading end, its writing end."""
    reading, writing = os.pipe()
    try:
        ours, theirs = socket.socketpair()
    except OSError:
        os.close(reading)
        os.close(writing)
        raise
    return ours, theirs, reading, writing
