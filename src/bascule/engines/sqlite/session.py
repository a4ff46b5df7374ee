"""What the ports stand on: a write session that buffers and undoes, and a read session on a snapshot.

``WriteSession`` belongs to the writer thread and lives as long as the store; per group it opens at most one transaction
and per command at most one savepoint, each only when first needed. ``ReadSession`` lives for one query; it takes its
snapshot at the first statement, so that a query answered from the document cache never touches SQLite.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from sqlite3 import Connection, Cursor
from typing import Any, Protocol

from msgspec.json import encode as encode_json

from bascule.engines.sqlite.buffers import Overlay, Row, RowBuffer
from bascule.engines.sqlite.cache import DocumentCache
from bascule.engines.sqlite.connections import ConnectionPool
from bascule.engines.sqlite.statements import CHUNK_ROWS, insert_rows, load_statements, many_rows
from bascule.kernel.documents import DocumentKey

Parameters = Sequence[Any] | Mapping[str, Any]
DuplicateKey = tuple[str, str]
Duplicate = tuple[str, int, int]

_SQL = load_statements("session")
_DOCUMENTS = load_statements("documents")
_QUEUES = load_statements("queues")
_LOGS = load_statements("logs")
_PUT_DOCUMENTS = many_rows(_DOCUMENTS["put"])
_PUT_MESSAGES = many_rows(_QUEUES["put"])
_APPEND_RECORDS = many_rows(_LOGS["append"])
_DEDUPLICATE = many_rows(_QUEUES["deduplicate"])
#: Where a message's row says whether it belongs to an ordered group.
_IS_ORDERED = 6
_TO_SAVEPOINT = "ROLLBACK TO command"

#: Sequence numbers set aside at once, so that few groups have to write how far they came. count
RESERVE_COUNT = 65_536
#: Free pages the file keeps for what comes next, and how many an idle writer gives back at a time. count
FREE_PAGES_KEPT = 4096
RECLAIM_PAGES = 256
#: Leases remembered to settle them without asking; beyond, all are forgotten and the database is asked. count
LEASED_KNOWN_MAX = 200_000


class WriteInSnapshot(Exception):
    """A read transaction cannot write; use Store.write or Store.submit."""


class SnapshotMoved(BaseException):
    """Documents already given to a query changed before its snapshot was taken: the query is run again."""


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
        self.messages = RowBuffer(self._insert_messages)
        self._marks = RowBuffer(self._mark_leased)
        self._settled = RowBuffer(self._settle_all)
        self.records = RowBuffer(self._insert_records)
        self.documents: Overlay[DocumentKey, bytes | None] = Overlay(self._write_documents)
        self.duplicates: Overlay[DuplicateKey, Duplicate | None] = Overlay(self._write_duplicates)
        #: (queue, attempt) of leases this process gave, by sequence. What is found here needs no statement to be known.
        self.leased: dict[int, tuple[str, int]] = {}
        #: Queues with something in the buffers; may name more than that.
        self.dirty: set[str] = set()
        #: Queues that the running command may have made messages leasable in, and its other signals.
        self.touched: set[str] = set()
        self.signals: set[str] = set()
        self.actions: list[Callable[[], None]] = []
        self._group_touched: set[str] = set()
        self._group_signals: set[str] = set()
        self._group_actions: list[Callable[[], None]] = []
        self._row_buffers = (self.messages, self._marks, self._settled, self.records)
        self._buffers = (*self._row_buffers, self.documents, self.duplicates)
        self._is_begun = False
        self._is_leased_changed = False
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
        if queue in self.dirty and (self.messages.rows or self._marks.rows or self._settled.rows):
            self._flush_in_command()

    def document(self, key: DocumentKey) -> bytes | None:
        body = self.documents.look(key, _UNKNOWN)
        if body is not _UNKNOWN:
            return body
        entry = self._cache.get(key)
        if entry is not None:
            return entry[1]
        row = self._connection.execute(_DOCUMENTS["get"], (key[0], *key[1], key[2], key[3])).fetchone()
        body = None if row is None else row[0]
        self._cache.offer(key, body, self._cache.published)
        return body

    def duplicate(self, key: DuplicateKey) -> Duplicate | None:
        known = self.duplicates.look(key, None)
        if known is not None:
            return known
        return self._connection.execute(_QUEUES["duplicate_of"], key).fetchone()  # type: ignore[no-any-return]  # a row

    def next_sequence(self) -> int:
        """A number that no message or record had before."""
        sequence = self._sequence = self._sequence + 1
        return sequence

    def lease(self, queue: str, leases: Sequence[tuple[int, int]], now_ms: int, until_ms: int) -> None:
        """Note that (sequence, attempt) messages of ``queue`` have been leased."""
        if len(self.leased) > LEASED_KNOWN_MAX:
            self.leased.clear()
        self._is_leased_changed = True
        self.dirty.add(queue)
        for sequence, attempt in leases:
            self.leased[sequence] = (queue, attempt)
            self._marks.rows.append((sequence, until_ms, now_ms))

    def settle(self, queue: str, sequence: int, attempt: int) -> bool:
        """Remove a message whose newest lease is known to be this one; False when only the database can tell."""
        if self.leased.get(sequence) != (queue, attempt):
            return False
        self._is_leased_changed = True
        del self.leased[sequence]
        self._settled.rows.append((sequence,))
        self.dirty.add(queue)
        self.touched.add(queue)
        return True

    # --- what the writer uses ---

    def begin_command(self) -> None:
        """What is written from here on can be undone alone."""
        for buffer in self._row_buffers:
            buffer.begin()
        self._is_leased_changed = False

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
        if self._undo is not None:
            self._connection.execute(self._undo)
            if self._undo == _TO_SAVEPOINT:
                self._connection.execute("RELEASE command")
            else:
                self._is_begun = False
            self._undo = None
        if self._is_leased_changed:
            self.leased.clear()
        for buffer in self._buffers:
            buffer.undo()
        self.touched.clear()
        self.signals.clear()
        self.actions.clear()

    def flush_command(self) -> None:
        """Send the command's writes now, so that what SQLite refuses is this command's failure."""
        self.see()

    def flush_group(self) -> None:
        """Send everything that finished commands left in the buffers.

        A group that is one INSERT needs no transaction around it: the statement is one, and is synced as one.
        """
        self.begin_command()
        dirty = [buffer for buffer in self._buffers if buffer.is_dirty()]
        if not dirty:
            return
        is_one_insert = len(dirty) == 1 and not self._is_begun and self._sequence <= self._reserved
        if not (is_one_insert and self._is_one_statement(dirty[0])):
            self._begin()
        for buffer in dirty:
            buffer.flush_earlier()

    def _is_one_statement(self, buffer: object) -> bool:
        if buffer is self.messages:
            rows = self.messages.rows
            return len(rows) <= CHUNK_ROWS[-1] and not any(row[_IS_ORDERED] for row in rows)
        return buffer is self.records and len(self.records.rows) <= CHUNK_ROWS[-1]

    def commit(self) -> tuple[frozenset[str], list[Callable[[], None]]]:
        """Sync the group to disk and publish it; gives its signals and actions. Without writes there is nothing to sync."""
        if self._is_begun:
            commit_count = self._cache.published
            if self.documents.values or self._sequence > self._reserved:
                commit_count += 1
                reserved = max(self._reserved, self._sequence + RESERVE_COUNT)
                self._connection.execute(_SQL["advance"], (commit_count, reserved))
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

    def reclaim(self) -> bool:
        """Give a few free pages back to the file system; True while there is more to give. Between groups only."""
        free = self._connection.execute("PRAGMA freelist_count").fetchone()[0]
        if free <= FREE_PAGES_KEPT:
            return False
        self._connection.execute(f"PRAGMA incremental_vacuum({RECLAIM_PAGES})").fetchall()
        return True

    def roll_back(self) -> None:
        """Undo the whole group."""
        self._undo = None
        self._is_begun = False
        self.leased.clear()
        self._forget()
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def _forget(self) -> None:
        for buffer in self._buffers:
            buffer.clear()
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

    def _insert_messages(self, rows: Sequence[Row]) -> None:
        insert_rows(self._connection, _PUT_MESSAGES, rows)
        groups = {(row[1], row[5]) for row in rows if row[_IS_ORDERED]}
        if groups:
            self._connection.execute(_QUEUES["set_heads"], (encode_json(sorted(groups)).decode(),))

    def _mark_leased(self, rows: Sequence[Row]) -> None:
        self._connection.execute(_QUEUES["mark_leased"], (encode_json(rows).decode(),))

    def _settle_all(self, rows: Sequence[Row]) -> None:
        self._connection.execute(_QUEUES["settle_all"], (encode_json([row[0] for row in rows]).decode(),))

    def _insert_records(self, rows: Sequence[Row]) -> None:
        insert_rows(self._connection, _APPEND_RECORDS, rows)

    def _write_documents(self, bodies: Mapping[DocumentKey, bytes | None]) -> None:
        puts = [(key[0], *key[1], key[2], key[3], body) for key, body in bodies.items() if body is not None]
        insert_rows(self._connection, _PUT_DOCUMENTS, puts)
        for key, body in bodies.items():
            if body is None:
                self._connection.execute(_DOCUMENTS["delete"], (key[0], *key[1], key[2], key[3]))

    def _write_duplicates(self, duplicates: Mapping[DuplicateKey, Duplicate | None]) -> None:
        insert_rows(
            self._connection, _DEDUPLICATE, [(*key, *value) for key, value in duplicates.items() if value is not None]
        )


class ReadSession:
    """One query's consistent view of a committed state.

    Until the first statement the view is the published documents as of ``_commit_count``. The first statement takes the
    snapshot; if that is of a later commit, what the query has been given so far must read the same in it.
    """

    def __init__(self, pool: ConnectionPool, cache: DocumentCache) -> None:
        self._pool = pool
        self._cache = cache
        self._commit_count = cache.published
        self._seen: list[tuple[DocumentKey, bytes | None]] = []
        self._connection: Connection | None = None

    def begin(self) -> Connection:
        """Take the snapshot. Raises SnapshotMoved."""
        connection = self._connection = self._pool.take()
        connection.execute("BEGIN")
        commit_count = connection.execute(_SQL["commit_count"]).fetchone()[0]
        if commit_count != self._commit_count:
            self._commit_count = commit_count
            for key, body in self._seen:
                if _stored_body(connection, key) != body:
                    raise SnapshotMoved
        return connection

    def close(self) -> None:
        if self._connection is not None:
            self._pool.give_back(self._connection)
            self._connection = None

    def rows(self, sql: str, parameters: Parameters) -> Cursor:
        return (self._connection or self.begin()).execute(sql, parameters)

    def change(self, sql: str, parameters: Parameters) -> Cursor:
        raise WriteInSnapshot(WriteInSnapshot.__doc__)

    def require_writer(self) -> WriteSession:
        raise WriteInSnapshot(WriteInSnapshot.__doc__)

    def see(self) -> None:
        """A snapshot has nothing buffered."""

    def see_queue(self, queue: str) -> None:
        """A snapshot has nothing buffered."""

    def document(self, key: DocumentKey) -> bytes | None:
        if self._cache.published >= self._commit_count:
            entry = self._cache.get(key)
            if entry is not None and entry[0] <= self._commit_count:
                if self._connection is None:
                    self._seen.append((key, entry[1]))
                return entry[1]
        connection = self._connection or self.begin()
        body = _stored_body(connection, key)
        self._cache.offer(key, body, self._commit_count)
        return body

    def duplicate(self, key: DuplicateKey) -> Duplicate | None:
        return self.rows(_QUEUES["duplicate_of"], key).fetchone()  # type: ignore[no-any-return]  # a row


#: A body nobody can have written: tells "not in the overlay" from "deleted".
_UNKNOWN = bytes(bytearray(b"unknown"))


def _stored_body(connection: Connection, key: DocumentKey) -> bytes | None:
    row = connection.execute(_DOCUMENTS["get"], (key[0], *key[1], key[2], key[3])).fetchone()
    return None if row is None else row[0]
