"""A read transaction: one query's consistent view of a committed state.

It takes its snapshot at the first statement, so that a query answered from the document cache never touches SQLite. Until
then the view is the published documents as of one commit. If the snapshot turns out to be of a later one, what the query
has been given so far must read the same in it; otherwise the query is run again, on a snapshot taken first.
"""

from __future__ import annotations

from sqlite3 import Connection, Cursor

from bascule.engines.sqlite.cache import DocumentCache
from bascule.engines.sqlite.connections import ConnectionPool
from bascule.engines.sqlite.sending import Duplicate, DuplicateKey
from bascule.engines.sqlite.session import Parameters, WriteSession
from bascule.engines.sqlite.statements import load_statements
from bascule.kernel.documents import DocumentKey

_SQL = load_statements("session")
_GET_DOCUMENT = load_statements("documents")["get"]
_DUPLICATE_OF = load_statements("queues")["duplicate_of"]


class WriteInSnapshot(Exception):
    """A read transaction cannot write; use Store.write or Store.submit."""


class SnapshotMoved(BaseException):
    """Documents already given to a query changed before its snapshot was taken: the query is run again."""


class ReadSession:
    """``Session`` of one query. ``_commit_count`` numbers the state it sees."""

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
        return self.rows(_DUPLICATE_OF, key).fetchone()  # type: ignore[no-any-return]  # a row


def _stored_body(connection: Connection, key: DocumentKey) -> bytes | None:
    row = connection.execute(_GET_DOCUMENT, (key[0], *key[1], key[2], key[3])).fetchone()
    return None if row is None else row[0]
