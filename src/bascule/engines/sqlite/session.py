"""What the ports stand on: the writer's session, which buffers and undoes.

``WriteSession`` belongs to the writer thread and lives as long as the store. Per group it opens at most one transaction and
per command at most one savepoint, each only when first needed: a command that only puts, appends, settles known leases or
touches known documents sends no statement of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from sqlite3 import Connection, Cursor
from typing import Any, Protocol

from bascule.engines.sqlite.buffers import Overlay, RowBuffer
from bascule.engines.sqlite.cache import DocumentCache
from bascule.engines.sqlite.leases import LeaseBook
from bascule.engines.sqlite.sending import Duplicate, DuplicateKey, Sender
from bascule.engines.sqlite.statements import CHUNK_ROWS, load_statements
from bascule.engines.sqlite.unsent import Unsent
from bascule.kernel.documents import DocumentKey

Parameters = Sequence[Any] | Mapping[str, Any]

_ADVANCE = load_statements("session")["advance"]
_GET_DOCUMENT = load_statements("documents")["get"]
_DUPLICATE_OF = load_statements("queues")["duplicate_of"]
_TO_SAVEPOINT = "ROLLBACK TO command"
#: A body nobody can have written: tells "not in the overlay" from "deleted".
_UNKNOWN = bytes(bytearray(b"unknown"))

#: Sequence numbers set aside at once, so that few groups have to write how far they came. count
RESERVE_COUNT = 65_536


class Session(Protocol):
    """What a port needs to know of the transaction it works in."""

    def rows(self, sql: str, parameters: Parameters) -> Cursor:
        """Run a query; what is buffered is the caller's to flush first."""

    def change(self, sql: str, parameters: Parameters) -> Cursor:
        """Run a statement that writes, so that it can be undone with its command."""

    def require_writer(self) -> WriteSession:
        """The session itself when it may write; raises WriteInSnapshot otherwise."""

    def see(self) -> None:
        """Make buffered writes visible to the next statement."""

    def see_queue(self, queue: str) -> None:
        """The same when messages of ``queue`` may be buffered."""

    def document(self, key: DocumentKey) -> bytes | None:
        """The body as this transaction sees it."""

    def duplicate(self, key: DuplicateKey) -> Duplicate | None:
        """The (message id, sequence, until_ms) remembered for (queue, key)."""


