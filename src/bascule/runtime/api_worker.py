"""An execution environment that speaks the Runtime API: a runtime, perhaps extensions, one listener, one output pipe.

A phase ends when the runtime has asked for its next event and every extension has too; or with a deadline, a limit, or the
end of a process. When the environment ends and extensions are registered, the runtime gets SIGTERM and the extensions SHUTDOWN,
and a moment; without extensions everything is killed at once, as on AWS.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Coroutine

from bascule.kernel.invocation import FunctionVersion, RuntimeUnavailable
from bascule.runtime import extensions_api, runtime_api, usage
from bascule.runtime.doorkeeper import Doorkeeper
from bascule.runtime.extensions_api import ExtensionsApi, ExtensionState
from bascule.runtime.hidden_memory import hidden_kb
from bascule.runtime.http_listener import ApiAnswer, ApiRequest, HttpListener, Receiver
from bascule.runtime.launcher import NotExecutable
from bascule.runtime.limits import (
    EXIT_GRACE_S,
    PROCESSES_MAX,
    RUNTIME_SHUTDOWN_S_MAX,
    SHUTDOWN_MS,
)
from bascule.runtime.output import OutputReader
from bascule.runtime.phase import Phase
from bascule.runtime.ports import ExtensionNote, Outcome, OutcomeKind, Request
from bascule.runtime.response_stream import ResponseStream, Source
from bascule.runtime.runtime_api import Errand, RuntimeApi, refusal
from bascule.runtime.zygote import Fork

_KILLED = -int(signal.SIGKILL)
_NOT_FOUND = ApiAnswer(404, b"404 page not found\n", {"Content-Type": "text/plain; charset=utf-8"})
_NOT_OFFERED = {"/2022-07-01/telemetry": "Telemetry", "/2020-08-15/logs": "Logs"}
_SHUTDOWN_REASONS = {OutcomeKind.TIMED_OUT: "timeout"}

Launch = Callable[[Callable[[Fork], object]], Awaitable[Fork]]


class ApiWorker:
    """Implements ``ports.Worker``. Made, then ``open``, then ``start``."""

    def __init__(
        self,
        function: FunctionVersion,
        output: OutputReader,
        writing_fd: int,
        extension_names: list[str],
        *,
        now_ms: Callable[[], int],
        new_id: Callable[[], str],
        say: Callable[[str], object],
        linger: Callable[[Coroutine[None, None, None]], None],
        doorkeeper: Doorkeeper,
    ) -> None:
        self.memory_used_mb = 0
        self._output = output
        self._writing_fd = writing_fd
        self._memory_kb_max = function.memory_mb * 1024
        self._now_ms = now_ms
        self._say = say
        self._linger = linger
        self._loop = asyncio.get_running_loop()
        self._phase = Phase(self._on_deadline, output.drain)
        self._runtime = RuntimeApi(self._on_step)
        self._extensions = ExtensionsApi(function, extension_names, new_id, self._on_step)
        self._listener = HttpListener(self._handle, self._receive, doorkeeper.admit)
        self._doorkeeper = doorkeeper
        self._launch_runtime: Launch | None = None
        self._launching: asyncio.Task[None] | None = None
        self._runtime_fork: Fork | None = None
        self._extension_forks: list[Fork] = []
        self._exited: dict[Fork, asyncio.Event] = {}
        self._launches = 0
        self._is_initialised = False
        self._is_dead = False

    @property
    def is_alive(self) -> bool:
        """See ``ports.Worker``."""
        return not self._is_dead

    async def open(self) -> str:
        """Begin to listen; gives the address for ``AWS_LAMBDA_RUNTIME_API``. Raises RuntimeUnavailable."""
        try:
            await self._listener.open()
        except OSError as error:
            self.kill()
            raise RuntimeUnavailable(f"No port for the Runtime API: {error.strerror}.") from error
        return self._listener.address

    async def start(self, launch_runtime: Launch, launch_extensions: list[Launch]) -> None:
        """Start the extensions and, once they have registered, the runtime. Raises RuntimeUnavailable."""
        self._launch_runtime = launch_runtime
        try:
            for launch in launch_extensions:
                fork = await self._launch(launch)
                self._extension_forks.append(fork)
                self._follow(fork, self._on_extension_exit)
                if self._is_dead:
                    fork.kill_group()
                    return
        except NotExecutable as error:
            self._die(Outcome(OutcomeKind.EXITED, error_type="Extension.LaunchError", reason=str(error)))
        except BaseException:  # raised again below
            self.kill()
            raise
        if not launch_extensions:
            await self._start_runtime()

    async def _start_runtime(self) -> None:
        assert self._launch_runtime is not None
        try:
            fork = self._runtime_fork = await self._launch(self._launch_runtime)
        except NotExecutable as error:
            self._die(Outcome(OutcomeKind.EXITED, error_type="Runtime.InvalidEntrypoint", reason=str(error)))
            return
        except BaseException:  # raised again below
            self.kill()
            raise
        self._follow(fork, self._on_runtime_exit)
        if self._is_dead:
            fork.kill_group()
        self._close_writing()

    async def _launch(self, launch: Launch) -> Fork:
        """Start one program. The pipe stays open meanwhile: its number must not become another file's."""
        self._launches += 1
        try:
            return await launch(self._doorkeeper.born)
        finally:
            self._launches -= 1
            if self._is_dead:
                self._close_writing()

    async def _start_runtime_later(self) -> None:
        try:
            await self._start_runtime()
        except RuntimeUnavailable as error:
            self._phase.settle(Outcome(OutcomeKind.EXITED, error_type="Runtime.Unknown", reason=str(error)))

    def _follow(self, fork: Fork, on_exit: Callable[[int], None]) -> None:
        ended = self._exited[fork] = asyncio.Event()

        def exited(status: int) -> None:
            ended.set()
            self._doorkeeper.ended()
            on_exit(status)

        fork.when_exited(exited)

    def _close_writing(self) -> None:
        if self._writing_fd >= 0 and not self._launches:
            os.close(self._writing_fd)
            self._writing_fd = -1

    def extensions(self) -> list[ExtensionNote]:
        """See ``ports.Worker``."""
        return [
            ExtensionNote(extension.name, extension.state.value, sorted(extension.events))
            for extension in self._extensions.all
        ]

    def initialise(self, wait_s: float) -> asyncio.Future[Outcome]:
        """See ``ports.Worker``."""
        self._output.begin()
        phase = self._phase.begin(wait_s)
        self._on_step()
        return phase

    def invoke(
        self, request: Request, payload: bytes, wait_s: float, stream: ResponseStream | None = None
    ) -> asyncio.Future[Outcome]:
        """See ``ports.Worker``."""
        phase = self._phase.begin(wait_s)
        if not self._is_dead:
            errand = Errand(request, payload, self._now_ms() + request.remaining_ms)
            self._extensions.invoke(errand)
            self._runtime.give(errand, stream)
        return phase

    def _receive(self, request: ApiRequest, source: Source) -> Receiver | None:
        base = runtime_api.BASE_PATH
        if not request.path.startswith(f"{base}/"):
            return None
        return self._runtime.receive(ApiRequest(request.method, request.path[len(base) :], request.headers), source)

    def _handle(self, request: ApiRequest) -> ApiAnswer | asyncio.Future[ApiAnswer]:
        answer: ApiAnswer | asyncio.Future[ApiAnswer] | None = None
        for base, handle in (
            (runtime_api.BASE_PATH, self._runtime.handle),
            (extensions_api.BASE_PATH, self._extensions.handle),
        ):
            if request.path.startswith(f"{base}/"):
                path = request.path[len(base) :]
                answer = handle(ApiRequest(request.method, path, request.headers, request.body, request.is_oversize))
        if answer is None and request.method == "PUT" and (name := _NOT_OFFERED.get(request.path)):
            # Extensions are written to go on after this answer; one that is refused with an error status ends itself.
            self._say(f"[Bascule] An extension asked for the {name} API, which is not offered; it receives nothing.\n")
            answer = refusal(202, f"{name}.NotSupported", f"{name} API is not supported")
        return _NOT_FOUND if answer is None else answer

    def _on_step(self) -> None:
        """A runtime or an extension did something: start what waited for it, end what is over."""
        if self._is_dead:
            return
        if self._extensions.failure is not None:
            self._die(self._extensions.failure)
        elif self._runtime.init_error is not None:
            self._die(self._runtime.init_error)
        elif self._launching is None and self._extension_forks and self._extensions.are_registered:
            self._launching = self._loop.create_task(self._start_runtime_later())
        elif self._phase.is_running and self._runtime.is_ready and self._extensions.are_idle:
            self._end_phase()

    def _end_phase(self) -> None:
        if self._charge() > self._memory_kb_max:
            self._die(Outcome(OutcomeKind.OUT_OF_MEMORY))
        elif not self._is_initialised:
            self._is_initialised = self._extensions.is_closed = True
            self._phase.settle(Outcome(OutcomeKind.READY))
        elif self._runtime.answer is not None:
            self._phase.settle(self._runtime.answer)

    def _forks(self) -> list[Fork]:
        forks = [] if self._runtime_fork is None else [self._runtime_fork]
        return [fork for fork in forks + self._extension_forks if fork.exit_status is None]

    def _charge(self, more_kb: int = 0) -> int:
        used_kb = more_kb + sum(usage.peak_kb(fork.function_pid) for fork in self._forks())
        self.memory_used_mb = max(self.memory_used_mb, min(used_kb, self._memory_kb_max) // 1024)
        return used_kb

    def look(self, is_census: bool) -> None:
        """See ``ports.Worker``."""
        if self._is_dead:
            return
        used_kb = self._charge()
        is_over = used_kb > self._memory_kb_max
        if is_census and not is_over:
            descendants: list[int] = []
            for fork in self._forks():
                # Of a sandbox its keeper's; the program itself is counted already.
                family = usage.descendants(fork.pid, PROCESSES_MAX)
                descendants += [pid for pid in family if pid != fork.function_pid]
            is_over = len(descendants) >= PROCESSES_MAX
            if descendants and not is_over:
                family_kb = usage.family_kb(descendants, unless_below_kb=self._memory_kb_max - used_kb)
                used_kb = self._charge(family_kb)
                is_over = used_kb > self._memory_kb_max
            if not is_over:
                pids = [fork.function_pid for fork in self._forks()] + descendants
                left_kb = self._memory_kb_max - used_kb
                is_over = hidden_kb(pids, unless_below_kb=left_kb) > left_kb
        if is_over:
            self._die(Outcome(OutcomeKind.OUT_OF_MEMORY))

    def family(self) -> list[int]:
        """See ``ports.Worker``."""
        return [pid for fork in self._forks() for pid in fork.family()]

    def freeze(self) -> None:
        """See ``ports.Worker``."""
        for fork in self._forks():
            fork.signal_group(signal.SIGSTOP)

    def thaw(self) -> None:
        """See ``ports.Worker``."""
        for fork in self._forks():
            fork.signal_group(signal.SIGCONT)

    def kill(self) -> None:
        """See ``ports.Worker``. Extensions that asked for it have a moment more, which ``EnvironmentFactory.stop`` waits for."""
        self._die(Outcome(OutcomeKind.EXITED, exit_status=_KILLED), shutdown_reason="spindown")

    def _on_runtime_exit(self, status: int) -> None:
        if self._is_dead:
            return
        if not self._phase.is_running:
            self._die(Outcome(OutcomeKind.EXITED, exit_status=status))
            return
        # What it sent last may still be on its way through the listener.
        self._loop.call_later(EXIT_GRACE_S, self._end_early, Outcome(OutcomeKind.EXITED, exit_status=status))

    def _on_deadline(self) -> None:
        self._end_early(Outcome(OutcomeKind.TIMED_OUT))

    def _end_early(self, outcome: Outcome) -> None:
        """The environment ends; an answer that has been given counts, whatever came after it."""
        runtime = self._runtime
        is_answered = self._phase.is_running and runtime.answer is not None and not runtime.is_cut_off
        self._die((runtime.answer if is_answered else None) or outcome)

    def _on_extension_exit(self, status: int) -> None:
        if not self._is_dead:
            reason = f"exit code {status}" if status >= 0 else f"signal {-status}"
            self._die(Outcome(OutcomeKind.EXITED, error_type="Extension.Crash", reason=reason))

    def _die(self, outcome: Outcome, shutdown_reason: str = "") -> None:
        if self._is_dead:
            return
        self._is_dead = True
        reason = shutdown_reason or _SHUTDOWN_REASONS.get(outcome.kind, "failure")
        if self._launching is not None:
            self._launching.cancel()
        is_anyone_told = any(extension.state is not ExtensionState.STARTED for extension in self._extensions.all)
        if is_anyone_told and self._forks():
            self._phase.settle(outcome)
            self._linger(self._shut_down(reason))
        else:
            self._bury()
            self._phase.settle(outcome)

    async def _shut_down(self, reason: str) -> None:
        """Let the runtime, then the external extensions, finish; kill what has not ended in its time."""
        deadline_s = self._loop.time() + SHUTDOWN_MS / 1000
        self.thaw()
        runtime = self._runtime_fork
        if runtime is not None and reason == "spindown":
            runtime.signal_group(signal.SIGTERM)
            await self._ended([runtime], RUNTIME_SHUTDOWN_S_MAX)
        if runtime is not None:
            runtime.kill_group()
        if any(extensions_api.SHUTDOWN in extension.events for extension in self._extensions.all):
            self._extensions.shutdown(reason, self._now_ms() + int((deadline_s - self._loop.time()) * 1000))
            await self._ended(self._extension_forks, deadline_s - self._loop.time())
        self._bury()

    async def _ended(self, forks: list[Fork], wait_s: float) -> None:
        waits = [asyncio.ensure_future(self._exited[fork].wait()) for fork in forks]
        _, late = await asyncio.wait(waits, timeout=max(0.0, wait_s))
        for wait in late:
            wait.cancel()

    def _bury(self) -> None:
        for fork in self._forks():
            fork.kill_group()
        self._close_writing()
        self._listener.close()
        self._output.close()
