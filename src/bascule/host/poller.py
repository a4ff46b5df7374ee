"""What all pollers have in common: they take work from durable queues, lane by lane, and bring it to an end.

Rules of the file. The queues are the truth: work is leased, done, and settled in one transaction with everything that
follows from it. A signal starts a look into a queue at once; polling finds what a lost signal missed. Each lane stands for
itself: one that cannot be advanced is reported and tried again, and never stops the others. Waiting is measured by the clock
of the server. What one poller does with a lane is its own business (``_advance``); how lanes are woken, looked at again, waited
for, counted as busy and stopped is decided here, once.
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from bascule.host.alarm import Alarm
from bascule.host.async_store import AsyncStore
from bascule.host.contexts import Contexts
from bascule.kernel.store import StoreBusy, StoreClosed, Tx

#: Lanes that one poll looks at, in turn. count
POLL_LANES_MAX = 200
#: The store's inbox was full: the next try. seconds
BUSY_PAUSE_S = 0.02


class PolledLane(Protocol):
    """One queue's work on its way through this process."""

    #: Something happened to the queue since it was looked at.
    is_stale: bool
    #: When the queue is next due, as last seen; None when it was empty.
    due_ms: int | None

    @property
    def is_busy(self) -> bool:
        """Whether work is held here that does not wait for its time."""

    def next_due_ms(self) -> int | None:
        """The earliest moment the lane waits for; None when it waits for none."""


L = TypeVar("L", bound=PolledLane)
T = TypeVar("T")


class Poller(ABC, Generic[L]):
    """A poller of lanes, which are known by a key. Use from one event loop; a ``Part`` of virtual time.

    Promise  at-least-once: what was leased and not settled is due again after the lease, the stop or the next start.
    """

    #: Lanes are looked at again this often without any signal. milliseconds
    poll_ms: ClassVar[int] = 1_000
    #: All lanes are listed again every so many polls. count
    polls_per_scan: ClassVar[int] = 30
    #: What is said when a task failed, when a lane could not be advanced, and when the store was closed before a stop.
    step_failed: ClassVar[str]
    lane_stuck: ClassVar[str]
    closed_first: ClassVar[str]

    def __init__(self, store: AsyncStore, contexts: Contexts, log: logging.Logger) -> None:
        self._store = store
        self._contexts = contexts
        self._clock = contexts.clock
        self._log = log
        self._lanes: dict[str, L] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._alarm = Alarm(contexts.clock)
        self._is_running = False
        self._poll_count = 0
        self._poll_due_ms = 0

    # -- what the composition root calls -----------------------------------------------------------------------------

    async def run(self) -> None:
        """Run until cancelled. Work that is under way then is given back."""
        self._alarm.follow_time()
        await self._recover()
        self._is_running = True
        self._poll_due_ms = self._clock.now_ms() + self.poll_ms
        self._scan()
        try:
            while True:
                self._alarm.silence()
                self._turn()
                await self._sleep()
        finally:
            self._is_running = False
            await self._stop()

    def wake(self, signals: frozenset[str]) -> None:
        """Hints that something changed; on the event loop."""
        if self._is_running:
            self._heard(signals)

    def next_due_ms(self) -> int | None:
        """The earliest moment for which a lane waits; None when none does."""
        return min((due for lane in self._lanes.values() if (due := lane.next_due_ms()) is not None), default=None)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is leased, running or being settled. What waits for its time does not count."""
        return not (
            not self._is_running
            or self._tasks
            or self._alarm.is_ringing
            or any(lane.is_busy or lane.is_stale for lane in self._lanes.values())
        )

    # -- what a poller decides ---------------------------------------------------------------------------------------

    async def _recover(self) -> None:
        """Before the first look: take back what an earlier process had leased."""

    @abstractmethod
    def _scan(self) -> None:
        """List everything that should have a lane: pump what is new, drop what is gone."""

    @abstractmethod
    def _heard(self, signals: frozenset[str]) -> None:
        """Pump the lanes that ``signals`` are about."""

    @abstractmethod
    def _advance(self, lane: L) -> None:
        """Look when the lane is stale, start and lease what may be; safe to call at any time, costs little when idle."""

    def _polled(self, now_ms: int) -> None:
        """After every poll: look after leases that end soon."""

    @abstractmethod
    async def _give_up(self) -> None:
        """At the stop, all tasks being over: write what has ended and give back what is held."""

    # -- finding work ------------------------------------------------------------------------------------------------

    def _pump(self, lane: L) -> None:
        try:
            self._advance(lane)
        except StoreClosed:
            return
        except Exception:  # noqa: BLE001 - the top of a lane: one that cannot be advanced must not stop the others
            self._log.error(self.lane_stuck, lane, exc_info=True)

    def _pump_stale(self, lane: L) -> None:
        """Something happened to the lane."""
        lane.is_stale = True
        self._pump(lane)

    def _turn(self) -> None:
        """Pump every lane that is due, and now and then look at the others."""
        now_ms = self._clock.now_ms()
        for lane in list(self._lanes.values()):
            due_ms = lane.next_due_ms()
            if due_ms is not None and due_ms <= now_ms:
                self._pump(lane)
        if now_ms >= self._poll_due_ms:
            self._poll_due_ms = now_ms + self.poll_ms
            self._poll(now_ms)

    def _poll(self, now_ms: int) -> None:
        self._poll_count += 1
        if self._poll_count % self.polls_per_scan == 0:
            self._scan()
        for key in list(self._lanes)[:POLL_LANES_MAX]:
            if (lane := self._lanes.pop(key, None)) is not None:
                self._lanes[key] = lane
                self._pump_stale(lane)
        self._polled(now_ms)

    async def _sleep(self) -> None:
        """A lane that was due and could not be advanced is left to its task, to a signal or to the next poll."""
        now_ms = self._clock.now_ms()
        dues = [due for lane in self._lanes.values() if (due := lane.next_due_ms()) is not None and due > now_ms]
        await self._alarm.sleep(min([self._poll_due_ms, *dues]))

    def _set_due(self, lane: L, due_ms: int | None) -> None:
        """A look has shown when the queue is next due; earlier than was known ends the sleep."""
        if due_ms is not None and (lane.due_ms is None or due_ms < lane.due_ms):
            self._alarm.ring()
        lane.due_ms = due_ms

    # -- writing and tasks -------------------------------------------------------------------------------------------

    async def _write(self, command: Callable[[Tx], T]) -> T:
        """Write, waiting out a full inbox."""
        while True:
            try:
                return await self._store.write(command)
            except StoreBusy:
                await asyncio.sleep(BUSY_PAUSE_S)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do ``work`` in a task that counts as busy, is reported when it fails, and is cancelled at the stop."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._reap)
        return task

    def _reap(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None and not isinstance(error, StoreClosed):
            self._log.error(self.step_failed, exc_info=error)

    async def _stop(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        try:
            await self._give_up()
        except StoreClosed:
            self._log.info(self.closed_first)
