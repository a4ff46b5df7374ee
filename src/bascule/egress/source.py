"""Where requests come from, and where their answers go: what a service offers to the poller."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from bascule.kernel.context import Context
from bascule.kernel.store import Tx
from bascule.services.sns.http_work import Answer, HttpWork, Leased, Seen


class Source(Protocol):
    """Queues of requests. Synchronous; state only through ``tx``."""

    @property
    def prefix(self) -> str:
        """What the names of its queues begin with."""

    def queues(self, tx: Tx) -> list[str]:
        """The queues that may have requests."""

    def look(self, tx: Tx, queue: str) -> Seen | None:
        """When a queue is next due and how fast it may be sent; None when it is no more."""

    def lease(self, ctx: Context, tx: Tx, queue: str, *, count_max: int) -> Leased | None:
        """Lease up to ``count_max`` requests; None when the queue is no more."""

    def settle(self, ctx: Context, tx: Tx, work: HttpWork, answer: Answer) -> None:
        """Write what an answer leads to."""

    def give_back(self, tx: Tx, works: Iterable[HttpWork], *, now_ms: int) -> None:
        """Make leased requests due at once that this process will not make."""

    def take_back(self, tx: Tx, queue: str, *, now_ms: int) -> int:
        """Make requests due that a process which is no more had leased; gives how many."""
