"""Logs: records that are appended, read in order and trimmed.

CloudWatch log streams, event journals, archives and stream shards are logs. A log is named by an opaque string. Positions
are sequence numbers that increase within a log, are never reused and may have gaps.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import msgspec


class Record(msgspec.Struct, frozen=True):
    """One record as read."""

    sequence: int
    at_ms: int
    body: bytes


class Logs(Protocol):
    """The log port of a transaction."""

    def append(self, log: str, records: Iterable[tuple[int, bytes]]) -> None:
        """Add (at_ms, body) records in order. Buffered: costs no statement of its own."""

    def read(self, log: str, *, after: int = 0, count_max: int = 1000) -> Sequence[Record]:
        """Records with a sequence > ``after``, oldest first."""

    def read_back(self, log: str, *, before: int | None = None, count_max: int = 1000) -> Sequence[Record]:
        """Records with a sequence < ``before`` (None: the end), newest first."""

    def trim(self, log: str, *, before_ms: int, count_max: int = 10_000) -> int:
        """Remove up to ``count_max`` records with ``at_ms`` < ``before_ms``; gives how many."""

    def drop(self, log: str) -> int:
        """Remove the log whole; gives how many records it had."""
