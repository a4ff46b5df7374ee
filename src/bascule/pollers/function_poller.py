"""Pollers whose work is run by functions: how their lanes share the environments of this machine.

A lane that has some environments leaves a part of the rest to others. One that finds none asks again after a few real
milliseconds, which is about this machine and not about time.
"""

from __future__ import annotations

import asyncio
import logging
from abc import abstractmethod
from typing import Generic, TypeVar

from bascule.host.async_store import AsyncStore
from bascule.host.contexts import Contexts
from bascule.host.poller import PolledLane, Poller
from bascule.kernel.invocation import FunctionVersion
from bascule.pollers.function_runner import FunctionRunner

L = TypeVar("L", bound=PolledLane)

#: Part of the environments that a lane leaves to others once it has some itself.
ROOM_LEFT_PART = 10
#: No room on this machine, or in the lane: look again after this. seconds
ROOM_LOOK_S = 0.02


class FunctionPoller(Poller[L], Generic[L]):
    """A poller that runs functions; see ``Poller``."""

    def __init__(self, store: AsyncStore, contexts: Contexts, runtime: FunctionRunner, log: logging.Logger) -> None:
        super().__init__(store, contexts, log)
        self._runtime = runtime
        #: Runs that were started here and have not ended; of these, the ones that have not yet taken their slot.
        self._running_count = 0
        self._starting_count = 0
        #: Lanes that wait for room.
        self._waiting: dict[L, None] = {}
        self._is_look_planned = False

    @abstractmethod
    def _room_again(self, lane: L, now_s: float) -> None:
        """The lane has waited for room: let it widen, and pump it. ``now_s`` is the event loop's time."""

    def _free(self, function: FunctionVersion, *, has_some: bool, of_any_version: bool = False) -> int:
        """Environments that a lane may still take for ``function``; see ``FunctionRunner.free_slots``."""
        free = self._runtime.free_slots(function, of_any_version=of_any_version) - self._starting_count
        if has_some and function.reserved_concurrency is None:
            free -= (free + self._running_count) // ROOM_LEFT_PART
        return max(0, free)

    def _run_planned(self) -> None:
        """A task was made that will run a function."""
        self._running_count += 1
        self._starting_count += 1

    def _look_for_room_soon(self, lane: L) -> None:
        self._waiting[lane] = None
        if not self._is_look_planned:
            self._is_look_planned = True
            asyncio.get_running_loop().call_later(ROOM_LOOK_S, self._look_for_room)

    def _look_for_room(self) -> None:
        self._is_look_planned = False
        now_s = asyncio.get_running_loop().time()
        waiting, self._waiting = self._waiting, {}
        if self._is_running:
            for lane in waiting:
                self._room_again(lane, now_s)
