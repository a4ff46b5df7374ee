"""Named SQL: ``statements/<port>.sql`` holds sections that start with ``-- name: <name>``.

Statements are read once when a port is imported. ``many_rows`` repeats the row of an INSERT so that one statement stores
many rows: Python gives up the interpreter lock at every step of a statement, and beside a busy event loop each step may
wait long to get it back, so the number of steps matters more than the work in them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from sqlite3 import Connection
from typing import Any

_FOLDER = Path(__file__).with_name("statements")
_SECTION = re.compile(r"^-- name: (\w+)$", re.MULTILINE)

#: Rows per INSERT, largest first; few sizes, so that each stays a prepared statement. count
CHUNK_ROWS = (64, 16, 4, 1)


def load_statements(port: str) -> dict[str, str]:
    """All statements of ``statements/<port>.sql`` by name."""
    parts = _SECTION.split((_FOLDER / f"{port}.sql").read_text(encoding="utf-8"))
    return {name: text.strip().rstrip(";") for name, text in zip(parts[1::2], parts[2::2], strict=True)}


def many_rows(statement: str) -> dict[int, str]:
    """``INSERT ... VALUES (?, ?)`` for each of ``CHUNK_ROWS`` rows."""
    head, row = statement.rsplit("VALUES", 1)
    return {rows: f"{head}VALUES {', '.join([row.strip()] * rows)}" for rows in CHUNK_ROWS}


def insert_rows(connection: Connection, statements: dict[int, str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Store ``rows`` in order, with as few statements as the chunk sizes allow."""
    for size, part in _chunks(rows):
        connection.execute(statements[size], [value for row in part for value in row])


def _chunks(rows: Sequence[tuple[Any, ...]]) -> Iterator[tuple[int, Sequence[tuple[Any, ...]]]]:
    start = 0
    for size in CHUNK_ROWS:
        while len(rows) - start >= size:
            yield size, rows[start : start + size]
            start += size
