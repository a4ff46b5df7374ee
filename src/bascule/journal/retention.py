"""Bounds the journal by age and by bytes: whole logs go, oldest first.

Each log is announced in the queue ``journal/logs`` by the transaction that may be its first writer, so no crash leaves a log
that nobody removes. Its growth is added up in memory and announced by the loop once a minute, and whenever it has become a
sixteenth of what is allowed; a crash forgets what was not announced, which then leaves with its log, uncounted.
"""

from __future__ import annotations

import msgspec

from bascule.journal.layout import LOGS_QUEUE
from bascule.journal.limits import (
    ANNOUNCED_MAX,
    GRACE_MS_MAX,
    LOGS_MAX,
    RECORD_BYTES,
    RECORDS_MAX,
    RETENTION_POLL_MS,
)
from bascule.kernel.context import Context
from bascule.kernel.documents import Collection
from bascule.kernel.loop import Loop
from bascule.kernel.queues import NewMessage, StoredMessage
from bascule.kernel.scope import Scope
from bascule.kernel.settings import Settings
from bascule.kernel.store import Tx

#: Fires when the journal has grown so much that its bounds must be looked at.
GROWN = "journal.grown"
_EVER_MS = 1 << 53


class JournalSize(msgspec.Struct, frozen=True):
    """What all logs of the journal take together."""

    bytes_count: int = 0


_sizes = Collection("journal.size", JournalSize)
_ALL = "all"


def kept_ms(settings: Settings) -> int:
    """How long stories are really kept: their age and a grace, which is never longer than the age itself."""
    return settings.journal_age_ms + min(settings.journal_age_ms, GRACE_MS_MAX)


class Retention:
    """Knows how the journal grows, and removes what is too old or too much. ``loop`` is ``journal.retention``."""

    def __init__(self, settings: Settings) -> None:
        self._kept_ms = kept_ms(settings)
        self._bytes_max = settings.journal_bytes_max
        self._announced: dict[str, None] = {}
        self._growth: dict[str, int] = {}
        self._growth_left = self._bytes_max // 16
        self.loop = Loop("journal.retention", self.tick, signals=frozenset({GROWN}), poll_ms=RETENTION_POLL_MS)

    def grew(self, tx: Tx, log: str, at_ms: int, body_bytes: int) -> None:
        """A record was appended to ``log`` in this transaction."""
        grown = body_bytes + RECORD_BYTES
        self._growth[log] = self._growth.get(log, 0) + grown
        self._growth_left -= grown
        if self._growth_left < 0:
            tx.notify(GROWN)
        if log not in self._announced:
            self._announce(tx, log, at_ms, 0)
            tx.after_commit(lambda: self._remember(log))

    def tick(self, ctx: Context, tx: Tx) -> int | None:
        """Add up what was written, then remove up to 2,000 records of logs that are too old or beyond the bytes allowed."""
        before = _sizes.get(tx.documents, Scope(), _ALL) or JournalSize()
        bytes_count = before.bytes_count + self._announce_growth(ctx, tx)
        records_left = RECORDS_MAX
        is_done = True
        for message in tx.queues.peek(LOGS_QUEUE, count_max=LOGS_MAX):
            if message.due_ms > ctx.now_ms and bytes_count <= self._bytes_max:
                break
            records_left -= tx.logs.trim(message.message_id, before_ms=_EVER_MS, count_max=max(records_left, 0))
            is_done = records_left > 0
            if not is_done:
                break
            bytes_count -= _size_of(message)
            tx.queues.settle(LOGS_QUEUE, message.sequence, None)
        else:
            is_done = tx.queues.next_due_ms(LOGS_QUEUE) is None
        if bytes_count != before.bytes_count:
            _sizes.put(tx.documents, Scope(), _ALL, JournalSize(max(bytes_count, 0)))
        return None if is_done else ctx.now_ms

    def _announce_growth(self, ctx: Context, tx: Tx) -> int:
        growth, self._growth = self._growth, {}
        self._growth_left = self._bytes_max // 16
        for log, bytes_count in growth.items():
            self._announce(tx, log, ctx.now_ms, bytes_count)
        return sum(growth.values())

    def _announce(self, tx: Tx, log: str, at_ms: int, bytes_count: int) -> None:
        tx.queues.put(
            LOGS_QUEUE,
            NewMessage(message_id=log, body=str(bytes_count).encode(), sent_ms=at_ms, due_ms=at_ms + self._kept_ms),
        )

    def _remember(self, log: str) -> None:
        if len(self._announced) >= ANNOUNCED_MAX:
            del self._announced[next(iter(self._announced))]
        self._announced[log] = None


def _size_of(message: StoredMessage) -> int:
    return int(message.body)
