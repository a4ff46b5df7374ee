"""What a group's unsent puts and leases mean for its next lease, so that it need not send them first.

A lease takes the first due messages of its queue. The next lease of the group may go on where that one came to, as long as
nothing unsent belongs before: a put that is due earlier, or a lease that is over already. Whoever is not sure sends
everything and starts anew; that is only slower. Queues with ordered groups are no matter of this file.
"""

from __future__ import annotations

NEVER_MS = 1 << 62


class Unsent:
    """By queue: where the group's leases came to, and when the earliest of its puts is due."""

    def __init__(self) -> None:
        #: Something is unsent that is not told here.
        self._is_lost = False
        self._least_due_ms: dict[str, int] = {}
        #: (due_ms, sequence) of the last message leased, the earliest end of a lease, and what counted as expired.
        self._reached: dict[str, tuple[int, int, int, int]] = {}
        #: Queues that have no ordered message in the database.
        self.unordered: set[str] = set()

    def put(self, queue: str, due_ms: int) -> None:
        """A message was put that is due then."""
        if due_ms < self._least_due_ms.get(queue, NEVER_MS):
            self._least_due_ms[queue] = due_ms

    def leased(self, queue: str, due_ms: int, sequence: int, *, until_ms: int, sent_after_ms: int) -> None:
        """Every message that could be leased up to (due_ms, sequence) was."""
        known = self._reached.get(queue)
        least_until_ms = until_ms if known is None else min(until_ms, known[2])
        self._reached[queue] = (due_ms, sequence, least_until_ms, sent_after_ms)

    def start(self, queue: str, *, now_ms: int, sent_after_ms: int) -> tuple[int, int] | None:
        """The due time and sequence after which a lease finds what it may take; None when it must send everything first."""
        if self._is_lost:
            return None
        reached = self._reached.get(queue)
        if reached is None:
            return sent_after_ms + 1, 0
        due_ms, sequence, least_until_ms, expired_ms = reached
        return None if least_until_ms <= now_ms or expired_ms > sent_after_ms else (due_ms, sequence)

    def has_put_before(self, queue: str, due_ms: int) -> bool:
        """Whether an unsent put is due before a moment."""
        return self._least_due_ms.get(queue, NEVER_MS) < due_ms

    def lose(self) -> None:
        """A command that leased or sent something was undone: what is unsent now is not known here."""
        self._reached.clear()
        self.unordered.clear()
        self._is_lost = True

    def clear(self) -> None:
        """Everything was sent, or the group is over."""
        self._reached.clear()
        self.unordered.clear()
        self._least_due_ms.clear()
        self._is_lost = False
