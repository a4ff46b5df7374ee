"""All execution environments of this server: which are idle, which may be made, which must go.

An environment belongs to one revision of one function version. Idle ones are reused last in, first out, so that a falling load
leaves the oldest to be reclaimed. Over the machine's limit the environment that has been idle longest makes room.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from bascule.kernel.invocation import FunctionVersion, InvocationThrottled
from bascule.kernel.scope import Scope
from bascule.runtime.concurrency import ACCOUNT_EXCEEDED
from bascule.runtime.environment import Environment
from bascule.runtime.limits import CREDENTIALS_LEFT_MS_MIN

Key = tuple[Scope, str, str, str, str, tuple[str, ...]]


def environment_key(function: FunctionVersion) -> Key:
    """What must be equal for two invocations to share an environment."""
    return (
        function.scope,
        function.name,
        function.version,
        function.revision_id,
        function.code_digest,
        function.layer_digests,
    )


class Fleet:
    """Environments by key. ``make`` builds a new one; ``close`` ends one and frees what it holds."""

    def __init__(
        self, count_max: int, make: Callable[[FunctionVersion], Environment], close: Callable[[Environment], None]
    ) -> None:
        self._count_max = count_max
        self._make = make
        self._close = close
        self._idle: dict[Key, list[Environment]] = {}
        self.busy: set[Environment] = set()
        #: Idle and not frozen yet.
        self._warm: set[Environment] = set()
        self._idle_count = 0
        #: Kept environments (``kept``) that run nothing.
        self._aside_count = 0
        self._loop = asyncio.get_running_loop()

    @property
    def count(self) -> int:
        """Environments that exist."""
        return len(self.busy) + self._idle_count + self._aside_count

    @property
    def warm(self) -> tuple[Environment, ...]:
        """The idle environments that are not frozen yet."""
        return tuple(self._warm)

    @property
    def has_warm(self) -> bool:
        """Whether an idle environment is not frozen yet."""
        return bool(self._warm)

    @property
    def room(self) -> int:
        """How many more invocations could have an environment now; idle ones make room."""
        return max(0, self._count_max - len(self.busy) - self._aside_count)

    def count_of(self, arn: str) -> int:
        """Environments of a function, kept ones that are idle left out."""
        idle = sum(len(idle) for idle in self._idle.values() if idle[0].function.arn == arn)
        return idle + sum(environment.function.arn == arn for environment in self.busy)

    def take(self, function: FunctionVersion) -> Environment:
        """An idle environment of the function, or a new one. Raises InvocationThrottled when the machine is full."""
        environment = self._take_idle(environment_key(function))
        if environment is None:
            if not self.make_room():
                raise InvocationThrottled(ACCOUNT_EXCEEDED)
            environment = self._make(function)
        self.busy.add(environment)
        return environment

    def _take_idle(self, key: Key) -> Environment | None:
        while idle := self._idle.get(key):
            environment = idle.pop()
            self._idle_count -= 1
            self._warm.discard(environment)
            if not idle:
                del self._idle[key]
            if not environment.is_expiring(CREDENTIALS_LEFT_MS_MIN):
                return environment
            self._close(environment)
        return None

    def give_back(self, environment: Environment, *, is_usable: bool) -> None:
        """An invocation is over; the environment waits for the next, or goes when it may not be used again."""
        self.busy.discard(environment)
        if environment.is_retired or not is_usable:
            self._close(environment)
            return
        self.add(environment)

    def add(self, environment: Environment) -> None:
        """An environment that ``make`` made is ready for its next invocation."""
        environment.idle_since_s = self._loop.time()
        self._warm.add(environment)
        self._idle.setdefault(environment_key(environment.function), []).append(environment)
        self._idle_count += 1

    def make_room(self) -> bool:
        """Whether one more environment may exist; an idle one goes for it."""
        return self.count < self._count_max or self._evict()

    def set_aside(self, environment: Environment) -> None:
        """A kept environment that was busy waits for its next invocation; it never makes room for others."""
        self.busy.discard(environment)
        environment.idle_since_s = self._loop.time()
        self._warm.add(environment)
        self._aside_count += 1

    def bring_back(self, environment: Environment) -> None:
        """A kept environment that was set aside is busy."""
        self._aside_count -= 1
        self._warm.discard(environment)
        self.busy.add(environment)

    def _evict(self) -> bool:
        oldest = min(self._idle, key=lambda key: self._idle[key][0].idle_since_s, default=None)
        if oldest is None:
            return False
        self._remove_oldest(oldest)
        return True

    def _remove_oldest(self, key: Key) -> None:
        idle = self._idle[key]
        environment = idle.pop(0)
        self._idle_count -= 1
        self._warm.discard(environment)
        if not idle:
            del self._idle[key]
        self._close(environment)

    def freeze_idle(self, idle_s_min: float) -> None:
        """Stop what runs on in environments that have been idle for a moment."""
        before_s = self._loop.time() - idle_s_min
        still_warm: set[Environment] = set()
        for environment in self._warm:
            if environment.function.debug is not None:
                continue  # a debugger speaks with it between invocations
            if environment.idle_since_s <= before_s:
                environment.freeze()
            else:
                still_warm.add(environment)
        self._warm = still_warm

    def reclaim(self, idle_s_max: float) -> None:
        """Remove environments that have been idle for longer."""
        before_s = self._loop.time() - idle_s_max
        for key in list(self._idle):
            while (
                key in self._idle
                and self._idle[key][0].idle_since_s <= before_s
                and self._idle[key][0].function.debug is None
            ):
                self._remove_oldest(key)

    def retire(self, arn: str) -> None:
        """Remove the function's idle environments now and its busy ones after their invocation."""
        for key in [key for key, idle in self._idle.items() if idle[0].function.arn == arn]:
            while key in self._idle:
                self._remove_oldest(key)
        for environment in self.busy:
            if environment.function.arn == arn and not environment.is_kept:
                environment.is_retired = True

    def clear(self) -> None:
        """Remove every environment, busy ones included."""
        for key in list(self._idle):
            while key in self._idle:
                self._remove_oldest(key)
        for environment in self.busy:
            environment.is_retired = True
            environment.close()
