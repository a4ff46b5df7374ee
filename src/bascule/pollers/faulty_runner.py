"""A runtime that fails on demand. Only with ``--test``: faults of invocations are given here, before a function would run."""

from __future__ import annotations

from collections.abc import Callable

from bascule.kernel.invocation import (
    FunctionVersion,
    Invocation,
    InvocationResult,
    InvocationThrottled,
    RuntimeUnavailable,
)
from bascule.kernel.streaming import ResponseStream, StreamedInvocation
from bascule.pollers.function_runner import FunctionRunner


class FaultyRunner:
    """``FunctionRunner`` that asks before every run which fault the function's ARN (unqualified) is to have, if any.

    ``throttled`` and ``unavailable`` keep the function from running; ``duplicate`` runs it twice, as at-least-once allows.
    """

    def __init__(self, runner: FunctionRunner, take: Callable[[str], str | None]) -> None:
        self._runner = runner
        self._take = take

    async def invoke(self, invocation: Invocation) -> InvocationResult:
        """Run a function once, or not, or twice; see ``FunctionRunner.invoke``."""
        error = self._take(invocation.function.arn)
        _refuse(error)
        if error == "duplicate":
            await self._runner.invoke(invocation)
        return await self._runner.invoke(invocation)

    async def invoke_streamed(self, asked: StreamedInvocation) -> InvocationResult | ResponseStream:
        """As ``invoke``; of a run that is done twice the second is streamed."""
        error = self._take(asked.invocation.function.arn)
        _refuse(error)
        if error == "duplicate":
            await self._runner.invoke(asked.invocation)
        return await self._runner.invoke_streamed(asked)

    def free_slots(self, function: FunctionVersion, *, of_any_version: bool = False) -> int:
        """How many more invocations of the function would be admitted now."""
        return self._runner.free_slots(function, of_any_version=of_any_version)

    def is_used_up(self, function: FunctionVersion) -> bool:
        """Whether the function has a reservation that admits no more now."""
        return self._runner.is_used_up(function)

    def starting_count(self) -> int:
        """Environments whose processes are being started now."""
        return self._runner.starting_count()

    def prepare(self, function: FunctionVersion) -> None:
        """Start what the function's first invocation needs, in the background."""
        self._runner.prepare(function)


def _refuse(error: str | None) -> None:
    if error == "throttled":
        raise InvocationThrottled("ConcurrentInvocationLimitExceeded")
    if error == "unavailable":
        raise RuntimeUnavailable("The function cannot be run (injected fault).")
