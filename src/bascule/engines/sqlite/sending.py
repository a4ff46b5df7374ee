"""How buffered writes become statements: many rows each.

Messages are mostly leased and removed as they were put, so that their sequence numbers follow each other: a range of them is
found in half the time of a list.
"""

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
_PUT_ORDERED = many_rows(_QUEUES["put_ordered"])
_APPEND_RECORDS = many_rows(load_statements("logs")["append"])
_DEDUPLICATE = many_rows(_QUEUES["deduplicate"])

#: Where a message's row names its queue and its group.
_QUEUE = 1
_GROUP = 5
#: A run of sequence numbers is worth a statement of its own when it has so many. count
_RUN_MIN = 4


class Sender:
    """Sends rows over the writing connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def insert_messages(self, rows: Sequence[Row]) -> None:
        insert_rows(self._connection, _PUT_MESSAGES, rows)
        self._count(Counter([row[_QUEUE] for row in rows]))

    def insert_ordered(self, rows: Sequence[Row]) -> None:
        """The same for messages of ordered groups."""
        insert_rows(self._connection, _PUT_ORDERED, rows)
        groups = sorted({(row[_QUEUE], row[_GROUP]) for row in rows})
        self._connection.execute(_QUEUES["set_heads"], (encode_json(groups).decode(),))
        self._count(Counter([row[_QUEUE] for row in rows]))

    def mark_leased(self, rows: Sequence[Row]) -> None:
        """Takes    (until_ms, now_ms, sequences) of each lease; no message twice."""
        leased: dict[tuple[int, int], list[int]] = {}
        for until_ms, now_ms, sequences in rows:
            leased.setdefault((until_ms, now_ms), []).extend(sequences)
        for times, sequences in leased.items():
            self._for_each("mark_leased", "mark_run_leased", times, sequences)

    def settle_all(self, rows: Sequence[Row]) -> None:
        """Takes    (sequence, queue) of messages that are there."""
        self._for_each("settle_all", "settle_run", (), [row[0] for row in rows])
        self._count({queue: -count for queue, count in Counter([row[1] for row in rows]).items()})

    def _for_each(self, listed: str, run: str, values: tuple[int, ...], sequences: list[int]) -> None:
        """Run ``run`` for each range of numbers that follow each other, or ``listed`` once for all of them."""
        sequences.sort()
        starts = [at for at in range(1, len(sequences)) if sequences[at] != sequences[at - 1] + 1]
        if (len(starts) + 1) * _RUN_MIN > len(sequences):
            self._connection.execute(_QUEUES[listed], (*values, encode_json(sequences).decode()))
            return
        for start, end in zip([0, *starts], [*starts, len(sequences)], strict=True):
            self._connection.execute(_QUEUES[run], (*values, sequences[start], sequences[end - 1]))

    def _count(self, changes: Mapping[str, int]) -> None:
        for change in changes.items():
            self._connection.execute(_QUEUES["change_count"], change)

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
