"""The log port on SQLite. Records of all logs share one sequence, so an append asks the database nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import starmap

from bascule.engines.sqlite.session import Session
from bascule.engines.sqlite.statements import load_statements
from bascule.kernel.logs import Followed, Record

_SQL = load_statements("logs")
_SEQUENCE_MAX = 2**63 - 1


class SqliteLogs:
    """``Logs`` of one transaction; see the port for the contract."""

    __slots__ = ("_session",)

    def __init__(self, session: Session) -> None:
        self._session = session

    def append(self, log: str, records: Iterable[tuple[int, bytes]]) -> None:
        writer = self._session.require_writer()
        writer.records.rows += [(writer.next_sequence(), log, at_ms, body) for at_ms, body in records]

    def read(self, log: str, *, after: int = 0, count_max: int = 1000) -> Sequence[Record]:
        self._session.see()
        return list(starmap(Record, self._session.rows(_SQL["read"], (log, after, count_max))))

    def read_back(self, log: str, *, before: int | None = None, count_max: int = 1000) -> Sequence[Record]:
        self._session.see()
        end = _SEQUENCE_MAX if before is None else before
        return list(starmap(Record, self._session.rows(_SQL["read_back"], (log, end, count_max))))

    def follow(self, prefix: str, *, after: int, count_max: int) -> Followed:
        self._session.see()
        named = {"prefix": prefix, "after": after, "count_max": count_max}
        looked_at = self._session.rows(_SQL["follow"], named).fetchall()
        records = [(log, Record(sequence, at_ms, body)) for sequence, log, at_ms, body in looked_at if log is not None]
        position = looked_at[-1][0] if looked_at else after
        return Followed(records, position, is_end=len(looked_at) < count_max)

    def position(self) -> int:
        self._session.see()
        return self._session.rows(_SQL["position"], ()).fetchone()[0] or 0

    def trim(self, log: str, *, before_ms: int, count_max: int = 10_000) -> int:
        self._session.require_writer().see()
        return self._session.change(_SQL["trim"], (log, before_ms, count_max)).rowcount

    def drop(self, log: str) -> int:
        self._session.require_writer().see()
        return self._session.change(_SQL["drop"], (log,)).rowcount
