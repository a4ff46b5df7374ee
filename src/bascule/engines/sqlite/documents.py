"""The document port on SQLite. Gets come from memory when they can; puts wait in the overlay for the group's flush."""

from __future__ import annotations

from bascule.engines.sqlite.session import Session
from bascule.engines.sqlite.statements import load_statements
from bascule.kernel.documents import DocumentKey
from bascule.kernel.scope import Scope

_SQL = load_statements("documents")
_LAST_CODE_POINT = 0x10FFFF
_SURROGATES = range(0xD800, 0xE000)


class SqliteDocuments:
    """``Documents`` of one transaction; see the port for the contract."""

    __slots__ = ("_session", "get")

    def __init__(self, session: Session) -> None:
        self._session = session
        self.get = session.document

    def put(self, key: DocumentKey, body: bytes) -> None:
        self._session.require_writer().documents.set(key, body)

    def delete(self, key: DocumentKey) -> bool:
        writer = self._session.require_writer()
        if writer.document(key) is None:
            return False
        writer.documents.set(key, None)
        return True

    def page(
        self, kind: str, scope: Scope, parent: str, *, prefix: str = "", after: str = "", count_max: int = 1000
    ) -> list[tuple[str, bytes]]:
        self._session.see()
        below = first_name_past(prefix)
        named = {
            "kind": kind,
            "account": scope.account,
            "region": scope.region,
            "parent": parent,
            "prefix": prefix,
            "after": after,
            "count_max": count_max,
        }
        if below is None:
            return self._session.rows(_SQL["page"], named).fetchall()
        return self._session.rows(_SQL["page_below"], named | {"below": below}).fetchall()

    def count(self, kind: str, scope: Scope, parent: str) -> int:
        self._session.see()
        row = self._session.rows(_SQL["count"], (kind, *scope, parent)).fetchone()
        return int(row[0])

    def page_kind(
        self, kind: str, *, after: DocumentKey | None = None, count_max: int = 1000
    ) -> list[tuple[DocumentKey, bytes]]:
        self._session.see()
        named = {"kind": kind, "count_max": count_max}
        if after is None:
            rows = self._session.rows(_SQL["first_of_kind"], named).fetchall()
        else:
            account, region = after.scope
            place = {"account": account, "region": region, "parent": after.parent, "name": after.name}
            rows = self._session.rows(_SQL["page_kind"], named | place).fetchall()
        return [
            (DocumentKey(kind, Scope(account, region), parent, name), body)
            for account, region, parent, name, body in rows
        ]


def first_name_past(prefix: str) -> str | None:
    """The lowest name that sorts after every name starting with ``prefix``; None when there is no such name."""
    for end in range(len(prefix), 0, -1):
        code = ord(prefix[end - 1]) + 1
        if code in _SURROGATES:
            code = _SURROGATES.stop
        if code <= _LAST_CODE_POINT:
            return prefix[: end - 1] + chr(code)
    return None
