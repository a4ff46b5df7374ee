"""What a poller needs of the runtime: run a function, and how many more of it may be started now."""

from __future__ import annotations

from typing import Protocol

from bascule.kernel.invocation import FunctionVersion, Invocation, InvocationResult
from bascule.kernel.streaming import ResponseStream, StreamedInvocation


class FunctionRunner(Protocol):
    """The runtime as pollers see it; ``bascule.runtime`` offers it."""

    async def invoke(self, invocation: Invocation) -> InvocationResult:
        """Run a function once.

        Raises   InvocationThrottled, RuntimeUnavailable.
        Promise  a slot is taken before the first await, so ``free_slots`` is right as soon as this was called.
        """

    async def invoke_streamed(self, asked: StreamedInvocation) -> InvocationResult | ResponseStream:
        """Run a function once and give its answer as soon as it begins to come, or how it ended. Raises as ``invoke``."""

    def free_slots(self, function: FunctionVersion, *, of_any_version: bool = False) -> int:
        """How many more invocations of the function would be admitted now.

        Takes    of_any_version: count environments that are kept for its other versions, too.
        """

    def is_used_up(self, function: FunctionVersion) -> bool:
        """Whether the function has a reservation that admits no more now, so that AWS, too, would throttle."""

    def starting_count(self) -> int:
        """Environments whose processes are being started now, of all functions."""

    def prepare(self, function: FunctionVersion) -> None:
        """Start what the function's first invocation needs, in the background."""
