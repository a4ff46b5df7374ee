"""One function's asynchronous events on their way through this process: what is leased, what runs, how many may run.

A lane starts with a few environments and widens while leased work waits and either what runs does not end, or more
environments have ended more: they are processes on a machine with few cores, so a burst of quick events is drained by a few
warm ones, while functions that wait for something get as many as the settings allow within a fraction of a second. A lane
never shares anything with another, except room.
"""

from __future__ import annotations

from collections import deque

from bascule.kernel.invocation import FunctionVersion
from bascule.services.lambda_.async_work import AsyncFunction, Work

#: Environments that a lane uses before it has shown that it needs more. count
WIDTH_MIN = 4
#: Work waits this long before the lane is widened. seconds
WIDEN_AFTER_S = 0.02
#: Runs must end this much faster at the present width than at the one before to be worth a wider lane. factor; ours
WIDEN_GAIN_MIN = 1.2
#: Events leased ahead of free environments while runs are short. count
AHEAD_MAX = 64
#: Events ended by one look into the queue of a function that may not run. count
END_COUNT = 100
#: A run that takes longer than this is not short. seconds
SHORT_RUN_S = 0.05


class Lane:
    """Bookkeeping for one function; the poller decides and acts."""

    def __init__(self, function: AsyncFunction) -> None:
        self.function = function
        #: None until first looked up.
        self.latest: FunctionVersion | None = None
        #: When the queue is next due, as last seen; None when it was empty.
        self.due_ms: int | None = None
        #: Something happened to the queue since ``due_ms`` was read.
        self.is_stale = True
        self.is_leasing = False
        #: Releases of leases that are being written. count
        self.returning_count = 0
        #: Leased and not yet started.
        self.backlog: deque[Work] = deque()
        #: Leased and not yet settled, by sequence: started or in the backlog.
        self.held: dict[int, Work] = {}
        self.running_count = 0
        self.width = WIDTH_MIN
        #: When runs that ended began to be counted; 0 while nothing has waited.
        self._looked_s = 0.0
        self._ended_count = 0
        #: Runs a second that ended before the lane became as wide as it is.
        self._rate = 0.0
        self._run_s = 0.0

    def __str__(self) -> str:
        return self.function.arn

    def next_due_ms(self) -> int | None:
        """The earliest moment this lane waits for."""
        return self.due_ms

    @property
    def is_busy(self) -> bool:
        """Whether anything of this lane is under way in this process."""
        return self.is_leasing or self.returning_count > 0 or bool(self.held)

    @property
    def must_end_all(self) -> bool:
        """Reserved concurrency 0: events are not run but ended, so no free environment is needed."""
        return self.latest is not None and self.latest.reserved_concurrency == 0

    def ran(self, seconds: float, *, is_cold: bool) -> None:
        """A run took this long; recent runs weigh most. Of one that had to start a process the length tells nothing."""
        self._ended_count += 1
        if not is_cold:
            self._run_s = seconds if self._run_s == 0.0 else 0.7 * self._run_s + 0.3 * seconds

    def lease_count(self, free: int) -> int:
        """How many events to lease now, with ``free`` environments to be had.

        Gives    enough for what can be started at once, and some ahead: one, whose waiting shows that the lane is too
                 narrow, or many while runs are so short that looking into the queue would take longer than they do.
        """
        if self.must_end_all:
            return END_COUNT
        startable = min(free, self.width - self.running_count)
        if startable <= 0 and self.running_count == 0:
            return 0
        is_short = 0.0 < self._run_s < SHORT_RUN_S
        ahead = min(AHEAD_MAX, 4 * self.width) if is_short else 1
        return max(0, max(0, startable) + ahead - len(self.backlog))

    def start_count(self, free: int) -> int:
        """How much of the backlog may be started now."""
        return max(0, min(free, self.width - self.running_count, len(self.backlog)))

    def widen(self, now_s: float, width_max: int) -> None:
        """Work has waited long enough: allow more environments at once if that is likely to end more."""
        passed_s = now_s - self._looked_s
        if self._looked_s == 0.0:
            self._looked_s, self._ended_count = now_s, 0
            return
        if passed_s < WIDEN_AFTER_S:
            return
        ended_count, self._ended_count, self._looked_s = self._ended_count, 0, now_s
        rate = ended_count / passed_s
        # When runs are known to be short and none ended, the machine stood still, not the function.
        is_slow = ended_count == 0 and not 0.0 < self._run_s < WIDEN_AFTER_S
        if is_slow or rate > WIDEN_GAIN_MIN * self._rate:
            self._rate = rate
            self.width = min(width_max, self.width + max(1, self.width // 2))

    def narrow(self) -> None:
        """Nothing waits any more: start small with the next burst."""
        self.width = WIDTH_MIN
        self._rate = self._looked_s = 0.0
