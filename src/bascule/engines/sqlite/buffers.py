"""What a group has written but not yet sent to SQLite, and how one command's part of it is undone.

Rules of the file: ``begin`` marks where a command starts; ``keep`` makes its part the group's; ``undo`` takes it back.
A flush inside a command's savepoint also sends what earlier commands left, and rolling the savepoint back unsends that,
so it is remembered and returns to the buffer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")
Row = tuple[Any, ...]


class RowBuffer:
    """Rows to insert, in order."""

    def __init__(self, insert: Callable[[Sequence[Row]], None]) -> None:
        self.rows: list[Row] = []
        self._insert = insert
        self._start = 0
        self._unsent: list[Row] = []

    def begin(self) -> None:
        self._start = len(self.rows)

    def is_dirty(self) -> bool:
        """Whether the database lacks something that a statement should see."""
        return bool(self.rows)

    def has_earlier(self) -> bool:
        """Whether finished commands of the group left something here."""
        return self._start > 0

    def flush_earlier(self) -> None:
        """Send the rows of earlier commands; no savepoint is open."""
        if self._start:
            self._insert(self.rows[: self._start])
            del self.rows[: self._start]
            self._start = 0

    def flush(self) -> None:
        """Send everything; the running command's savepoint is open."""
        if self.rows:
            self._insert(self.rows)
            self._unsent += self.rows[: self._start]
            self.rows.clear()
            self._start = 0

    def keep(self) -> None:
        self._unsent.clear()

    def undo(self) -> None:
        del self.rows[self._start :]
        if self._unsent:
            self.rows[:0] = self._unsent
            self._unsent.clear()

    def clear(self) -> None:
        """Forget everything: the group is over."""
        self.rows.clear()
        self._unsent.clear()
        self._start = 0


class Overlay(Generic[K, V]):
    """Values by key on top of the committed state; the last write of a key wins."""

    def __init__(self, write: Callable[[dict[K, V]], None]) -> None:
        #: What the finished commands of the group wrote, sent or not.
        self.values: dict[K, V] = {}
        self._write = write
        self._dirty: dict[K, V] = {}
        self._own: dict[K, V] = {}
        self._own_dirty: dict[K, V] = {}
        self._unsent: dict[K, V] = {}

    def look(self, key: K, default: V) -> V:
        """The value as the running command sees it, or ``default`` when the group did not write it."""
        if self._own and key in self._own:
            return self._own[key]
        return self.values.get(key, default)

    def set(self, key: K, value: V) -> None:
        self._own[key] = value
        self._own_dirty[key] = value

    def is_dirty(self) -> bool:
        """Whether the database lacks something that a statement should see."""
        return bool(self._dirty or self._own_dirty)

    def has_earlier(self) -> bool:
        """Whether finished commands of the group left something here."""
        return bool(self._dirty)

    def flush_earlier(self) -> None:
        if self._dirty:
            self._write(self._dirty)
            self._dirty = {}

    def flush(self) -> None:
        if self._dirty or self._own_dirty:
            self._write(self._dirty | self._own_dirty)
            self._unsent |= self._dirty
            self._dirty = {}
            self._own_dirty = {}

    def keep(self) -> None:
        if self._own:
            self.values |= self._own
            self._dirty |= self._own_dirty
            self._own = {}
            self._own_dirty = {}
        if self._unsent:
            self._unsent = {}

    def undo(self) -> None:
        self._own = {}
        self._own_dirty = {}
        if self._unsent:
            self._dirty = self._unsent | self._dirty
            self._unsent = {}

    def clear(self) -> None:
        self.values = {}
        self._dirty = {}
        self._own = {}
        self._own_dirty = {}
        self._unsent = {}
