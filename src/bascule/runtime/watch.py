"""The watch: looks at busy environments while there are any, and at idle ones rarely.

One timer for all. An invocation shorter than one interval is never looked at, so the fast path pays nothing.
"""

from __future__ import annotations

import asyncio

from bascule.runtime.fleet import Fleet
from bascule.runtime.governor import Governor
from bascule.runtime.limits import FREEZE_AFTER_S, LOOKS_PER_CENSUS, WATCH_S


class Watch:
    """Calls ``Environment.look`` on busy environments and ``Fleet.reclaim`` now and then."""

    def __init__(self, fleet: Fleet, governor: Governor, idle_s_max: float) -> None:
        self._fleet = fleet
        self._governor = governor
        self._idle_s_max = idle_s_max
        self._reclaim_every_s = min(10.0, max(WATCH_S, idle_s_max / 4))
        self._loop = asyncio.get_running_loop()
        self._looks = 0
        self._look_timer: asyncio.TimerHandle | None = None
        self._reclaim_timer = self._loop.call_later(self._reclaim_every_s, self._reclaim)

    def wake(self) -> None:
        """An environment became busy."""
        if self._look_timer is None:
            self._look_timer = self._loop.call_later(WATCH_S, self._look)

    def _look(self) -> None:
        self._looks += 1
        is_census = self._looks % LOOKS_PER_CENSUS == 0
        began_before_s = self._loop.time() - WATCH_S
        for environment in list(self._fleet.busy):
            if environment.busy_since_s <= began_before_s:
                environment.look(is_census)
        if is_census:
            self._fleet.freeze_idle(FREEZE_AFTER_S)
            self._governor.survey()
        self._governor.tick()
        self._look_timer = None
        if self._fleet.busy or self._fleet.has_warm:
            self.wake()

    def _reclaim(self) -> None:
        self._fleet.reclaim(self._idle_s_max)
        self._reclaim_timer = self._loop.call_later(self._reclaim_every_s, self._reclaim)

    def stop(self) -> None:
        """Look no more."""
        self._reclaim_timer.cancel()
        if self._look_timer is not None:
            self._look_timer.cancel()
