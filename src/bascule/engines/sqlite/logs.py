"""The log port on SQLite. Records of all logs share one sequence, so an append asks the database nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import starmap

from bascule.engines.sqlite.session import Session
from bascule.engines.sqlite.statements import load_statements
from bascule.kernel.logs import Record

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

    def trim(self, log: str, *, before_ms: int, count_max: int = 10_000) -> int:
        self._session.require_writer().see()
        return self._session.change(_SQL["trim"], (log, before_ms, count_max)).rowcount

    def drop(self, log: str) -> int:
        self._session.require_writer().see()
        return self._session.change(_SQL["drop"], (log,)).rowcount
