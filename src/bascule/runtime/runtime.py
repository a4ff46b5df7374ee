"""The function runtime: admits an invocation, finds or makes an execution environment, runs it, answers.

The way of an invocation: ``concurrency`` admits it, ``fleet`` finds an environment or has ``environment_maker`` make one,
``environment`` runs its phases, a worker (``python_worker``) carries the bytes. All of it lives on one event loop and in
memory: an asynchronous invocation is durable in its queue until the caller settles it, and a synchronous one is not
persisted, as on AWS.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bascule.kernel.clock import Clock
from bascule.kernel.ids import Ids
from bascule.kernel.invocation import (
    FunctionVersion,
    Invocation,
    InvocationResult,
    Provision,
    Provisioned,
    RuntimeUnavailable,
)
from bascule.kernel.metrics import Metrics
from bascule.kernel.settings import Settings
from bascule.kernel.streaming import StreamedInvocation
from bascule.runtime.concurrency import Admission, Concurrency, Place
from bascule.runtime.credentials import OpenSession, account_credentials
from bascule.runtime.environment import Environment
from bascule.runtime.environment_maker import EnvironmentMaker
from bascule.runtime.fleet import Fleet
from bascule.runtime.governor import Governor
from bascule.runtime.kept import KeptEnvironments
from bascule.runtime.live import Live
from bascule.runtime.ports import PROVISIONED, CodeSource, LogSink, Outcome
from bascule.runtime.response_stream import ResponseStream
from bascule.runtime.watch import Watch

STOPPED = "Bascule stopped while the function ran."


class FunctionRuntime:
    """Executes functions in processes of this machine. Use from one event loop; ``start`` first, ``stop`` last."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        ids: Ids,
        code: CodeSource,
        logs: LogSink,
        base_url: Callable[[], str],
        work_dir: Path,
        open_session: OpenSession = account_credentials,
        metrics: Metrics | None = None,
    ) -> None:
        """``open_session`` makes the credentials of a function; see ``credentials``."""
        self._settings = settings
        self._clock = clock
        self._ids = ids
        self._concurrency = Concurrency(settings.concurrency_max)
        self._metrics = metrics or Metrics()
        self._maker = EnvironmentMaker(
            settings, clock, ids, code, logs, base_url, work_dir.absolute(), open_session, self._metrics
        )
        #: What functions are locked in with, and what is missing of it on this machine.
        self.isolation = self._maker.isolation
        self._running: set[asyncio.Future[Any]] = set()
        self._streamed: set[asyncio.Task[InvocationResult]] = set()
        self._loop: asyncio.AbstractEventLoop
        self._fleet: Fleet
        self._governor: Governor
        self._watch: Watch
        self._kept: KeptEnvironments
        #: Functions that run a folder somebody edits; see ``bascule dev``.
        self.live = Live(
            self._maker.packages,
            self._maker.feed,
            lambda: ids.token(16),
            self._maker.make,
            self._maker.close,
            lambda: self._fleet,
        )
        self._is_stopping = True
        #: Digests of the packages that functions of an earlier server of this directory ran from, or were prepared with.
        self.packages_left: frozenset[str] = frozenset()

    async def start(self) -> None:
        """Make the work directory clean and begin. Costs a few milliseconds: interpreters start on first need."""
        self._loop = asyncio.get_running_loop()
        self.packages_left = await asyncio.to_thread(self._maker.clean)
        self.isolation.look()
        self._fleet = Fleet(self._settings.environments_max, self._maker.make, self._maker.close)
        self._governor = Governor(self._fleet)
        self._watch = Watch(self._fleet, self._governor, self._settings.environment_idle_ms / 1000)
        self._kept = KeptEnvironments(
            self._fleet,
            self._watch,
            self._concurrency,
            self._settings.environments_max,
            lambda function: self._maker.make(function, PROVISIONED),
            self._maker.close,
            self._metrics,
        )
        self._is_stopping = False

    async def invoke(self, invocation: Invocation) -> InvocationResult:
        """Run a function once.

        Gives    how it ended; a function that fails is a result with ``function_error``.
        Raises   InvocationThrottled at a concurrency limit; RuntimeUnavailable when this machine cannot run it, or when the
                 server stops meanwhile.
        Promise  cancelling the caller does not stop the function: it runs to its end, as when a client hangs up.
        """
        if (code := self.live.code_of(invocation.function)) is not None:
            return await self.live.run(code, invocation, self._admitted)
        return await self._admitted(invocation)

    async def _admitted(self, invocation: Invocation) -> InvocationResult:
        environment, admission = self._begin(invocation.function)
        trace = invocation.trace_header or self._new_trace()
        try:
            phase = environment.begin(invocation, trace)
        except BaseException:  # raised again below
            self._leave(environment, admission, is_usable=False)
            raise
        if phase is None:
            task = asyncio.create_task(self._start_and_run(environment, invocation, trace, admission))
            self._keep(task)
            return await asyncio.shield(task)
        self._keep(phase)
        return await self._end_of(phase, environment, invocation, trace, admission)

    async def invoke_streamed(self, asked: StreamedInvocation) -> InvocationResult | ResponseStream:
        """Run a function once and give its answer as soon as it begins to come.

        Gives    the answer in the making, or how the invocation ended when the function answered whole or not at all.
        Raises   as ``invoke``, before anything was answered.
        Promise  the function runs to its end, whoever reads its answer; ``asked.ended`` is called then.
        """
        invocation = asked.invocation
        stream = ResponseStream(invocation.function.version)

        async def go(invocation: Invocation) -> InvocationResult:
            environment, admission = self._begin(invocation.function)
            trace = invocation.trace_header or self._new_trace()
            return await self._start_and_run(environment, invocation, trace, admission, stream)

        code = self.live.code_of(invocation.function)
        run = asyncio.create_task(go(invocation) if code is None else self.live.run(code, invocation, go))
        self._keep(run)
        self._streamed.add(run)

        def done(_: object) -> None:
            self._streamed.discard(run)
            if not run.cancelled() and run.exception() is None:
                asked.ended(run.result(), stream.written_bytes)

        run.add_done_callback(done)
        stream.follow(run)
        try:
            await asyncio.shield(stream.is_decided)
        except asyncio.CancelledError:
            stream.abandon()
            raise
        return stream if stream.has_begun else run.result()

    @property
    def is_streaming(self) -> bool:
        """Whether an invocation of ``invoke_streamed`` is under way."""
        return bool(self._streamed)

    def _end_of(
        self,
        phase: asyncio.Future[Outcome],
        environment: Environment,
        invocation: Invocation,
        trace: str,
        admission: Admission | None,
    ) -> asyncio.Future[InvocationResult]:
        """What a caller waits for. It may be cancelled: the environment is given back when the phase ends, not before."""
        answer: asyncio.Future[InvocationResult] = self._loop.create_future()

        def ended(phase: asyncio.Future[Outcome]) -> None:
            is_usable = False
            failure: BaseException | None = None
            try:
                result = environment.finish(invocation, phase.result(), trace)
                is_usable = True
                failure = RuntimeUnavailable(STOPPED) if self._is_cut_off(result) else None
            except Exception as error:  # noqa: BLE001 - the top of a callback: whatever it was, the caller gets it
                failure = error
            finally:
                self._leave(environment, admission, is_usable=is_usable)
            if not answer.done():
                if failure is None:
                    answer.set_result(result)
                else:
                    answer.set_exception(failure)

        phase.add_done_callback(ended)
        return answer

    async def _start_and_run(
        self,
        environment: Environment,
        invocation: Invocation,
        trace: str,
        admission: Admission | None,
        stream: ResponseStream | None = None,
    ) -> InvocationResult:
        is_usable = False
        try:
            result = await environment.run(invocation, trace, stream)
            is_usable = True
        finally:
            self._leave(environment, admission, is_usable=is_usable)
        if self._is_cut_off(result):
            raise RuntimeUnavailable(STOPPED)
        return result

    def _begin(self, function: FunctionVersion) -> tuple[Environment, Admission | None]:
        """What an invocation runs in from now on, and what it holds of the limits. Raises as ``invoke``."""
        self._maker.factory_of(function.runtime)  # refuses an unknown runtime before anything is counted
        if self._is_stopping:
            raise RuntimeUnavailable("Bascule is stopping.")
        environment, admission = self._admit(function)
        environment.busy_since_s = self._loop.time()
        self._watch.wake()
        return environment, admission

    def _admit(self, function: FunctionVersion) -> tuple[Environment, Admission | None]:
        """An environment that is kept ready, whose place is its own; else one on demand, and what it holds of the limits."""
        if (kept := self._kept.take(function)) is not None:
            return kept, None
        admission = self._concurrency.enter(function)
        try:
            return self._fleet.take(function), admission
        except BaseException:  # raised again below
            self._concurrency.leave(admission)
            raise

    def _leave(self, environment: Environment, admission: Admission | None, *, is_usable: bool) -> None:
        if environment.is_kept:
            self._kept.give_back(environment, is_usable=is_usable)
        else:
            self._fleet.give_back(environment, is_usable=is_usable)
        if admission is not None:
            self._concurrency.leave(admission)

    def _is_cut_off(self, result: InvocationResult) -> bool:
        """Whether the function failed because the server stops."""
        return self._is_stopping and result.function_error is not None

    def _keep(self, running: asyncio.Future[Any]) -> None:
        """Something runs that ``stop`` waits for. Whoever asked for it may have gone: its failure is nobody's then."""
        self._running.add(running)
        running.add_done_callback(self._ran)

    def _ran(self, running: asyncio.Future[Any]) -> None:
        self._running.discard(running)
        if not running.cancelled():
            running.exception()

    def _new_trace(self) -> str:
        token = self._ids.token(20)
        return f"Root=1-{self._clock.now_ms() // 1000:08x}-{token[:24]};Parent={token[24:]};Sampled=0"

    def free_slots(self, function: FunctionVersion, *, of_any_version: bool = False) -> int:
        """How many more invocations of the function would be admitted now.

        Takes    of_any_version: count what is kept for its other versions, too.
        """
        if self._is_stopping:
            return 0
        free = min(self._concurrency.free(function), self._fleet.room)
        return self.live.free(function, self._kept.free(function, of_any_version=of_any_version) + free)

    def is_used_up(self, function: FunctionVersion) -> bool:
        """Whether the function has a reservation that admits no more now."""
        if function.reserved_concurrency is None or self._is_stopping:
            return False
        return self._concurrency.free(function) == 0 and self._kept.free(function) == 0

    def keep(self, wishes: Sequence[Provision]) -> None:
        """Have these environments initialised ahead and keep them, and no others; see ``kept``."""
        if not self._is_stopping:
            self._kept.keep(wishes)

    def kept(self, owner: str) -> Provisioned:
        """What there is of what an owner asked to have kept."""
        return self._kept.state(owner)

    @property
    def is_preparing(self) -> bool:
        """Whether environments are being initialised ahead."""
        return not self._kept.is_idle

    def reserve(self, reservations: Mapping[Place, int]) -> None:
        """These functions have concurrency reserved; the rest of each account is what the others share."""
        self._concurrency.reserve(reservations)

    def reserve_one(self, place: Place, reserved: int | None) -> None:
        """What one function has reserved changed."""
        self._concurrency.reserve_one(place, reserved)

    def starting_count(self) -> int:
        """Environments whose processes are being started now, of all functions."""
        return 0 if self._is_stopping else sum(environment.is_starting for environment in self._fleet.busy)

    def prepare(self, function: FunctionVersion) -> None:
        """Start what the function's first invocation needs (interpreter, unpacked code), in the background."""
        if not self._is_stopping and not self.live.is_live(function.arn):
            self._maker.prepare(function)

    def retire(self, function_arn: str) -> None:
        """The function's code or configuration changed, or it is gone: its environments are not used again.

        Takes    the unqualified ARN. Idle environments go now, busy ones after their invocation.
        """
        if not self._is_stopping and not self.live.is_live(function_arn):
            self._fleet.retire(function_arn)

    async def stop(self) -> None:
        """Kill every function process and wait until all are gone. Running invocations raise RuntimeUnavailable."""
        if self._is_stopping:
            return
        self._is_stopping = True
        self._watch.stop()
        self._fleet.clear()
        kept = asyncio.ensure_future(self._kept.stop())
        await self._maker.stop()
        await kept
        await self.live.stop()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._maker.finish()
        await self._governor.stop()
