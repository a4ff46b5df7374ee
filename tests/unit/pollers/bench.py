"""A workbench for pollers: an in-memory store, the real services and delivery engine, simulated time, a scripted runtime.

The runtime is the only part that is played: a test decides how each run ends and when.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from bascule.host.async_store import AsyncStore
from bascule.kernel.invocation import FunctionVersion, Invocation, InvocationResult, InvocationThrottled
from bascule.pollers.async_invocations import AsyncInvocations
from tests.unit.services.lambda_.desk import Desk

DONE = InvocationResult(payload=b"null", duration_ms=1.0)
BROKEN = InvocationResult(
    payload=b'{"errorMessage":"no","errorType":"ValueError"}',
    function_error="Unhandled",
    error_type="ValueError",
    error_message="no",
)

Script = Callable[[Invocation], Awaitable[InvocationResult]]


class ScriptedRuntime:
    """Runs a script instead of a function, with as many slots as a test gives it."""

    def __init__(self, slots_max: int = 50) -> None:
        self.slots_max = slots_max
        self.running: list[Invocation] = []
        self.started: list[Invocation] = []
        self.running_max = 0
        self.cold_count = 0
        self.prepared: list[FunctionVersion] = []
        self.script: Script = self.succeed

    async def succeed(self, invocation: Invocation) -> InvocationResult:
        return DONE

    async def fail(self, invocation: Invocation) -> InvocationResult:
        return BROKEN

    async def throttle(self, invocation: Invocation) -> InvocationResult:
        raise InvocationThrottled("ConcurrentInvocationLimitExceeded")

    def free_slots(self, function: FunctionVersion, *, of_any_version: bool = False) -> int:
        reserved = function.reserved_concurrency
        mine = sum(1 for invocation in self.running if invocation.function.name == function.name)
        free = self.slots_max - len(self.running)
        return max(0, free if reserved is None else min(free, reserved - mine))

    def is_used_up(self, function: FunctionVersion) -> bool:
        mine = sum(1 for invocation in self.running if invocation.function.name == function.name)
        return function.reserved_concurrency is not None and function.reserved_concurrency <= mine

    def starting_count(self) -> int:
        return self.cold_count

    def prepare(self, function: FunctionVersion) -> None:
        self.prepared.append(function)

    async def invoke(self, invocation: Invocation) -> InvocationResult:
        assert self.free_slots(invocation.function) > 0, "the poller started more than there was room for"
        self.running.append(invocation)
        self.started.append(invocation)
        self.running_max = max(self.running_max, len(self.running))
        try:
            return await self.script(invocation)
        finally:
            self.running.remove(invocation)


class Bench(Desk):
    """A desk with a running poller. ``async with Bench() as bench``."""

    def __init__(self, *, slots_max: int = 50, signals: bool = True) -> None:
        super().__init__()
        self.runtime = ScriptedRuntime(slots_max)
        self.poller = AsyncInvocations(AsyncStore(self.store), self.contexts, self.runtime)
        self._signals = signals
        self._task: asyncio.Task[None]

    async def __aenter__(self) -> Bench:
        loop = asyncio.get_running_loop()
        self.store.set_completions(loop.call_soon_threadsafe)
        if self._signals:
            self.store.on_signal(self.poller.wake)
        self._task = loop.create_task(self.poller.run())
        await self.quiet()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
        self.store.close()

    async def stop(self) -> None:
        """Stop the poller as the composition root does."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def restart(self) -> None:
        """A new poller over the same store, as after a crash: the old one never got to settle or give back."""
        self.poller = AsyncInvocations(AsyncStore(self.store), self.contexts, self.runtime)
        self.store.on_signal(self.poller.wake)
        self._task = asyncio.get_running_loop().create_task(self.poller.run())
        await self.quiet()

    async def do(self, name: str, **members: object) -> object:
        """Call an operation without blocking the loop."""
        return await asyncio.to_thread(self.call, name, **members)

    async def event(self, name: str = "orders", payload: bytes = b"{}", **members: object) -> None:
        """Queue an event."""
        await self.do("Invoke", function_name=name, invocation_type="Event", payload=payload, **members)

    async def quiet(self) -> None:
        """Until nothing is due and nothing runs."""
        await self.until(lambda: self.is_quiet)

    @property
    def is_quiet(self) -> bool:
        due_ms = self.poller.next_due_ms()
        return self.poller.is_idle and (due_ms is None or due_ms > self.clock.now_ms())

    async def until(self, condition: Callable[[], bool]) -> None:
        """Until a condition holds; bounded, because a test that hangs says nothing."""
        calm = 0
        async with asyncio.timeout(10):
            while calm < 3:
                calm = calm + 1 if condition() else 0
                await asyncio.to_thread(self.store.write, lambda tx: None)
                await asyncio.sleep(0)

    async def advance(self, seconds: float) -> None:
        """Move time through every due moment."""
        until_ms = self.clock.now_ms() + round(seconds * 1000)
        while True:
            await self.quiet()
            due_ms = self.poller.next_due_ms()
            if due_ms is None or due_ms > until_ms:
                break
            self.clock.jump_to(due_ms)
        self.clock.jump_to(until_ms)
        await self.quiet()
