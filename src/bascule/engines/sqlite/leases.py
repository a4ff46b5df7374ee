"""Leases the writer gave and still remembers, so that settling them asks the database nothing.

A remembered (queue, token) is the message's newest lease: it is replaced when the message is leased again and dropped
with everything else when messages go in a way that does not name them, when a command that changed it is undone, and when
there are too many. What is not remembered is merely slower.
"""

from __future__ import annotations

from collections.abc import Sequence

from bascule.engines.sqlite.buffers import RowBuffer

#: Leases remembered at most. count
LEASES_MAX = 200_000


class LeaseBook:
    """The remembered leases, and the rows that mark leases and remove what was settled."""

    def __init__(self, marks: RowBuffer, settled: RowBuffer) -> None:
        self._marks = marks
        self._settled = settled
        self._newest: dict[int, tuple[str, str]] = {}
        #: Whether the running command leased or settled.
        self.is_changed = False

    def lease(self, queue: str, leases: Sequence[tuple[int, str]], *, now_ms: int, until_ms: int) -> None:
        """Note that messages of ``queue`` are leased, each given as its sequence and the lease's token."""
        if len(self._newest) > LEASES_MAX:
            self._newest.clear()
        self.is_changed = True
        for sequence, token in leases:
            self._newest[sequence] = (queue, token)
        self._marks.rows.append((until_ms, now_ms, [sequence for sequence, _ in leases]))

    def settle(self, queue: str, sequence: int, token: str) -> bool:
        """Remove a message whose newest lease is remembered to be this one; False when only the database can tell."""
        if self._newest.get(sequence) != (queue, token):
            return False
        self.is_changed = True
        del self._newest[sequence]
        self._settled.rows.append((sequence, queue))
        return True

    def forget(self, sequence: int) -> None:
        """The message goes in another way."""
        self._newest.pop(sequence, None)

    def forget_all(self) -> None:
        """Messages go that nobody named."""
        self._newest.clear()

    def begin(self) -> None:
        """A command starts."""
        self.is_changed = False

    def undo(self) -> None:
        """The command failed."""
        if self.is_changed:
            self._newest.clear()
