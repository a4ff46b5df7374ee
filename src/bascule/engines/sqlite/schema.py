"""The schema and how it grows: ``migrations/NNNN_name.sql``, each applied once, in order, in a transaction of its own.

The number of the last one applied is the database's ``user_version``. A migration that has been released is never edited.
"""

from __future__ import annotations

import functools
import sqlite3
import tempfile
from pathlib import Path
from sqlite3 import Connection

_FOLDER = Path(__file__).with_name("migrations")
#: Marks the file as ours: "BASC".
APPLICATION_ID = 0x42415343
#: RETURNING is not needed, but INSERT of many rows, row values and ``json_each`` in any build are. version
SQLITE_MIN = (3, 38, 0)


class StoreVersionError(Exception):
    """The database was written by a newer program, is not ours, or SQLite is too old."""


def migrations() -> list[str]:
    """The text of all migrations, first to last."""
    paths = sorted(_FOLDER.glob("*.sql"))
    assert [int(path.name[:4]) for path in paths] == list(range(1, len(paths) + 1)), (
        "migrations are numbered without gaps"
    )
    return [path.read_text(encoding="utf-8") for path in paths]


def migrate(connection: Connection) -> None:
    """Bring the database to the program's version.

    Raises   StoreVersionError when the database is newer than the program or belongs to something else.
    """
    if sqlite3.sqlite_version_info < SQLITE_MIN:
        raise StoreVersionError(f"SQLite {sqlite3.sqlite_version} is too old; 3.38 or newer is needed.")
    version = _pragma(connection, "user_version")
    owner = _pragma(connection, "application_id")
    is_empty = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
    if owner != APPLICATION_ID and not is_empty:
        raise StoreVersionError("The file is an SQLite database of another program.")
    texts = migrations()
    if version > len(texts):
        raise StoreVersionError(
            f"The database has version {version}, this program knows versions up to {len(texts)}; use a newer Bascule."
        )
    if is_empty:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    for number, text in enumerate(texts[version:], start=version + 1):
        connection.executescript(
            f"BEGIN IMMEDIATE; {text} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {number}; COMMIT;"
        )


@functools.cache
def blank_image() -> bytes:
    """The bytes of an empty database at the newest version: a store in memory starts from a copy."""
    with tempfile.TemporaryDirectory(prefix="bascule-") as folder:
        path = Path(folder) / "blank.db"
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("PRAGMA synchronous = OFF")
        migrate(connection)
        connection.close()
        return path.read_bytes()


def _pragma(connection: Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])
