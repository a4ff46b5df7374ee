"""Makes execution environments, and clears away behind them: packages unpacked, credentials, a directory for temporary files.

What an environment holds is let go when it is closed, in whatever state it is then. Work on the disk is done off the event
loop, and ``finish`` waits for it.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

from bascule.kernel.clock import Clock, RealClock
from bascule.kernel.ids import Ids
from bascule.kernel.invocation import FunctionVersion, RuntimeUnavailable
from bascule.kernel.metrics import Metrics
from bascule.kernel.settings import Settings
from bascule.runtime.api_factory import ApiFactory
from bascule.runtime.credentials import Credentials, OpenSession
from bascule.runtime.environment import Environment
from bascule.runtime.environment_log import EnvironmentLog
from bascule.runtime.isolation import Isolation
from bascule.runtime.live import LIVE
from bascule.runtime.live_feed import FollowedLog, LiveFeed
from bascule.runtime.node import Node
from bascule.runtime.packages import Packages, remove_tree
from bascule.runtime.ports import ON_DEMAND, CodeSource, EnvironmentFactory, LogSink, Plan, Worker
from bascule.runtime.provided import Provided
from bascule.runtime.python_factory import PythonFactory
from bascule.runtime.report import log_group_name, log_stream_name
from bascule.runtime.tmp_limit import TmpLimit


class EnvironmentMaker:
    """All environments of a runtime come from here and end here. Use from one event loop."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        ids: Ids,
        code: CodeSource,
        logs: LogSink,
        base_url: Callable[[], str],
        work_dir: Path,
        open_session: OpenSession,
        metrics: Metrics,
    ) -> None:
        self._clock = clock
        self._ids = ids
        self._logs = logs
        self._work_dir = work_dir
        self._credentials = Credentials(open_session, clock)
        self.packages = Packages(work_dir / "code", code, ids)
        #: What environments of functions with live code print, and what else happens to them.
        self.feed = LiveFeed(clock)
        self.isolation = Isolation(settings, work_dir / "root", base_url)
        machine = base_url, RealClock(), ids, self.isolation, metrics
        self._factories: tuple[EnvironmentFactory, ...] = (
            PythonFactory(work_dir / "runtime", settings.python, *machine),
            ApiFactory((Node(), Provided()), *machine),
        )
        self._chores: set[asyncio.Future[None]] = set()
        self._holds: dict[Environment, Callable[[], None]] = {}

    def clean(self) -> frozenset[str]:
        """Remove what an earlier run left: functions ran beside it, so it is not trusted. Blocking.

        Gives    the digests of the packages that were there.
        """
        left = frozenset(place.name for place in (self._work_dir / "code").glob("[!.]*"))
        for name in ("code", "tmp"):
            remove_tree(self._work_dir / name)
            (self._work_dir / name).mkdir(parents=True)
        (self._work_dir / "tmp").chmod(0o711)
        return left

    def factory_of(self, runtime: str) -> EnvironmentFactory:
        """What starts processes of a runtime. Raises RuntimeUnavailable when nothing does."""
        for factory in self._factories:
            if factory.runs(runtime):
                return factory
        raise RuntimeUnavailable(
            f"This server cannot run functions of runtime '{runtime}'; python3.x, nodejs and provided functions run: "
            "change Runtime to one, or package the language's runtime client as an executable 'bootstrap' for provided.al2023."
        )

    def make(self, function: FunctionVersion, initialization: str = ON_DEMAND) -> Environment:
        """An environment of the function, which starts when it is first used. Raises RuntimeUnavailable."""
        factory = self.factory_of(function.runtime)
        token = self._ids.token(16)
        stream = log_stream_name(function, self._clock.now_ms(), token)
        place = (self._logs, self._clock, function.scope, log_group_name(function), stream)
        is_followed = function.code_digest.startswith(LIVE)
        log = FollowedLog(*place).follow(self.feed, function.arn) if is_followed else EnvironmentLog(*place)
        tmp_dir = self._work_dir / "tmp" / token
        held: list[tuple[str, ...]] = []

        async def acquired(digests: tuple[str, ...]) -> Path:
            root = await self.packages.acquire(digests)
            held.append(digests)
            return root

        async def start_worker() -> Worker:
            for digests in held:
                self.packages.release(digests)
            held.clear()
            code_root = await acquired((function.code_digest,))
            layer_root = await acquired(function.layer_digests) if function.layer_digests else None
            credentials = await self._credentials.of(function)
            environment.credentials_end_ms = credentials.expires_ms
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
                    credentials=credentials,
                    initialization=initialization,
                )
            )

        def let_go() -> None:
            for digests in held:
                self.packages.release(digests)
            self._chore(asyncio.get_running_loop().run_in_executor(None, shutil.rmtree, tmp_dir, True))

        environment = Environment(
            function,
            clock=self._clock,
            log=log,
            runtime_version=lambda: factory.runtime_version(function.runtime),
            start_worker=start_worker,
            tmp=TmpLimit(tmp_dir, function.tmp_mb * 1024 * 1024),
            initialization=initialization,
        )
        self._holds[environment] = let_go
        return environment

    def _chore(self, chore: asyncio.Future[None]) -> None:
        """Disk work off the loop; ``finish`` waits for it."""
        self._chores.add(chore)
        chore.add_done_callback(self._chores.discard)

    def close(self, environment: Environment) -> None:
        """End its processes and let go of what it holds."""
        environment.close()
        self._holds.pop(environment)()

    def prepare(self, function: FunctionVersion) -> None:
        """Start what the function's first invocation needs (interpreter, unpacked code), in the background."""
        for factory in self._factories:
            if factory.runs(function.runtime):
                factory.prepare(function.runtime)
                self._chore(asyncio.ensure_future(self.packages.prepare((function.code_digest,))))
                if function.layer_digests:
                    self._chore(asyncio.ensure_future(self.packages.prepare(function.layer_digests)))

    async def stop(self) -> None:
        """End every process of every factory."""
        for factory in self._factories:
            await factory.stop()

    async def finish(self) -> None:
        """Wait for the work on the disk; call it when nothing is made or closed any more."""
        while self._chores:
            await asyncio.gather(*self._chores)