class WriteSession:
    """The writer's transaction. All methods run on the writer thread."""

    def __init__(self, connection: Connection, cache: DocumentCache, sequence: int) -> None:
        self._connection = connection
        self._cache = cache
        self._sequence = sequence
        self._reserved = sequence
        sender = Sender(connection)
        self.messages = RowBuffer(sender.insert_messages)
        self.ordered = RowBuffer(sender.insert_ordered)
        self._marks = RowBuffer(sender.mark_leased)
        self.settled = RowBuffer(sender.settle_all)
        self.records = RowBuffer(sender.insert_records)
        self.documents: Overlay[DocumentKey, bytes | None] = Overlay(sender.write_documents)
        self.duplicates: Overlay[DuplicateKey, Duplicate | None] = Overlay(sender.write_duplicates)
        self.leases = LeaseBook(self._marks, self.settled)
        self.unsent = Unsent()
        #: Queues with something in the buffers; may name more than that.
        self.dirty: set[str] = set()
        #: Queues that the running command may have made messages leasable in, and its other signals.
        self.touched: set[str] = set()
        self.signals: set[str] = set()
        self.actions: list[Callable[[], None]] = []
        self._group_touched: set[str] = set()
        self._group_signals: set[str] = set()
        self._group_actions: list[Callable[[], None]] = []
        #: In the order in which they are sent: a message is put, then leased, then settled.
        self._buffers = (
            self.messages,
            self.ordered,
            self._marks,
            self.settled,
            self.records,
            self.documents,
            self.duplicates,
        )
        self._is_begun = False
        #: How to undo the running command; None while it has sent nothing.
        self._undo: str | None = None

    # --- what ports use ---

    def rows(self, sql: str, parameters: Parameters) -> Cursor:
        return self._connection.execute(sql, parameters)

    def change(self, sql: str, parameters: Parameters) -> Cursor:
        if self._undo is None:
            self._make_undoable()
        return self._connection.execute(sql, parameters)

    def require_writer(self) -> WriteSession:
        return self

    def see(self) -> None:
        if any(buffer.is_dirty() for buffer in self._buffers):
            self._flush_in_command()

    def see_queue(self, queue: str) -> None:
        if queue in self.dirty and (self.messages.rows or self.ordered.rows or self._marks.rows or self.settled.rows):
            self._flush_in_command()

    def document(self, key: DocumentKey) -> bytes | None:
        body = self.documents.look(key, _UNKNOWN)
        if body is not _UNKNOWN:
            return body
        entry = self._cache.get(key)
        if entry is not None:
            return entry[1]
        row = self._connection.execute(_GET_DOCUMENT, (key[0], *key[1], key[2], key[3])).fetchone()
        body = None if row is None else row[0]
        self._cache.offer(key, body, self._cache.published)
        return body

    def duplicate(self, key: DuplicateKey) -> Duplicate | None:
        known = self.duplicates.look(key, None)
        if known is not None:
            return known
        return self._connection.execute(_DUPLICATE_OF, key).fetchone()  # type: ignore[no-any-return]  # a row

    def next_sequence(self) -> int:
        """A number that no message or record had before."""
        sequence = self._sequence = self._sequence + 1
        return sequence

    # --- what the writer uses ---

    def begin_command(self) -> None:
        """What is written from here on can be undone alone."""
        self.messages.begin()
        self.ordered.begin()
        self._marks.begin()
        self.settled.begin()
        self.records.begin()
        self.leases.begin()

    def keep_command(self) -> None:
        """The command succeeded: its writes become the group's."""
        if self._undo is not None:
            if self._undo == _TO_SAVEPOINT:
                self._connection.execute("RELEASE command")
            self._undo = None
        for buffer in self._buffers:
            buffer.keep()
        if self.touched:
            self._group_touched |= self.touched
            self.touched.clear()
        if self.signals:
            self._group_signals |= self.signals
            self.signals.clear()
        if self.actions:
            self._group_actions += self.actions
            self.actions.clear()

    def undo_command(self) -> None:
        """The command failed: take back all it wrote and nothing else."""
        if self._undo is not None or self.leases.is_changed:
            self.unsent.lose()
        if self._undo is not None:
            self._connection.execute(self._undo)
            if self._undo == _TO_SAVEPOINT:
                self._connection.execute("RELEASE command")
            else:
                self._is_begun = False
            self._undo = None
        self.leases.undo()
        for buffer in self._buffers:
            buffer.undo()
        self.touched.clear()
        self.signals.clear()
        self.actions.clear()

    @property
    def is_begun(self) -> bool:
        """Whether a transaction is open, which ``commit`` will sync."""
        return self._is_begun

    def flush_group(self, *, is_synced_apart: bool = False) -> None:
        """Send everything that finished commands left in the buffers.

        Takes    is_synced_apart: the sync must happen in ``commit`` and not here.
        A group that is one INSERT of records needs no transaction around it: the statement is one, and is synced as one.
        """
        self.begin_command()
        dirty = [buffer for buffer in self._buffers if buffer.is_dirty()]
        if not dirty:
            return
        is_one_insert = (
            not is_synced_apart
            and dirty == [self.records]
            and len(self.records.rows) <= CHUNK_ROWS[-1]
            and not self._is_begun
            and self._sequence <= self._reserved
        )
        if not is_one_insert:
            self._begin()
        for buffer in dirty:
            buffer.flush_earlier()

    def commit(self) -> tuple[frozenset[str], list[Callable[[], None]]]:
        """Sync the group to disk and publish it; gives its signals and actions. Without writes there is nothing to sync."""
        if self._is_begun:
            commit_count = self._cache.published
            if self.documents.values or self._sequence > self._reserved:
                commit_count += 1
                reserved = max(self._reserved, self._sequence + RESERVE_COUNT)
                self._connection.execute(_ADVANCE, (commit_count, reserved))
                self._connection.commit()
                self._reserved = reserved
                self._cache.publish(commit_count, self.documents.values)
            else:
                self._connection.commit()
            self._is_begun = False
        signals = frozenset([*self._group_signals, *[f"queue:{queue}" for queue in self._group_touched]])
        actions = self._group_actions
        self._forget()
        return signals, actions

    def roll_back(self) -> None:
        """Undo the whole group."""
        self._undo = None
        self._is_begun = False
        self.leases.forget_all()
        self._forget()
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def _forget(self) -> None:
        for buffer in self._buffers:
            buffer.clear()
        self.unsent.clear()
        self.dirty.clear()
        self.touched.clear()
        self.signals.clear()
        self.actions.clear()
        self._group_touched = set()
        self._group_signals = set()
        self._group_actions = []

    def _begin(self) -> None:
        if not self._is_begun:
            self._connection.execute("BEGIN IMMEDIATE")
            self._is_begun = True

    def _make_undoable(self) -> None:
        """Before a command's first statement. The first one of a group needs no savepoint: the transaction is its own."""
        if self._is_begun:
            self._connection.execute("SAVEPOINT command")
            self._undo = _TO_SAVEPOINT
        else:
            self._begin()
            self._undo = "ROLLBACK"

    def _flush_in_command(self) -> None:
        self.unsent.clear()
        if self._undo is None:
            for buffer in self._buffers:
                if buffer.has_earlier():
                    self._begin()
                    buffer.flush_earlier()
            if not any(buffer.is_dirty() for buffer in self._buffers):
                return
            self._make_undoable()
        for buffer in self._buffers:
            buffer.flush()
