"""Logs: records that are appended, read in order and trimmed.

CloudWatch log streams, event journals, archives and stream shards are logs. A log is named by an opaque string. Positions
are sequence numbers that are never reused and may have gaps. They increase over all logs of the store in the order in which
records are committed: what is committed later has a higher one, whatever log it is in and whatever its time.
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


class Followed(msgspec.Struct, frozen=True):
    """What a look at several logs gave: (log, record) pairs in order, and the position to go on from."""

    records: list[tuple[str, Record]]
    position: int
    #: Nothing newer was committed when this was read.
    is_end: bool


class Logs(Protocol):
    """The log port of a transaction."""

    def append(self, log: str, records: Iterable[tuple[int, bytes]]) -> None:
        """Add (at_ms, body) records in order. Buffered: costs no statement of its own."""

    def read(self, log: str, *, after: int = 0, count_max: int = 1000) -> Sequence[Record]:
        """Records with a sequence > ``after``, oldest first."""

    def read_back(self, log: str, *, before: int | None = None, count_max: int = 1000) -> Sequence[Record]:
        """Records with a sequence < ``before`` (None: the end), newest first."""

    def follow(self, prefix: str, *, after: int, count_max: int) -> Followed:
        """New records of all logs whose names begin with ``prefix``, oldest first, to go through whatever is committed.

        Takes    after: a position given before; count_max: records looked at, also those of other logs.
        Promise  whoever goes on from each position sees every record that is still there once, and none twice.
        """

    def position(self) -> int:
        """The position of the newest record of any log; 0 when there was never one."""

    def trim(self, log: str, *, before_ms: int, count_max: int = 10_000) -> int:
        """Remove up to ``count_max`` records with ``at_ms`` < ``before_ms``; gives how many."""

    def drop(self, log: str) -> int:
        """Remove the log whole; gives how many records it had."""
