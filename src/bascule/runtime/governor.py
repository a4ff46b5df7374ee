"""The governor: a function that takes more of the processors than its memory size buys does not slow others down.

When all processors are busy, it measures what the processes of environments use. Each environment has *credit*: it grows with
the share that its memory size buys on AWS, up to a burst, and what its processes use is taken from it. An environment without
credit goes to the *background*: into a control group of idle class (``background.py``) or, where none can be had, it is *held*:
stopped but for one look in ``LOOKS_PER_PULSE``, as long as other environments are busy. With nobody else about it has the whole
machine.

It comes back when it has credit again; when it goes a second time, it has twice as much to earn. Handlers of one process whose
invocations are short are never charged: many of those make a loaded machine, not a hostile function.

Everything that reads many processes or moves them happens in a thread; decisions are made on the event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
import weakref
from pathlib import Path

import msgspec

from bascule.runtime import usage
from bascule.runtime.background import Background, open_background
from bascule.runtime.environment import Environment
from bascule.runtime.fleet import Fleet
from bascule.runtime.limits import (
    CPU_BURST_S,
    CPU_DEBT_S,
    CPU_DEBT_S_MAX,
    FORK_CPU_S,
    LONG_INVOCATION_S,
    LOOKS_PER_CENSUS,
    LOOKS_PER_PULSE,
    MB_PER_PROCESSOR,
    PASSES_PER_SHORT_LOOK,
    QUIET_S,
)
from bascule.runtime.ports import Worker

log = logging.getLogger("bascule.runtime")

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
#: Below this part of idle time the processors count as busy.
_IDLE_SHARE_MAX = 0.1
#: For the kernel to forget the processes that were killed.
_CLOSE_TRIES, _CLOSE_PAUSE_S = 150, 0.02


class Reading(msgspec.Struct, frozen=True):
    """What an environment's processes have used so far."""

    #: Processor time by process id. clock ticks
    ticks: dict[int, int]
    #: Id of the newest process in the environment's own namespace: it counts forks, also of processes that are gone.
    newest: int = 0


class Account(msgspec.Struct):
    """What the governor knows of a worker."""

    worker: Worker
    measured_s: float
    reading: Reading | None = None
    credit_s: float = CPU_BURST_S
    #: What it has to earn in the background the next time: twice what it was the last time, until it has behaved.
    debt_s: float = CPU_DEBT_S
    is_in_background: bool = False
    #: Stopped until the next pulse.
    is_held: bool = False
    #: Processes known to be in the control group.
    taken: set[int] = set()


def share_of(memory_mb: int, processors: int) -> float:
    """The processors that a memory size buys; never more than an eighth of the machine's."""
    return min(memory_mb / MB_PER_PROCESSOR, processors / 8)


def used_s(before: Reading, now: Reading) -> float:
    """Processor time between two readings, with a charge for each process that came and went between them."""
    ticks = sum(max(0, ticks - before.ticks.get(pid, 0)) for pid, ticks in now.ticks.items())
    # Ids begin again at their end; then the forks of one reading are not charged.
    unseen = now.newest - before.newest - len(now.ticks.keys() - before.ticks.keys())
    return ticks / _TICKS_PER_S + max(0, unseen) * FORK_CPU_S


def read(worker: Worker, before: Reading | None) -> Reading:
    """Measure a worker's processes, knowing the reading before. Blocking."""
    ticks = {pid: usage.cpu_ticks(pid) for pid in worker.family()}
    known, newest = (before.ticks, before.newest) if before else ({}, 0)
    return Reading(ticks, max((usage.inner_pid(pid) for pid in ticks if pid not in known), default=newest) or newest)


