"""Named SQL: ``statements/<port>.sql`` holds sections that start with ``-- name: <name>``.

Statements are read once when a port is imported. ``many_rows`` repeats the row of an INSERT so that one statement stores
many rows: Python gives up the interpreter lock at every step of a statement, and beside a busy event loop each step may
wait long to get it back, so the number of steps matters more than the work in them.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from sqlite3 import Connection
from typing import Any

_FOLDER = Path(__file__).with_name("statements")
_SECTION = re.compile(r"^-- name: (\w+)$", re.MULTILINE)

#: Rows per INSERT. A batch of another size is filled up with its last row, which ON CONFLICT drops, so that few statements
#: stay prepared and any batch up to the largest size is one statement. A row dropped costs nearly what a row stored costs,
#: so the sizes lie close together. count
CHUNK_ROWS = (
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    9,
    10,
    12,
    14,
    16,
    20,
    24,
    30,
    36,
    42,
    50,
    60,
    70,
    80,
    100,
    120,
    150,
    180,
    220,
    256,
)


def load_statements(port: str) -> dict[str, str]:
    """All statements of ``statements/<port>.sql`` by name."""
    parts = _SECTION.split((_FOLDER / f"{port}.sql").read_text(encoding="utf-8"))
    return {name: text.strip().rstrip(";") for name, text in zip(parts[1::2], parts[2::2], strict=True)}


def many_rows(statement: str) -> dict[int, str]:
    """``INSERT ... VALUES (?, 0) ...`` for each of ``CHUNK_ROWS`` rows; a duplicate of a row's key must do no harm."""
    head, row, tail = re.split(r"VALUES\s*(\([?01, ]+\))", statement)
    return {rows: f"{head}VALUES {', '.join([row] * rows)}{tail}" for rows in CHUNK_ROWS}


def insert_rows(connection: Connection, statements: dict[int, str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Store ``rows`` in order, one statement for each ``CHUNK_ROWS[-1]`` of them."""
    largest = CHUNK_ROWS[-1]
    for start in range(0, len(rows), largest):
        part = rows[start : start + largest]
        size = CHUNK_ROWS[bisect_left(CHUNK_ROWS, len(part))]
        values = list(chain.from_iterable(part))
        if size > len(part):
            values += part[-1] * (size - len(part))
        connection.execute(statements[size], values)
