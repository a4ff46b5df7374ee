"""What functions with live code do, for the person who edits them: lines as they are printed, invocations as they end.

Bounded and in memory: it is a view of now, not a log. What it shows is in the function's log, too.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from bascule.kernel.clock import Clock
from bascule.kernel.invocation import Invocation, InvocationResult
from bascule.runtime.environment_log import EnvironmentLog

#: Happenings kept for a reader that is late. count; ours
HAPPENINGS_MAX = 5_000

Happening = dict[str, Any]


class LiveFeed:
    """Happenings in order, each with a number."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: deque[Happening] = deque(maxlen=HAPPENINGS_MAX)
        self._number = 0
        self._more = asyncio.Event()

    def add(self, kind: str, arn: str, **told: object) -> None:
        """Something happened to a function."""
        self._number += 1
        self._kept.append({"number": self._number, "kind": kind, "at_ms": self._clock.now_ms(), "arn": arn, **told})
        self._more.set()
        self._more = asyncio.Event()

    def ended(self, arn: str, invocation: Invocation, result: InvocationResult) -> None:
        """An invocation is over."""
        self.add(
            "invocation",
            arn,
            request_id=invocation.request_id,
            event_id=invocation.event_id,
            is_async=invocation.is_async,
            attempt=invocation.attempt,
            duration_ms=round(result.duration_ms, 2),
            init_ms=None if result.init_ms is None else round(result.init_ms, 2),
            memory_mb=result.memory_used_mb,
            stream=result.log_stream,
            error_type=result.error_type,
            error_message=result.error_message,
            is_error=result.function_error is not None,
        )

    async def after(self, number: int, wait_s: float) -> tuple[list[Happening], int]:
        """What came after a number (negative: only what comes from now on), and the number to go on from.

        Waits up to ``wait_s`` for something.
        """
        if number < 0 or number > self._number:
            number = self._number
        if number == self._number and wait_s > 0:
            try:
                await asyncio.wait_for(self._more.wait(), wait_s)
            except TimeoutError:
                pass
        return [happening for happening in self._kept if happening["number"] > number], self._number


class FollowedLog(EnvironmentLog):
    """The log of an environment that also tells the feed what the function prints, as it prints it."""

    feed: LiveFeed
    arn: str

    def follow(self, feed: LiveFeed, arn: str) -> FollowedLog:
        """Tell this feed, as lines of this function."""
        self.feed, self.arn = feed, arn
        return self

    def printed(self, messages: list[str]) -> bool:
        """See ``EnvironmentLog``."""
        self.feed.add("lines", self.arn, stream=self.stream, lines=messages)
        return super().printed(messages)
