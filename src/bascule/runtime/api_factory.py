"""``EnvironmentFactory`` for runtimes that speak the Runtime API: Node, and any program named ``bootstrap``.

A *language* says which program is the runtime of a function; everything else (listener, extensions, limits,
shutdown) is the same.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Protocol

from bascule.kernel.clock import Clock
from bascule.kernel.ids import Ids
from bascule.kernel.invocation import RuntimeUnavailable
from bascule.kernel.metrics import Metrics
from bascule.runtime.api_worker import ApiWorker, Launch
from bascule.runtime.doorkeeper import Doorkeeper
from bascule.runtime.isolation import Ground, Isolation
from bascule.runtime.launcher import Launcher, NotExecutable, Program
from bascule.runtime.output import OutputReader
from bascule.runtime.peers import Peers
from bascule.runtime.ports import Plan
from bascule.runtime.variables import function_variables
from bascule.runtime.zygote import Fork

#: The variable that names a program to start the runtime with.
WRAPPER = "AWS_LAMBDA_EXEC_WRAPPER"


class Language(Protocol):
    """Which program runs functions of some runtimes."""

    @property
    def takes_wrapper(self) -> bool:
        """Whether ``WRAPPER`` is honoured."""

    def runs(self, runtime: str) -> bool:
        """Whether it is the one for this runtime identifier."""

    def version(self, runtime: str) -> str:
        """What INIT_START says."""

    @property
    def root(self) -> Path:
        """What is ``/var/runtime`` on AWS."""

    def ground(self, runtime: str) -> Ground:
        """What programs of the language need of this machine; sandboxes show it."""

    async def command(self, plan: Plan) -> tuple[str, ...]:
        """The program and its arguments. Raises NotExecutable (the package's fault), RuntimeUnavailable (the machine's)."""

    def variables(self, plan: Plan) -> dict[str, str]:
        """Variables that only this runtime has."""


class ApiFactory:
    """Starts environments of some languages.

    Takes    wall_clock: the machine's own, whatever time it is for a server under test: functions compare deadlines with it.
    """

    def __init__(
        self,
        languages: tuple[Language, ...],
        base_url: Callable[[], str],
        wall_clock: Clock,
        ids: Ids,
        isolation: Isolation,
        metrics: Metrics,
    ) -> None:
        self._languages = languages
        self._isolation = isolation
        self._launcher = Launcher(isolation)
        self._base_url = base_url
        self._wall_clock = wall_clock
        self._ids = ids
        self._metrics = metrics
        self._peers = Peers()
        self._lingering: set[asyncio.Task[None]] = set()

    def runs(self, runtime: str) -> bool:
        """See ``ports.EnvironmentFactory``."""
        return any(language.runs(runtime) for language in self._languages)

    def _language(self, runtime: str) -> Language:
        return next(language for language in self._languages if language.runs(runtime))

    def runtime_version(self, runtime: str) -> str:
        """See ``ports.EnvironmentFactory``."""
        return self._language(runtime).version(runtime)

    def prepare(self, runtime: str) -> None:
        """See ``ports.EnvironmentFactory``."""
        self._launcher.prepare(self._language(runtime).ground(runtime))

    async def start(self, plan: Plan) -> ApiWorker:
        """See ``ports.EnvironmentFactory``."""
        command: tuple[str, ...] | NotExecutable
        language = self._language(plan.function.runtime)
        try:
            command = await language.command(plan)
        except NotExecutable as error:
            command = error
        extensions = extension_programs(plan.layer_root)
        try:
            reading, writing = os.pipe()
        except OSError as error:
            raise RuntimeUnavailable(f"A function process could not be made: {error.strerror}.") from error
        peers = self._peers if await self._isolation.judges_peers() else None
        worker = ApiWorker(
            plan.function,
            OutputReader(reading, plan.printed, is_reading=False),
            writing,
            [program.name for program in extensions],
            now_ms=self._wall_clock.now_ms,
            new_id=self._ids.uuid,
            say=lambda line: plan.printed([line]),
            linger=self._linger,
            doorkeeper=Doorkeeper(peers, self._metrics, plan.function),
        )
        variables = self._variables(
            language, plan, command, await worker.open(), is_isolated=await self._isolation.is_on()
        )
        wrapper = plan.function.environment.get(WRAPPER)
        if wrapper and language.takes_wrapper and not isinstance(command, NotExecutable):
            command = (real_path(wrapper, plan), *command)
        # Extensions know nothing of the runtime's own variables.
        of_extension = {name: value for name, value in variables.items() if not name.startswith("_")}
        await worker.start(
            self._launch(plan, command, variables, plan.code_root, writing),
            [self._launch(plan, (str(program),), of_extension, Path("/"), writing) for program in extensions],
        )
        return worker

    def _variables(
        self,
        language: Language,
        plan: Plan,
        command: tuple[str, ...] | NotExecutable,
        address: str,
        *,
        is_isolated: bool,
    ) -> dict[str, str]:
        program_dir = Path("/usr/local/bin") if isinstance(command, NotExecutable) else Path(command[0]).parent
        return function_variables(
            plan,
            runtime_root=language.root,
            is_isolated=is_isolated,
            base_url=self._base_url(),
            program_dir=program_dir,
            of_runtime=language.variables(plan),
            runtime_api=address,
        )

    def _launch(
        self,
        plan: Plan,
        command: tuple[str, ...] | NotExecutable,
        variables: dict[str, str],
        directory: Path,
        output_fd: int,
    ) -> Launch:
        async def launch(born: Callable[[Fork], object]) -> Fork:
            if isinstance(command, NotExecutable):
                raise command
            ground = self._language(plan.function.runtime).ground(plan.function.runtime)
            program = Program(command, variables, directory, ground)
            try:
                return await self._launcher.launch(plan, program, output_fd, born)
            except NotExecutable as error:
                raise NotExecutable(shown(str(error), plan)) from error

        return launch

    def _linger(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._lingering.add(task)
        task.add_done_callback(self._lingering.discard)

    async def stop(self) -> None:
        """See ``ports.EnvironmentFactory``. Waits for extensions that have been told of the end, then kills."""
        while self._lingering:
            await asyncio.gather(*self._lingering)
        await self._launcher.stop()
        self._peers.close()


def extension_programs(layer_root: Path | None) -> list[Path]:
    """The external extensions of a function's layers."""
    folder = layer_root / "extensions" if layer_root else None
    if folder is None or not folder.is_dir():
        return []
    return sorted(program for program in folder.iterdir() if program.is_file())


def shown(text: str, plan: Plan) -> str:
    """Text with the places of code and layers as a function's author knows them."""
    if plan.layer_root is not None:
        text = text.replace(str(plan.layer_root), "/opt")
    return text.replace(str(plan.code_root), "/var/task")


def real_path(path: str, plan: Plan) -> str:
    """Where a path under ``/var/task`` or ``/opt`` really is."""
    for known, root in (("/var/task", plan.code_root), ("/opt", plan.layer_root)):
        if root is not None and (path == known or path.startswith(f"{known}/")):
            return f"{root}{path[len(known) :]}"
    return path
