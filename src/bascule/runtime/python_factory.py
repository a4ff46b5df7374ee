"""``EnvironmentFactory`` for ``python3.x``: environments are forks of their interpreter's zygote.

A function with a wrapper or with extensions cannot be a fork; it runs as a program (``python_program``).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from bascule.kernel.clock import Clock
from bascule.kernel.ids import Ids
from bascule.kernel.invocation import RuntimeUnavailable
from bascule.kernel.metrics import Metrics
from bascule.runtime.api_factory import ApiFactory
from bascule.runtime.interpreters import Interpreters, link_bundled
from bascule.runtime.isolation import Isolation, seen_inside
from bascule.runtime.launcher import resource_limits
from bascule.runtime.limits import NICENESS, RESPONSE_BYTES_MAX
from bascule.runtime.output import OutputReader
from bascule.runtime.ports import Plan, Worker
from bascule.runtime.python_program import PythonProgram, needs_program, start_values
from bascule.runtime.python_worker import PythonWorker, open_ends
from bascule.runtime.variables import function_variables
from bascule.runtime.worker.bascule_environment.sandbox_root import INTERPRETERS, PACKAGES
from bascule.runtime.zygote import Zygote
from bascule.runtime.zygotes import Zygotes


class PythonFactory:
    """Starts Python environments. ``root`` holds the linked packages and compiled modules."""

    def __init__(
        self,
        root: Path,
        configured_interpreter: str,
        base_url: Callable[[], str],
        wall_clock: Clock,
        ids: Ids,
        isolation: Isolation,
        metrics: Metrics,
    ) -> None:
        self._library_root = root / "python"
        self._cache_root = root / "pycache"
        self._interpreters = Interpreters(configured_interpreter)
        self._base_url = base_url
        self._isolation = isolation
        self._zygotes = Zygotes(self._start_zygote)
        self._program = PythonProgram(self._library_root, self._interpreters)
        self._programs = ApiFactory((self._program,), base_url, wall_clock, ids, isolation, metrics)

    def runs(self, runtime: str) -> bool:
        """See ``ports.EnvironmentFactory``."""
        return self._interpreters.is_python(runtime)

    def runtime_version(self, runtime: str) -> str:
        """What INIT_START says: the runtime asked for and the Python that runs it."""
        zygote = self._zygotes.running(self._interpreters.interpreter(runtime))
        running = zygote.python_version if zygote else ""
        if not running:
            return self._program.version(runtime)
        is_as_asked = f"{running}.".startswith(f"{runtime.removeprefix('python')}.")
        return f"python:{running}" if is_as_asked else f"{runtime} on python:{running}"

    def prepare(self, runtime: str) -> None:
        """See ``ports.EnvironmentFactory``."""
        self._zygotes.prepare(self._interpreters.interpreter(runtime))

    async def _start_zygote(self, interpreter: str) -> Zygote:
        link_bundled(self._library_root)
        cache_root = None if interpreter == sys.executable else self._cache_root
        root = await self._isolation.root(self._library_root)
        return await Zygote.start(interpreter, self._library_root, cache_root, root)

    async def start(self, plan: Plan) -> Worker:
        """See ``ports.EnvironmentFactory``."""
        if needs_program(plan):
            return await self._programs.start(plan)
        interpreter = self._interpreters.interpreter(plan.function.runtime)
        zygote = await self._zygotes.get(interpreter)
        box = await self._isolation.box(plan)
        try:
            ours, theirs, reading, writing = open_ends()
        except OSError as error:
            raise RuntimeUnavailable(f"A function process could not be made: {error.strerror}.") from error
        try:
            fork = await zygote.fork(theirs, writing, box)
        except BaseException:  # raised again below
            ours.close()
            os.close(reading)
            raise
        finally:
            theirs.close()
            os.close(writing)
        worker = PythonWorker(fork, ours, OutputReader(reading, plan.printed), plan.function.memory_mb)
        if box is None:
            message = self._start_message(plan, self._library_root, interpreter, is_isolated=False)
        else:
            seen = seen_inside(plan)
            message = self._start_message(seen, Path(PACKAGES), f"{INTERPRETERS}/python3", is_isolated=True)
        worker.start(message | {"limits": resource_limits(plan.function, box)})
        return worker

    def _start_message(
        self, plan: Plan, library_root: Path, interpreter: str, *, is_isolated: bool
    ) -> dict[str, object]:
        variables = function_variables(
            plan,
            runtime_root=library_root,
            is_isolated=is_isolated,
            base_url=self._base_url(),
            program_dir=Path(interpreter).parent,
            of_runtime={"PYTHONPATH": str(library_root)},
        )
        return {
            **start_values(plan, library_root),
            "variables": variables,
            "response_bytes_max": RESPONSE_BYTES_MAX,
            "niceness": NICENESS,
        }

    async def stop(self) -> None:
        """See ``ports.EnvironmentFactory``."""
        await self._programs.stop()
        await self._zygotes.stop()
