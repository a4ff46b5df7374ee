"""Provisioned concurrency: environments that are initialised ahead and kept, so many for each version that asks.

The wishes come as a whole and are compared with what there is (``keep``); everything else follows from looking: what is
missing is started, a few at a time; what died is replaced; what nobody wishes any more goes, busy ones after their
invocation. Kept environments are never reclaimed and never make room for others, so a part of the machine's environments is
left to everybody. An initialisation that fails is reported and tried again, more and more rarely.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence

from bascule.kernel.invocation import FunctionVersion, Provision, Provisioned, RuntimeUnavailable
from bascule.kernel.metrics import Metrics
from bascule.runtime.concurrency import Concurrency, Place
from bascule.runtime.environment import Environment
from bascule.runtime.fleet import Fleet, Key, environment_key
from bascule.runtime.limits import (
    CREDENTIALS_LEFT_MS_MIN,
    KEPT_CREDENTIALS_LEFT_MS_MIN,
    PROVISIONED_INIT_S_MAX,
    PROVISIONED_INIT_S_MIN,
    PROVISIONED_LEAVES_PART,
    PROVISIONED_LOOK_S,
    PROVISIONED_RETRY_S,
    PROVISIONED_RETRY_S_MAX,
    PROVISIONED_STARTS_AT_ONCE,
)
from bascule.runtime.watch import Watch

log = logging.getLogger("bascule.runtime")

INIT_FAILURE = "FUNCTION_ERROR_INIT_FAILURE"
ENDS_ITSELF = "Environments of the function end by themselves after their initialisation; its log may say why."
#: Deaths of idle environments that are made good at once, besides one for each that is kept. count; ours
DEATHS_SPARE = 3


def init_s_max(timeout_s: int) -> float:
    """How long an environment may initialise when no invocation waits for it."""
    return min(PROVISIONED_INIT_S_MAX, max(PROVISIONED_INIT_S_MIN, float(timeout_s)))


class _Pool:
    """The kept environments of one version."""

    def __init__(self, function: FunctionVersion) -> None:
        self.function = function
        self.wanted = 0
        self.asked_ms = 0
        self.idle: list[Environment] = []
        self.busy: set[Environment] = set()
        self.starting: set[Environment] = set()
        self.forgive()

    def forgive(self) -> None:
        """Forget what went wrong: the next try is due."""
        self.failure = ""
        self.retry_s = PROVISIONED_RETRY_S
        self.retry_at_s = 0.0
        #: Of idle environments, since one was last used.
        self.deaths = 0

    @property
    def count(self) -> int:
        return len(self.idle) + len(self.busy) + len(self.starting)

    @property
    def ready(self) -> int:
        return len(self.idle) + len(self.busy)


class KeptEnvironments:
    """Environments by version. ``make`` builds one, ``close`` ends one; both are the fleet's. Use from one event loop."""

    def __init__(
        self,
        fleet: Fleet,
        watch: Watch,
        concurrency: Concurrency,
        count_max: int,
        make: Callable[[FunctionVersion], Environment],
        close: Callable[[Environment], None],
        metrics: Metrics,
    ) -> None:
        self._metrics = metrics
        self._fleet = fleet
        self._watch = watch
        self._concurrency = concurrency
        self._environments_max = count_max
        self._count_max = max(0, count_max - max(1, count_max // PROVISIONED_LEAVES_PART))
        self._make = make
        self._close = close
        self._pools: dict[Key, _Pool] = {}
        #: Owner -> versions and counts, in the order of ownership.
        self._wishes: dict[str, list[tuple[Key, int]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()

    # -- what is wished ----------------------------------------------------------------------------------------------

    def keep(self, wishes: Sequence[Provision]) -> None:
        """Keep these environments and no others.

        Promise  returns at once; environments that are still wished stay as they are.
        """
        wanted: Counter[Key] = Counter()
        self._wishes = {}
        for wish in wishes:
            key = environment_key(wish.function)
            self._wishes.setdefault(wish.owner, []).append((key, wish.count))
            wanted[key] += wish.count
            pool = self._pools.setdefault(key, _Pool(wish.function))
            if wish.asked_ms > pool.asked_ms:
                pool.asked_ms = wish.asked_ms
                pool.forgive()
        left = self._count_max
        for key, pool in self._pools.items():
            pool.wanted = min(wanted[key], left)
            left -= pool.wanted
        self._look()

    def state(self, owner: str) -> Provisioned:
        """What there is of an owner's wishes. Owners of one version share its environments, first come first served."""
        ready = 0
        failure = ""
        for key, count in self._wishes.get(owner, ()):
            pool = self._pools[key]
            before = self._before(owner, key)
            mine = min(count, max(0, pool.ready - before))
            ready += mine
            if mine < count:
                failure = failure or pool.failure or self._limit(pool, before + count)
        return Provisioned(ready=ready, failure=failure)

    def _before(self, owner: str, key: Key) -> int:
        before = 0
        for other, parts in self._wishes.items():
            if other == owner:
                break
            before += sum(count for of_key, count in parts if of_key == key)
        return before

    def _limit(self, pool: _Pool, count: int) -> str:
        if count <= pool.wanted:
            return ""
        return (
            f"This server keeps at most {self._count_max} of its {self._environments_max} execution environments "
            "initialised; request fewer, or start it with a higher --environments-max."
        )

    # -- what is used ------------------------------------------------------------------------------------------------

    def take(self, function: FunctionVersion) -> Environment | None:
        """An environment that is ready for the function; None when none is free, or none is wished."""
        if not self._pools:
            return None
        pool = self._pools.get(environment_key(function))
        if pool is None or not pool.wanted:
            return None
        while pool.idle:
            environment = pool.idle.pop()
            self._fleet.bring_back(environment)
            if environment.is_ready and not environment.is_expiring(CREDENTIALS_LEFT_MS_MIN):
                pool.busy.add(environment)
                self._metrics.count("lambda.provisioned_invocations", function.name)
                return environment
            self._end(environment)
        self._metrics.count("lambda.provisioned_spillovers", function.name)
        return None

    def give_back(self, environment: Environment, *, is_usable: bool) -> None:
        """An invocation in a kept environment is over; one that may not be used again, or has no process, is replaced."""
        pool = self._pools.get(environment_key(environment.function))
        if pool is not None and environment in pool.busy:
            pool.busy.discard(environment)
            if is_usable and environment.is_ready and pool.count < pool.wanted:
                pool.deaths = 0
                self._fleet.set_aside(environment)
                pool.idle.append(environment)
                return
        self._end(environment)
        self._look()

    def free(self, function: FunctionVersion, *, of_any_version: bool = False) -> int:
        """How many invocations of the version, or of all versions of its function, would have a kept environment now."""
        if of_any_version:
            arn = function.arn if self._pools else ""
            return sum(len(pool.idle) for pool in self._pools.values() if pool.function.arn == arn)
        pool = self._pools.get(environment_key(function)) if self._pools else None
        return 0 if pool is None else len(pool.idle)

    # -- what is done about it ---------------------------------------------------------------------------------------

    @property
    def is_idle(self) -> bool:
        """Whether no environment is being initialised."""
        return not self._tasks

    def _end(self, environment: Environment) -> None:
        self._fleet.busy.discard(environment)
        self._close(environment)

    def _look(self) -> None:
        """Compare what there is with what is wished, and come back while anything is."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        wished = {key for parts in self._wishes.values() for key, _ in parts}
        for key, pool in list(self._pools.items()):
            self._drop(pool)
            self._fill(pool)
            if not pool.count and key not in wished:
                del self._pools[key]
        claims: Counter[Place] = Counter()
        for pool in self._pools.values():
            claims[pool.function.scope, pool.function.name] += min(pool.ready, pool.wanted)
        self._concurrency.claim(claims)
        if self._pools:
            self._timer = self._loop.call_later(PROVISIONED_LOOK_S, self._look)

    def _drop(self, pool: _Pool) -> None:
        """End idle environments that died, are too many or, one at a time, have old credentials. Busy ones go when given back."""
        expiring = [each for each in pool.idle if each.is_expiring(KEPT_CREDENTIALS_LEFT_MS_MIN)]
        for environment in list(pool.idle):
            is_next = environment in expiring[:1] and not pool.starting
            if not environment.is_ready or is_next or pool.count > pool.wanted:
                self._drop_one(pool, environment)

    def _drop_one(self, pool: _Pool, environment: Environment) -> None:
        pool.idle.remove(environment)
        self._fleet.bring_back(environment)
        if not environment.is_ready:
            pool.deaths += 1
            if pool.deaths > pool.wanted + DEATHS_SPARE:
                self._failed(pool, ENDS_ITSELF)
        self._end(environment)

    def _fill(self, pool: _Pool) -> None:
        while (
            pool.count < pool.wanted
            and not (pool.failure and pool.starting)  # what has failed is tried with one
            and len(self._tasks) < PROVISIONED_STARTS_AT_ONCE
            and pool.retry_at_s <= self._loop.time()
            and self._fleet.make_room()
        ):
            try:
                environment = self._make(pool.function)
            except RuntimeUnavailable as error:
                self._failed(pool, str(error))
                return
            pool.starting.add(environment)
            environment.busy_since_s = self._loop.time()
            self._fleet.busy.add(environment)
            self._watch.wake()
            task = self._loop.create_task(self._start(pool, environment))
            self._tasks.add(task)
            task.add_done_callback(self._started)

    def _started(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if self._timer is not None:
            self._look()

    async def _start(self, pool: _Pool, environment: Environment) -> None:
        try:
            outcome = await environment.prepare(init_s_max(pool.function.timeout_s))
            failure = INIT_FAILURE if outcome is not None else ""
        except RuntimeUnavailable as error:
            failure = str(error)
        except Exception:  # the top of the task: our bug must not leave a place taken for ever
            log.exception("an environment of %s could not be started", pool.function.arn)
            failure = "An environment could not be started; the server's log says why."
        pool.starting.discard(environment)
        if failure or not environment.is_ready or pool.count >= pool.wanted:
            self._end(environment)
        else:
            self._fleet.set_aside(environment)
            pool.idle.append(environment)
        if not failure:
            pool.failure, pool.retry_s = "", PROVISIONED_RETRY_S
        elif pool.wanted:
            self._failed(pool, failure)

    def _failed(self, pool: _Pool, failure: str) -> None:
        log.warning(
            "an environment of %s version %s could not be initialised ahead: %s",
            pool.function.arn,
            pool.function.version,
            failure,
        )
        pool.failure = failure
        now_s = self._loop.time()
        if pool.retry_at_s <= now_s:  # several that fail together are one failure
            pool.retry_at_s = now_s + pool.retry_s
            pool.retry_s = min(pool.retry_s * 2, PROVISIONED_RETRY_S_MAX)

    async def stop(self) -> None:
        """End every idle environment and wait for those that are being started to give up; busy ones are the fleet's."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._wishes = {}
        for pool in self._pools.values():
            pool.wanted = 0
            self._drop(pool)
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._pools = {}
