"""The function runtime: admits an invocation, finds or makes an execution environment, runs it, answers.

The way of an invocation: ``concurrency`` admits it, ``fleet`` finds an environment, ``environment`` runs its phases, a worker
(``python_worker``) carries the bytes. All of it lives on one event loop and in memory: an asynchronous invocation is durable in
its queue until the caller settles it, and a synchronous one is not persisted, as on AWS.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

from bascule.kernel.clock import Clock, RealClock
from bascule.kernel.ids import Ids
from bascule.kernel.invocation import FunctionVersion, Invocation, InvocationResult, RuntimeUnavailable
from bascule.kernel.settings import Settings
from bascule.runtime.api_factory import ApiFactory
from bascule.runtime.concurrency import Concurrency
from bascule.runtime.environment import Environment
from bascule.runtime.environment_log import EnvironmentLog
from bascule.runtime.fleet import Fleet
from bascule.runtime.isolation import Isolation
from bascule.runtime.node import Node
from bascule.runtime.packages import Packages, remove_tree
from bascule.runtime.ports import CodeSource, EnvironmentFactory, LogSink, Plan, Worker
from bascule.runtime.provided import Provided
from bascule.runtime.python_factory import PythonFactory
from bascule.runtime.report import log_group_name, log_stream_name
from bascule.runtime.tmp_limit import TmpLimit
from bascule.runtime.watch import Watch


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
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._ids = ids
        self._logs = logs
        self._work_dir = work_dir.absolute()
        self._concurrency = Concurrency(settings.concurrency_max)
        self._packages = Packages(self._work_dir / "code", code, ids)
        #: What functions are locked in with, and what is missing of it on this machine.
        self.isolation = Isolation(settings, self._work_dir / "root", base_url)
        self._factories: tuple[EnvironmentFactory, ...] = (
            PythonFactory(self._work_dir / "runtime", settings.python, base_url, RealClock(), ids, self.isolation),
            ApiFactory((Node(), Provided()), base_url, RealClock(), ids, self.isolation),
        )
        self._running: set[asyncio.Task[InvocationResult]] = set()
        self._chores: set[asyncio.Future[None]] = set()
        self._holds: dict[Environment, Callable[[], None]] = {}
        self._fleet: Fleet
        self._watch: Watch
        self._is_stopping = True

    async def start(self) -> None:
        """Make the work directory clean and begin. Costs a few milliseconds: interpreters start on first need."""
        await asyncio.to_thread(self._clean)
        self.isolation.look()
        self._fleet = Fleet(self._settings.environments_max, self._make, self._close)
        self._watch = Watch(self._fleet, self._settings.environment_idle_ms / 1000)
        self._is_stopping = False

    def _clean(self) -> None:
        """Packages and temporary files of an earlier run are not trusted: functions ran beside them."""
        for name in ("code", "tmp"):
            remove_tree(self._work_dir / name)
            (self._work_dir / name).mkdir(parents=True)
        (self._work_dir / "tmp").chmod(0o711)

    async def invoke(self, invocation: Invocation) -> InvocationResult:
        """Run a function once.

        Gives    how it ended; a function that fails is a result with ``function_error``.
        Raises   InvocationThrottled at a concurrency limit; RuntimeUnavailable when this machine cannot run it, or when the
                 server stops meanwhile.
        Promise  cancelling the caller does not stop the function: it runs to its end, as when a client hangs up.
        """
        self._factory(invocation.function.runtime)  # refuses an unknown runtime before anything is counted
        if self._is_stopping:
            raise RuntimeUnavailable("Bascule is stopping.")
        admission = self._concurrency.enter(invocation.function)
        try:
            environment = self._fleet.take(invocation.function)
        except BaseException:  # raised again below
            self._concurrency.leave(admission)
            raise
        task = asyncio.create_task(self._run(environment, invocation))
        self._running.add(task)

        def done(_: object) -> None:
            self._running.discard(task)
            self._concurrency.leave(admission)
            if not task.cancelled():
                task.exception()

        task.add_done_callback(done)
        return await asyncio.shield(task)

    async def _run(self, environment: Environment, invocation: Invocation) -> InvocationResult:
        environment.busy_since_s = asyncio.get_running_loop().time()
        self._watch.wake()
        is_usable = False
        try:
            result = await environment.run(invocation, invocation.trace_header or self._new_trace())
            is_usable = True
        finally:
            self._fleet.give_back(environment, is_usable=is_usable)
        if self._is_stopping and result.function_error:
            raise RuntimeUnavailable("Bascule stopped while the function ran.")
        return result

    def _new_trace(self) -> str:
        token = self._ids.token(20)
        return f"Root=1-{self._clock.now_ms() // 1000:08x}-{token[:24]};Parent={token[24:]};Sampled=0"

    def _factory(self, runtime: str) -> EnvironmentFactory:
        for factory in self._factories:
            if factory.runs(runtime):
                return factory
        raise RuntimeUnavailable(
            f"This server cannot run functions of runtime '{runtime}'; python3.x, nodejs and provided functions run: "
            "change Runtime to one, or package the language's runtime client as an executable 'bootstrap' for provided.al2023."
        )

    def _make(self, function: FunctionVersion) -> Environment:
        factory = self._factory(function.runtime)
        token = self._ids.token(16)
        stream = log_stream_name(function, self._clock.now_ms(), token)
        log = EnvironmentLog(self._logs, self._clock, function.scope, log_group_name(function), stream)
        tmp_dir = self._work_dir / "tmp" / token
        held: list[tuple[str, ...]] = []

        async def acquired(digests: tuple[str, ...]) -> Path:
            root = await self._packages.acquire(digests)
            held.append(digests)
            return root

        async def start_worker() -> Worker:
            for digests in held:
                self._packages.release(digests)
            held.clear()
            code_root = await acquired((function.code_digest,))
            layer_root = await acquired(function.layer_digests) if function.layer_digests else None
            try:
                tmp_dir.mkdir(mode=0o700, exist_ok=True)
            except OSError as error:
                raise RuntimeUnavailable(f"No temporary directory can be made: {error.strerror}.") from error
            return await factory.start(
                Plan(
                    function=function,
                    code_root=code_root,
                    layer_root=layer_root,
                    tmp_dir=tmp_dir,
                    log_stream=stream,
                    printed=log.printed,
                )
            )

        def let_go() -> None:
            for digests in held:
                self._packages.release(digests)
            self._chore(asyncio.get_running_loop().run_in_executor(None, shutil.rmtree, tmp_dir, True))

        environment = Environment(
            function,
            clock=self._clock,
            log=log,
            runtime_version=lambda: factory.runtime_version(function.runtime),
            start_worker=start_worker,
            tmp=TmpLimit(tmp_dir, function.tmp_mb * 1024 * 1024),
        )
        self._holds[environment] = let_go
        return environment

    def _chore(self, chore: asyncio.Future[None]) -> None:
        """Disk work off the loop; ``stop`` waits for it."""
        self._chores.add(chore)
        chore.add_done_callback(self._chores.discard)

    def _close(self, environment: Environment) -> None:
        environment.close()
        self._holds.pop(environment)()

    def free_slots(self, function: FunctionVersion) -> int:
        """How many more invocations of the function would be admitted now."""
        if self._is_stopping:
            return 0
        return min(self._concurrency.free(function), self._fleet.room)

    def prepare(self, function: FunctionVersion) -> None:
        """Start what the function's first invocation needs (interpreter, unpacked code), in the background."""
        if self._is_stopping:
            return
        for factory in self._factories:
            if factory.runs(function.runtime):
                factory.prepare(function.runtime)
                self._chore(asyncio.ensure_future(self._packages.prepare((function.code_digest,))))

    def retire(self, function_arn: str) -> None:
        """The function's code or configuration changed, or it is gone: its environments are not used again.

        Takes    the unqualified ARN. Idle environments go now, busy ones after their invocation.
        """
        if not self._is_stopping:
            self._fleet.retire(function_arn)

    async def stop(self) -> None:
        """Kill every function process and wait until all are gone. Running invocations raise RuntimeUnavailable."""
        if self._is_stopping:
            return
        self._is_stopping = True
        self._watch.stop()
        self._fleet.clear()
        for factory in self._factories:
            await factory.stop()
        await asyncio.gather(*self._running, return_exceptions=True)
        while self._chores:
            await asyncio.gather(*self._chores)
