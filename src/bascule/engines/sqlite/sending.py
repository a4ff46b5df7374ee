"""How buffered writes become statements: many rows each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from sqlite3 import Connection

from msgspec.json import encode as encode_json

from bascule.engines.sqlite.buffers import Row
from bascule.engines.sqlite.statements import insert_rows, load_statements, many_rows
from bascule.kernel.documents import DocumentKey

DuplicateKey = tuple[str, str]
Duplicate = tuple[str, int, int]

_DOCUMENTS = load_statements("documents")
_QUEUES = load_statements("queues")
_PUT_DOCUMENTS = many_rows(_DOCUMENTS["put"])
_PUT_MESSAGES = many_rows(_QUEUES["put"])
_APPEND_RECORDS = many_rows(load_statements("logs")["append"])
_DEDUPLICATE = many_rows(_QUEUES["deduplicate"])

#: Where a message's row names its queue, and says whether it belongs to an ordered group.
QUEUE = 1
IS_ORDERED = 6


class Sender:
    """Sends rows over the writing connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def insert_messages(self, rows: Sequence[Row]) -> None:
        insert_rows(self._connection, _PUT_MESSAGES, rows)
        groups = {(row[1], row[5]) for row in rows if row[IS_ORDERED]}
        if groups:
            self._connection.execute(_QUEUES["set_heads"], (encode_json(sorted(groups)).decode(),))
        self._count(Counter([row[QUEUE] for row in rows]))

    def mark_leased(self, rows: Sequence[Row]) -> None:
        self._connection.execute(_QUEUES["mark_leased"], (encode_json(rows).decode(),))

    def settle_all(self, rows: Sequence[Row]) -> None:
        """Takes    (sequence, queue) of messages that are there."""
        self._connection.execute(_QUEUES["settle_all"], (encode_json([row[0] for row in rows]).decode(),))
        self._count({queue: -count for queue, count in Counter([row[1] for row in rows]).items()})

    def _count(self, changes: Mapping[str, int]) -> None:
        self._connection.execute(_QUEUES["change_counts"], (encode_json(list(changes.items())).decode(),))

    def insert_records(self, rows: Sequence[Row]) -> None:
        insert_rows(self._connection, _APPEND_RECORDS, rows)

    def write_documents(self, bodies: Mapping[DocumentKey, bytes | None]) -> None:
        puts = [(key[0], *key[1], key[2], key[3], body) for key, body in bodies.items() if body is not None]
        insert_rows(self._connection, _PUT_DOCUMENTS, puts)
        for key, body in bodies.items():
            if body is None:
                self._connection.execute(_DOCUMENTS["delete"], (key[0], *key[1], key[2], key[3]))

    def write_duplicates(self, duplicates: Mapping[DuplicateKey, Duplicate | None]) -> None:
        insert_rows(
            self._connection, _DEDUPLICATE, [(*key, *value) for key, value in duplicates.items() if value is not None]
        )
