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
from bascule.engines.sqlite.statements import insert_rows, load_statements, many_rows
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
        self.sequence = sequence
        self.messages = RowBuffer(self._insert_messages)
        self.records = RowBuffer(self._insert_records)
        self.documents: Overlay[DocumentKey, bytes | None] = Overlay(self._write_documents)
        self.duplicates: Overlay[DuplicateKey, Duplicate | None] = Overlay(self._write_duplicates)
        #: Queues that the running command made leasable messages in, and its other signals.
        self.touched: set[str] = set()
        self.signals: set[str] = set()
        self.actions: list[Callable[[], None]] = []
        self._group_touched: set[str] = set()
        self._group_signals: set[str] = set()
        self._group_actions: list[Callable[[], None]] = []
        self._buffers = (self.messages, self.records, self.documents, self.duplicates)
        self._is_begun = False
        self._has_savepoint = False

    # --- what ports use ---

    def rows(self, sql: str, parameters: Parameters) -> Cursor:
        return self._connection.execute(sql, parameters)

    def change(self, sql: str, parameters: Parameters) -> Cursor:
        if not self._has_savepoint:
            self._open_savepoint()
        return self._connection.execute(sql, parameters)

    def require_writer(self) -> WriteSession:
        return self

    def see(self) -> None:
        if self.messages.rows or self.records.rows or self.documents.is_dirty() or self.duplicates.is_dirty():
            self._flush_in_command()

    def see_queue(self, queue: str) -> None:
        if self.messages.rows and (queue in self.touched or queue in self._group_touched):
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
        self.sequence += 1
        return self.sequence

    # --- what the writer uses ---

    def begin_command(self) -> None:
        for buffer in (self.messages, self.records):
            buffer.begin()

    def keep_command(self) -> None:
        """The command succeeded: its writes become the group's."""
        if self._has_savepoint:
            self._connection.execute("RELEASE command")
            self._has_savepoint = False
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
        if self._has_savepoint:
            self._connection.execute("ROLLBACK TO command")
            self._connection.execute("RELEASE command")
            self._has_savepoint = False
        for buffer in self._buffers:
            buffer.undo()
        self.touched.clear()
        self.signals.clear()
        self.actions.clear()

    def flush_command(self) -> None:
        """Send the command's writes now, so that what SQLite refuses is this command's failure."""
        self.see()

    def flush_group(self) -> None:
        """Send everything that finished commands left in the buffers."""
        self.begin_command()
        if self.messages.rows or self.records.rows or self.documents.is_dirty() or self.duplicates.is_dirty():
            self._begin()
            for buffer in self._buffers:
                buffer.flush_earlier()

    def commit(self) -> tuple[frozenset[str], list[Callable[[], None]]]:
        """Sync the group to disk and publish it; gives its signals and actions. Without writes there is nothing to sync."""
        if self._is_begun:
            commit_count = self._cache.published + 1
            self._connection.execute(_SQL["advance"], (commit_count, self.sequence))
            self._connection.execute("COMMIT")
            self._is_begun = False
            self._cache.publish(commit_count, self.documents.values)
        signals = frozenset([*self._group_signals, *[f"queue:{queue}" for queue in self._group_touched]])
        actions = self._group_actions
        self._forget()
        return signals, actions

    def roll_back(self) -> None:
        """Undo the whole group."""
        self._has_savepoint = False
        self._is_begun = False
        self._forget()
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def _forget(self) -> None:
        for buffer in self._buffers:
            buffer.clear()
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

    def _open_savepoint(self) -> None:
        self._begin()
        self._connection.execute("SAVEPOINT command")
        self._has_savepoint = True

    def _flush_in_command(self) -> None:
        if not self._has_savepoint:
            self._begin()
            for buffer in self._buffers:
                buffer.flush_earlier()
            if not any(buffer.has_own() for buffer in self._buffers):
                return
            self._open_savepoint()
        for buffer in self._buffers:
            buffer.flush()

    def _insert_messages(self, rows: Sequence[Row]) -> None:
        insert_rows(self._connection, _PUT_MESSAGES, rows)
        groups = {(row[1], row[5]) for row in rows if row[6]}
        if groups:
            self._connection.execute(_QUEUES["set_heads"], (encode_json(sorted(groups)).decode(),))

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
