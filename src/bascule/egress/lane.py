"""One queue's requests on their way through this process: what is leased, and how many may run at once or in a second."""

from __future__ import annotations

from collections import deque

from bascule.services.sns.http_work import HttpWork

#: Attempts of one lane at once. count
WIDTH = 10
#: The span that a rate is counted over. milliseconds
SECOND_MS = 1_000


class Lane:
    """Bookkeeping for one queue; the poller decides and acts."""

    def __init__(self, queue: str) -> None:
        self.queue = queue
        #: When the queue is next due, as last seen; None when it was empty.
        self.due_ms: int | None = None
        #: Attempts that may start in a second; 0 is no bound.
        self.per_second_max = 0
        #: Something happened to the queue since it was looked at.
        self.is_stale = True
        self.is_leasing = False
        #: Leased and not yet settled, by sequence.
        self.held: dict[int, HttpWork] = {}
        self._started_ms: deque[int] = deque()

    @property
    def is_busy(self) -> bool:
        """Whether anything of this lane is under way in this process."""
        return self.is_leasing or bool(self.held)

    def __str__(self) -> str:
        return self.queue

    def next_due_ms(self) -> int | None:
        """When the next attempt may start, as far as time decides it."""
        if self.due_ms is None or not self.per_second_max or len(self._started_ms) < self.per_second_max:
            return self.due_ms
        return max(self.due_ms, self._started_ms[-self.per_second_max] + SECOND_MS)

    def lease_count(self, now_ms: int, room: int) -> int:
        """How many requests to lease now.

        Takes    room: attempts that may start besides those that run; a lane that runs none may always start one.
        """
        count = min(WIDTH - len(self.held), max(room, 0 if self.held else 1))
        if self.per_second_max:
            while self._started_ms and self._started_ms[0] <= now_ms - SECOND_MS:
                self._started_ms.popleft()
            count = min(count, self.per_second_max - len(self._started_ms))
        return max(0, count)

    def started(self, now_ms: int) -> None:
        """An attempt starts."""
        if self.per_second_max:
            self._started_ms.append(now_ms)
            while len(self._started_ms) > self.per_second_max:
                self._started_ms.popleft()