class Governor:
    """Looks after the processors; ``tick`` at every look of the watch, ``survey`` at every census."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._loop = asyncio.get_running_loop()
        self._accounts: weakref.WeakKeyDictionary[Environment, Account] = weakref.WeakKeyDictionary()
        self._processors = Processors()
        #: A reason in words when there is no control group; None until it is known.
        self._background: Background | str | None = None
        self._pass: asyncio.Task[None] | None = None
        self._passes = 0
        self._ticks = 0
        self._others_busy_s = 0.0

    def survey(self) -> None:
        """One more census went by; measures when the processors are busy, one pass at a time."""
        if self._pass is None or self._pass.done():
            are_busy = self._processors.are_busy()
            if not are_busy and not any(account.is_in_background for account in self._accounts.values()):
                return
            self._passes += 1
            self._pass = self._loop.create_task(self._survey())

    async def _survey(self) -> None:
        if self._background is None:
            self._background = await asyncio.to_thread(open_background)
            if isinstance(self._background, str):
                log.info("greedy functions are held by signals: %s", self._background)
        now_s = self._loop.time()
        for environment in [*self._fleet.busy, *self._fleet.warm]:
            worker = environment.worker
            # A process that a debugger is attached to must not stand still for other reasons.
            if worker is not None and worker.is_alive and environment.function.debug is None:
                account = self._accounts.get(environment)
                if account is None or account.worker is not worker:
                    account = self._accounts[environment] = Account(worker, now_s)
                is_long = self._is_long(environment)
                if is_long or account.is_in_background or self._passes % PASSES_PER_SHORT_LOOK == 0:
                    await self._measure(environment, account, is_long=is_long)

    def _is_long(self, environment: Environment) -> bool:
        return environment in self._fleet.busy and environment.busy_since_s < self._loop.time() - LONG_INVOCATION_S

    async def _measure(self, environment: Environment, account: Account, *, is_long: bool) -> None:
        reading, now_s = await asyncio.to_thread(read, account.worker, account.reading), self._loop.time()
        before, account.reading = account.reading, reading
        past_s, account.measured_s = now_s - account.measured_s, now_s
        if before is not None and (is_long or len(reading.ticks) > 1 or account.is_in_background):
            share = share_of(environment.function.memory_mb, self._processors.count)
            credit_s = account.credit_s + share * past_s - used_s(before, reading)
            account.credit_s = max(-account.debt_s, min(CPU_BURST_S, credit_s))
            if account.credit_s == CPU_BURST_S and not account.is_in_background:
                account.debt_s = CPU_DEBT_S
        if not account.worker.is_alive:
            return
        if account.is_in_background and account.credit_s > 0:
            await self._bring_back(environment, account)
        elif account.is_in_background or account.credit_s < 0:
            await self._send_back(environment, account)

    async def _send_back(self, environment: Environment, account: Account) -> None:
        is_new = not account.is_in_background
        if is_new:
            account.is_in_background, account.credit_s = True, -account.debt_s
            account.debt_s = min(CPU_DEBT_S_MAX, 2 * account.debt_s)
            name = environment.function.name
            log.info("function %s uses more than its share of the processors and goes to the background", name)
        if not isinstance(self._background, Background):
            return
        if is_new:
            # Standing still, it cannot fork away from being moved, and others go on while the kernel takes its time.
            account.worker.freeze()
        try:
            await asyncio.to_thread(self._take, self._background, account)
        except OSError as error:
            log.warning("greedy functions are held by signals: a process cannot be moved: %s", error)
            self._background = str(error)
        finally:
            if is_new and not environment.is_frozen:
                account.worker.thaw()

    @staticmethod
    def _take(background: Background, account: Account) -> None:
        family = account.worker.family()
        account.taken.intersection_update(family)
        strange = [pid for pid in family if pid not in account.taken and not background.holds(pid)]
        background.take(strange)
        account.taken.update(family)

    async def _bring_back(self, environment: Environment, account: Account) -> None:
        account.is_in_background = False
        account.taken.clear()
        if isinstance(self._background, Background):
            await asyncio.to_thread(self._release, self._background, account)
        self._let_go(environment, account)

    @staticmethod
    def _release(background: Background, account: Account) -> None:
        background.release(account.worker.family())

    def tick(self) -> None:
        """One more look went by: what is held has its pulse, or goes on because nobody else is busy."""
        if isinstance(self._background, Background):
            return
        self._ticks += 1
        greedy = [(each, account) for each, account in self._accounts.items() if account.is_in_background]
        if not greedy:
            return
        now_s = self._loop.time()
        if self._fleet.busy - {environment for environment, _ in greedy}:
            self._others_busy_s = now_s
        is_hold = now_s - self._others_busy_s < QUIET_S and self._ticks % LOOKS_PER_PULSE != 0
        for environment, account in greedy:
            if account.worker is not environment.worker or not account.worker.is_alive:
                account.is_in_background = False
            elif not is_hold:
                self._let_go(environment, account)
            elif not account.is_held or self._ticks % LOOKS_PER_CENSUS == 0:
                # Said again now and then: a keeper that is late may take a stop and the going on before it in one.
                account.is_held = True
                account.worker.freeze()

    @staticmethod
    def _let_go(environment: Environment, account: Account) -> None:
        if account.is_held:
            account.is_held = False
            if not environment.is_frozen:
                account.worker.thaw()

    async def stop(self) -> None:
        """Look no more; what was made is removed. The functions have ended before."""
        if self._pass is not None:
            await asyncio.wait([self._pass])
        if isinstance(self._background, Background):
            for _ in range(_CLOSE_TRIES):
                if await asyncio.to_thread(self._background.close):
                    break
                await asyncio.sleep(_CLOSE_PAUSE_S)


class Processors:
    """Whether this machine's processors are all busy, from one call to the next."""

    def __init__(self) -> None:
        machine_count = os.cpu_count() or 1
        self.count = len(os.sched_getaffinity(0)) if sys.platform == "linux" else machine_count
        # Where this process may not use the whole machine, the machine's idle time says nothing.
        self._is_part = self.count < machine_count or _has_quota()
        self._idle = self._total = 0

    def are_busy(self) -> bool:
        """Whether hardly any processor time was left since the last call."""
        if self._is_part:
            return True
        try:
            with open("/proc/stat") as statistics:
                times = [int(field) for field in statistics.readline().split()[1:9]]
        except OSError:
            return False
        idle, total = times[3] + times[4], sum(times)
        is_busy = idle - self._idle < _IDLE_SHARE_MAX * (total - self._total)
        self._idle, self._total = idle, total
        return is_busy


def _has_quota() -> bool:
    """Whether the control group of a container, seen at the usual place, limits the processor."""
    for path, unlimited in (("/sys/fs/cgroup/cpu.max", "max"), ("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1")):
        with contextlib.suppress(OSError):
            return not Path(path).read_text().startswith(unlimited)
    return False
