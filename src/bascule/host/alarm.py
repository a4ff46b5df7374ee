"""Sleeping until a moment of the server's clock, or until somebody rings. What every loop of the host sleeps on.

Rung between two sleeps, an alarm keeps ringing until it is silenced, so nothing that happens before a sleep is slept through.
"""

from __future__ import annotations

import asyncio

from bascule.kernel.clock import Clock


class Alarm:
    """One sleeper's alarm; used on its event loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._event = asyncio.Event()

    def follow_time(self) -> None:
        """Ring from now on whenever time jumps, whichever thread moves it. Call on the event loop, once."""
        loop = asyncio.get_running_loop()

        def time_moved() -> None:
            loop.call_soon_threadsafe(self._event.set)

        self._clock.on_change(time_moved)

    def ring(self) -> None:
        """End the sleep, or the next one at once."""
        self._event.set()

    @property
    def is_ringing(self) -> bool:
        """Whether somebody rang since it was silenced."""
        return self._event.is_set()

    def silence(self) -> None:
        """Whatever rang so far has been seen."""
        self._event.clear()

    async def sleep(self, until_ms: int | None) -> None:
        """Sleep until ``until_ms`` of the clock or until it rings; None has no end of its own."""
        seconds = None if until_ms is None else self._clock.real_seconds_until(until_ms)
        try:
            await asyncio.wait_for(self._event.wait(), timeout=seconds)
        except TimeoutError:
            return
