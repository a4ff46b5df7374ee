"""One execution environment: the place where invocations of one function version run, one at a time.

It outlives its process. After a timeout or a crash the process is gone, but the log stream and the temporary directory stay, and
the next invocation initialises a new process inside its own time, as on AWS.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from bascule.kernel.clock import Clock
from bascule.kernel.invocation import FunctionVersion, Invocation, InvocationResult
from bascule.runtime.environment_log import EnvironmentLog
from bascule.runtime.failures import EXIT_ERROR, OUT_OF_MEMORY, error_object, failure_payload
from bascule.runtime.limits import INIT_S_MAX
from bascule.runtime.ports import ON_DEMAND, PROVISIONED, Outcome, OutcomeKind, Request, Worker
from bascule.runtime.report import Measures, Reporter
from bascule.runtime.response_stream import ResponseStream
from bascule.runtime.tmp_limit import TmpLimit

_STATUS = {
    OutcomeKind.TIMED_OUT: ("timeout", ""),
    OutcomeKind.EXITED: ("error", EXIT_ERROR),
    OutcomeKind.OUT_OF_MEMORY: ("error", OUT_OF_MEMORY),
}


class Environment:
    """Runs invocations of ``function`` in a process that ``start_worker`` makes."""

    def __init__(
        self,
        function: FunctionVersion,
        *,
        clock: Clock,
        log: EnvironmentLog,
        runtime_version: Callable[[], str],
        start_worker: Callable[[], Awaitable[Worker]],
        tmp: TmpLimit,
        initialization: str = ON_DEMAND,
    ) -> None:
        self.function = function
        #: Initialised ahead and kept; see ``kept``.
        self.is_kept = initialization == PROVISIONED
        self.log = log
        self.idle_since_s = 0.0
        self.busy_since_s = 0.0
        self.is_retired = False
        self.is_frozen = False
        #: When the credentials of its process end; None: never.
        self.credentials_end_ms: int | None = None
        self._clock = clock
        self._reporter = Reporter(function, runtime_version, initialization)
        self._start_worker = start_worker
        self._tmp = tmp
        self._worker: Worker | None = None
        self._is_fresh = True
        #: Its process is not up yet: the machine works for it, whatever its function does.
        self.is_starting = True
        self._started_ns = 0
        #: A debugger may have the process wait for a person, during init too.
        self._init_s_max = INIT_S_MAX if function.debug is None else float(function.timeout_s)
        self._loop = asyncio.get_running_loop()

    @property
    def worker(self) -> Worker | None:
        """The process that it has now or had last."""
        return self._worker

    def begin(self, invocation: Invocation, trace: str) -> asyncio.Future[Outcome] | None:
        """Hand an invocation to a process that is up, for ``finish``; None when ``run`` must start a process first.

        Nearly every invocation comes this way, which needs no task of its own.
        """
        if self._is_fresh or not self.is_ready:
            return None
        assert self._worker is not None
        self._thaw()
        self._open(invocation)
        self._say_start(invocation)
        return self._send(self._worker, invocation, trace, float(self.function.timeout_s))

    def finish(self, invocation: Invocation, outcome: Outcome, trace: str) -> InvocationResult:
        """What came of an invocation that ``begin`` handed over."""
        return self._conclude(invocation, outcome, self._verdict(outcome), None, trace)

    async def run(self, invocation: Invocation, trace: str, stream: ResponseStream | None = None) -> InvocationResult:
        """Run one invocation to its end. Raises RuntimeUnavailable when no process can be started.

        Takes    where the answer goes while it is made, when the caller wants it so.
        """
        self._thaw()
        self.log.begin(wants_tail=False)
        init_ms = await self._init_phase() if self._is_fresh else None
        self._open(invocation)
        left_s = timeout_s = float(self.function.timeout_s)
        failure: Outcome | None = None
        if self._worker is None or not self._worker.is_alive:
            started_s = self._loop.time()
            failure = await self._initialise("invoke", timeout_s)
            left_s = max(0.0, timeout_s - (self._loop.time() - started_s))
        # After the lines of an initialisation that belongs to the invocation, as on AWS.
        self._say_start(invocation)
        if failure is not None:
            return self._conclude(invocation, failure, self._init_verdict(failure), init_ms, trace)
        assert self._worker is not None
        outcome = await self._send(self._worker, invocation, trace, left_s, stream)
        return self._conclude(invocation, outcome, self._verdict(outcome), init_ms, trace)

    def _thaw(self) -> None:
        if self.is_frozen and self._worker is not None:
            self.is_frozen = False
            self._worker.thaw()

    def _open(self, invocation: Invocation) -> None:
        """From here on time, log lines and tail belong to this invocation."""
        self.log.begin(invocation.wants_log_tail)
        self._started_ns = self._clock.monotonic_ns()

    def _say_start(self, invocation: Invocation) -> None:
        self.log.say(self._reporter.start(self._clock.now_ms(), invocation.request_id))

    @staticmethod
    def _send(
        worker: Worker, invocation: Invocation, trace: str, left_s: float, stream: ResponseStream | None = None
    ) -> asyncio.Future[Outcome]:
        request = Request(
            invocation.request_id, invocation.invoked_arn, int(left_s * 1000), trace, invocation.client_context
        )
        return worker.invoke(request, invocation.payload or b"{}", left_s, stream)

    @property
    def is_ready(self) -> bool:
        """Whether its process lives, so that an invocation begins with the handler."""
        return self._worker is not None and self._worker.is_alive

    def is_expiring(self, left_ms_min: int) -> bool:
        """Whether its credentials end before that time is over."""
        end_ms = self.credentials_end_ms
        return end_ms is not None and end_ms - self._clock.now_ms() < left_ms_min

    async def prepare(self, wait_s: float) -> Outcome | None:
        """Initialise ahead of any invocation; gives the failure, if any. Raises RuntimeUnavailable."""
        self._is_fresh = False
        self.log.begin(wants_tail=False)
        try:
            return await self._initialise("init", wait_s)
        finally:
            self.log.end()

    async def _init_phase(self) -> float | None:
        """The first initialisation, with its own limit; gives its duration, None when it must be repeated."""
        self._is_fresh = False
        started_ns = self._clock.monotonic_ns()
        failure = await self._initialise("init", self._init_s_max)
        return None if failure else self._ms_since(started_ns)

    def _ms_since(self, started_ns: int) -> float:
        """A measured duration. The loop's own time is too coarse for it: uvloop's moves by whole milliseconds."""
        return (self._clock.monotonic_ns() - started_ns) / 1_000_000

    async def _initialise(self, phase: str, wait_s: float) -> Outcome | None:
        """Start a process and import the function; gives the failure, if any, after ending the process."""
        self.is_starting = True
        try:
            return await self._initialised(phase, wait_s)
        finally:
            self.is_starting = False

    async def _initialised(self, phase: str, wait_s: float) -> Outcome | None:
        started_s, started_ns = self._loop.time(), self._clock.monotonic_ns()
        worker = self._worker = await self._start_worker()
        if phase == "init":
            self.log.say(self._reporter.init_start(self._clock.now_ms()))
        left_s = max(0.0, wait_s - (self._loop.time() - started_s))
        outcome = await worker.initialise(left_s)
        init_ms = self._ms_since(started_ns)
        for note in worker.extensions():
            self.log.say(self._reporter.extension(self._clock.now_ms(), note))
        if outcome.kind is OutcomeKind.READY:
            self.log.say(self._reporter.init_done(self._clock.now_ms(), phase, init_ms))
            return None
        worker.kill()
        status, error_type = self._init_verdict(outcome)
        self.log.say(self._reporter.init_failed(self._clock.now_ms(), phase, init_ms, status, error_type))
        return outcome

    @staticmethod
    def _init_verdict(outcome: Outcome) -> tuple[str, str]:
        """Status and error type, as log lines have them, of an initialisation that failed, whoever reported it."""
        status, error_type = _STATUS.get(outcome.kind, ("error", error_object(outcome.body).error_type))
        return status, outcome.error_type or error_type

    @staticmethod
    def _verdict(outcome: Outcome) -> tuple[str, str]:
        """Status and error type of an invocation: errors that the function's runtime reports are a success of the platform."""
        status, error_type = _STATUS.get(outcome.kind, ("success", ""))
        if outcome.kind is OutcomeKind.EXITED:
            error_type = outcome.error_type or error_type
        return status, error_type

    def _conclude(
        self, invocation: Invocation, outcome: Outcome, verdict: tuple[str, str], init_ms: float | None, trace: str
    ) -> InvocationResult:
        log, is_success = self.log, outcome.kind is OutcomeKind.RESULT
        duration_ms = self._ms_since(self._started_ns)
        if outcome.kind is OutcomeKind.TIMED_OUT:
            duration_ms = max(duration_ms, self.function.timeout_s * 1000.0)
        memory_mb = self._worker.memory_used_mb if self._worker else 0
        status, error_type = verdict
        measures = Measures(
            duration_ms=duration_ms,
            memory_used_mb=memory_mb,
            init_ms=init_ms,
            status=status,
            error_type=error_type,
            produced_bytes=len(outcome.body) if is_success else 0,
        )
        sampled_trace = trace if invocation.trace_header else ""
        log.say(self._reporter.end(self._clock.now_ms(), invocation.request_id, measures, sampled_trace))
        payload = (
            outcome.body
            if is_success
            else failure_payload(outcome, invocation.request_id, float(self.function.timeout_s))
        )
        error = None if is_success else error_object(payload)
        result = InvocationResult(
            payload=payload,
            function_error=None if is_success else "Unhandled",
            executed_version=self.function.version,
            log_tail=log.tail(),
            duration_ms=duration_ms,
            init_ms=init_ms,
            memory_used_mb=memory_mb,
            log_stream=log.stream,
            error_type=error.error_type if error else "",
            error_message=error.error_message if error else "",
        )
        log.end()
        return result

    def freeze(self) -> None:
        """No invocation is running: what the function left running stops until the next."""
        if self._worker is not None and not self.is_frozen:
            self.is_frozen = True
            self._worker.freeze()

    def look(self, is_census: bool) -> None:
        """The watch passes by: limits are checked, log lines so far go out."""
        if self._worker is not None:
            self._worker.look(is_census)
            if is_census:
                self._look_at_tmp(self._worker)
        self.log.flush()

    def _look_at_tmp(self, worker: Worker) -> None:
        self._tmp.look()
        if self._tmp.is_over:
            words = f"more than its {self.function.tmp_mb} MB. The process was ended and the directory emptied."
            self.log.say([f"[Bascule] The temporary directory held {words}\n"])
            worker.kill()
            self._tmp.empty()

    def close(self) -> None:
        """End the process, if any."""
        if self._worker is not None:
            self._worker.kill()
        self.log.flush()
