"""The zygotes of one factory: one per interpreter, started on first need, started again when it has died."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from bascule.kernel.invocation import RuntimeUnavailable
from bascule.runtime.zygote import Zygote


class Zygotes:
    """Zygotes by interpreter; ``start`` makes one."""

    def __init__(self, start: Callable[[str], Awaitable[Zygote]]) -> None:
        self._start = start
        self._tasks: dict[str, asyncio.Task[Zygote]] = {}
        self._is_stopped = False

    def running(self, interpreter: str) -> Zygote | None:
        """The one that is up, if any."""
        task = self._tasks.get(interpreter)
        if task is None or not task.done() or task.cancelled() or task.exception() is not None:
            return None
        return task.result()

    def prepare(self, interpreter: str) -> asyncio.Task[Zygote]:
        """Start one unless there is one. Raises RuntimeUnavailable when everything stops."""
        if self._is_stopped:
            raise RuntimeUnavailable("Bascule is stopping.")
        task = self._tasks.get(interpreter)
        if task is not None and task.done():
            zygote = self.running(interpreter)
            if zygote is None or not zygote.is_alive:
                task = None
        if task is None:
            task = self._tasks[interpreter] = asyncio.create_task(self._started(interpreter))
            # Whoever waits gets the failure; when nobody does (prepare), the first invocation tries again.
            task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        return task

    async def _started(self, interpreter: str) -> Zygote:
        return await self._start(interpreter)

    async def get(self, interpreter: str) -> Zygote:
        """One that is up. Raises RuntimeUnavailable with the reason when there can be none."""
        return await asyncio.shield(self.prepare(interpreter))

    async def stop(self) -> None:
        """Kill all their forks and them, and wait until they are gone."""
        self._is_stopped = True
        tasks, self._tasks = list(self._tasks.values()), {}
        for task in tasks:
            with contextlib.suppress(RuntimeUnavailable):
                await (await task).stop()
