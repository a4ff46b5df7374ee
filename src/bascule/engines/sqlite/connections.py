"""Opening SQLite connections, and the pool of snapshot readers.

The pragmas and their reasons are listed in ``docs/decisions/0001``.
"""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path
from sqlite3 import Connection

#: Statements kept prepared on a connection. count
PREPARED_MAX = 256
#: Wait for another connection's lock; ours never meet, but a backup tool may hold one. milliseconds
BUSY_MS = 10_000
#: Page cache of the writer and of each reader. KiB
WRITER_CACHE_KIB = 64 * 1024
READER_CACHE_KIB = 8 * 1024
#: Pages in the write-ahead log before the writer copies them into the database. Small, so that each stall is. count
CHECKPOINT_PAGES = 1000
#: A log that a long reader made grow is cut back to this. bytes
LOG_BYTES_MAX = 64 * 1024 * 1024
#: Free pages the file keeps for what comes next, and how many an idle writer gives back at a time. count
FREE_PAGES_KEPT = 4096
RECLAIM_PAGES = 256
#: Idle readers kept open. count
READERS_IDLE_MAX = 8


def open_connection(path: Path, *, cache_kib: int, is_durable: bool) -> Connection:
    """A connection in autocommit mode that any one thread at a time may use."""
    connection = sqlite3.connect(
        path, isolation_level=None, check_same_thread=False, cached_statements=PREPARED_MAX, timeout=BUSY_MS / 1000
    )
    connection.execute(f"PRAGMA synchronous = {'FULL' if is_durable else 'OFF'}")
    connection.execute(f"PRAGMA cache_size = -{cache_kib}")
    connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    connection.execute(f"PRAGMA journal_size_limit = {LOG_BYTES_MAX}")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA secure_delete = OFF")
    connection.execute("PRAGMA trusted_schema = OFF")
    return connection


def reclaim_space(connection: Connection) -> bool:
    """Give a few free pages back to the file system; True while there is more to give. Outside transactions only."""
    free = connection.execute("PRAGMA freelist_count").fetchone()[0]
    if free <= FREE_PAGES_KEPT:
        return False
    connection.execute(f"PRAGMA incremental_vacuum({RECLAIM_PAGES})").fetchall()
    return True


class ConnectionPool:
    """Read-only connections, lent to one query at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: list[Connection] = []
        self._lock = threading.Lock()
        self._is_closed = False

    def take(self) -> Connection:
        """An idle connection or a new one."""
        with self._lock:
            if self._idle:
                return self._idle.pop()
        connection = open_connection(self._path, cache_kib=READER_CACHE_KIB, is_durable=True)
        connection.execute("PRAGMA query_only = ON")
        return connection

    def give_back(self, connection: Connection) -> None:
        """End the snapshot and keep the connection for the next query."""
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        with self._lock:
            if not self._is_closed and len(self._idle) < READERS_IDLE_MAX:
                self._idle.append(connection)
                return
        connection.close()

    def close(self) -> None:
        """Close idle connections; lent ones are closed when they come back."""
        with self._lock:
            self._is_closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()
