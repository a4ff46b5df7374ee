"""The store: opens the database, owns the writer, the readers and the blobs, and closes them in order.

A store in memory (``open_store(None)``) is the same engine on a private temporary directory without syncs: what tests see
is what runs, and only durability differs.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from sqlite3 import Connection
from typing import TypeVar

from bascule.engines.sqlite.blobs import FileBlobs
from bascule.engines.sqlite.cache import DocumentCache
from bascule.engines.sqlite.connections import WRITER_CACHE_KIB, ConnectionPool, open_connection
from bascule.engines.sqlite.cooperative import CooperativeWriter
from bascule.engines.sqlite.directory import DataDirectory, DataDirectoryUnusable
from bascule.engines.sqlite.schema import blank_image, migrate
from bascule.engines.sqlite.session import WriteSession
from bascule.engines.sqlite.snapshot import ReadSession, SnapshotMoved
from bascule.engines.sqlite.statements import load_statements
from bascule.engines.sqlite.transaction import Ports, SqliteTx
from bascule.engines.sqlite.writer import Submission, Writer
from bascule.kernel.store import Outcome, StoreClosed, Tx

T = TypeVar("T")
_SQL = load_statements("session")


def open_store(path: Path | None) -> SqliteStore:
    """The store in directory ``path``, made when missing; None gives a private store that is gone when closed.

    Raises   DataDirectoryInUse, DataDirectoryUnusable, StoreVersionError.
    """
    if path is not None:
        return SqliteStore(DataDirectory(path), is_durable=True)
    folder = Path(tempfile.mkdtemp(prefix="bascule-"))
    directory = DataDirectory(folder)
    directory.database.write_bytes(blank_image())
    store = SqliteStore(directory, is_durable=False)
    store.on_close(weakref.finalize(store, _discard, store.writer, folder))
    return store


def _discard(writer: Writer, folder: Path) -> None:
    """What a store in memory leaves behind, also when nobody closed it."""
    writer.close()
    shutil.rmtree(folder, ignore_errors=True)


class SqliteStore:
    """``Store``; see the port for the contract."""

    def __init__(
        self,
        directory: DataDirectory,
        *,
        is_durable: bool,
        make_writer: Callable[[WriteSession, Connection], Writer] = CooperativeWriter,
    ) -> None:
        self._directory = directory
        self._afterwards: list[Callable[[], object]] = []
        self._is_closed = False
        try:
            self._connection = open_connection(directory.database, cache_kib=WRITER_CACHE_KIB, is_durable=is_durable)
            migrate(self._connection)
            commit_count, sequence = self._connection.execute(_SQL["progress"]).fetchone()
            self._blobs = FileBlobs(directory.blobs, is_durable=is_durable)
        except (sqlite3.Error, OSError) as error:
            directory.close()
            raise DataDirectoryUnusable(f"{directory.path} cannot be opened: {error}.") from error
        except BaseException:
            directory.close()
            raise
        self._cache = DocumentCache(commit_count)
        self._readers = ConnectionPool(directory.database)
        self.writer = make_writer(WriteSession(self._connection, self._cache, sequence), self._connection)

    @property
    def blobs(self) -> FileBlobs:
        return self._blobs

    def submit(self, command: Callable[[Tx], object], done: Callable[[Outcome], None]) -> None:
        self.writer.submit(Submission(command, done))

    def write(self, command: Callable[[Tx], T]) -> T:
        assert threading.current_thread() is not self.writer.thread, "a command cannot wait for another command"
        answered = threading.Lock()
        answered.acquire()
        answers: list[Outcome] = []

        def done(outcome: Outcome) -> None:
            answers.append(outcome)
            answered.release()

        self.writer.submit(Submission(command, done, is_waited=True))
        answered.acquire()
        outcome = answers[0]
        if outcome.error is not None:
            raise outcome.error
        return outcome.value  # type: ignore[return-value]  # the command's own value

    def read(self, query: Callable[[Tx], T]) -> T:
        if self._is_closed:
            raise StoreClosed("The store is closed.")
        try:
            return self._read_once(query, is_eager=False)
        except SnapshotMoved:
            return self._read_once(query, is_eager=True)

    def _read_once(self, query: Callable[[Tx], T], *, is_eager: bool) -> T:
        session = ReadSession(self._readers, self._cache)
        tx = SqliteTx(Ports(session))
        try:
            if is_eager:
                session.begin()
            return query(tx)
        finally:
            tx.end()
            session.close()

    def set_completions(self, run_soon: Callable[[Callable[[], None]], object]) -> None:
        self.writer.set_completions(run_soon)

    def run_on_loop(
        self,
        call_soon: Callable[[Callable[[], None]], object],
        call_soon_threadsafe: Callable[[Callable[[], None]], object],
    ) -> None:
        """Run commands and callbacks on the calling thread, an event loop's, from now on; only syncs leave it.

        ``write`` must not be called on that thread any more; ``close`` must be called from another while the loop runs.
        """
        assert isinstance(self.writer, CooperativeWriter)
        self.writer.attach(call_soon, call_soon_threadsafe)

    def on_signal(self, listener: Callable[[frozenset[str]], None]) -> None:
        self.writer.on_signal(listener)

    def on_close(self, action: Callable[[], object]) -> None:
        """Run ``action`` after everything has been closed."""
        self._afterwards.append(action)

    def close(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        self.writer.close()
        self._readers.close()
        self._connection.close()
        self._directory.close()
        for action in self._afterwards:
            action()
