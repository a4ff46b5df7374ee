"""Documents: state by key.

A key is (kind, scope, parent, name). ``kind`` is ``service.resource`` (``events.rule``); ``parent`` holds what the name is
unique within (``bus``, ``bus/rule``) and is empty for top-level resources. Names sort by Unicode code point.
``Collection`` is how services use the port: typed values in, typed values out, one codec.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, NamedTuple, Protocol, TypeVar

import msgspec

from bascule.kernel.scope import Scope

S = TypeVar("S", bound=msgspec.Struct)


class DocumentKey(NamedTuple):
    """Where a document lives."""

    kind: str
    scope: Scope
    parent: str
    name: str


class Documents(Protocol):
    """The document port of a transaction."""

    def get(self, key: DocumentKey) -> bytes | None:
        """The body, or None. Engines keep hot bodies in memory: a repeated get costs no statement."""

    def put(self, key: DocumentKey, body: bytes) -> None:
        """Create or replace."""

    def delete(self, key: DocumentKey) -> bool:
        """Remove; True when it existed."""

    def page(
        self, kind: str, scope: Scope, parent: str, *, prefix: str = "", after: str = "", count_max: int = 1000
    ) -> list[tuple[str, bytes]]:
        """Up to ``count_max`` (name, body) pairs of one parent, by name, names starting with ``prefix`` and > ``after``."""

    def count(self, kind: str, scope: Scope, parent: str) -> int:
        """How many documents the parent has."""

    def page_kind(
        self, kind: str, *, after: DocumentKey | None = None, count_max: int = 1000
    ) -> list[tuple[DocumentKey, bytes]]:
        """Documents of a kind over all scopes and parents, by (account, region, parent, name); for start-up and loops."""


class Collection(Generic[S]):
    """One kind of document with its type. A value is a frozen ``msgspec.Struct``; stored as MessagePack.

    Adding a field with a default is always compatible; anything else needs a migration.
    """

    def __init__(self, kind: str, value_type: type[S]) -> None:
        self.kind = kind
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(value_type).decode

    def get(self, documents: Documents, scope: Scope, name: str, *, parent: str = "") -> S | None:
        """The value, or None."""
        body = documents.get(DocumentKey(self.kind, scope, parent, name))
        return None if body is None else self._decode(body)

    def put(self, documents: Documents, scope: Scope, name: str, value: S, *, parent: str = "") -> None:
        """Create or replace."""
        documents.put(DocumentKey(self.kind, scope, parent, name), self._encode(value))

    def delete(self, documents: Documents, scope: Scope, name: str, *, parent: str = "") -> bool:
        """Remove; True when it existed."""
        return documents.delete(DocumentKey(self.kind, scope, parent, name))

    def page(
        self,
        documents: Documents,
        scope: Scope,
        *,
        parent: str = "",
        prefix: str = "",
        after: str = "",
        count_max: int = 1000,
    ) -> list[tuple[str, S]]:
        """Up to ``count_max`` (name, value) pairs by name."""
        rows = documents.page(self.kind, scope, parent, prefix=prefix, after=after, count_max=count_max)
        return [(name, self._decode(body)) for name, body in rows]

    def count(self, documents: Documents, scope: Scope, *, parent: str = "") -> int:
        """How many the parent has."""
        return documents.count(self.kind, scope, parent)

    def every(self, documents: Documents, *, page: int = 500) -> Iterator[tuple[DocumentKey, S]]:
        """All values of the kind over all scopes, in key order, read ``page`` at a time."""
        after: DocumentKey | None = None
        while True:
            rows = documents.page_kind(self.kind, after=after, count_max=page)
            for key, body in rows:
                yield key, self._decode(body)
            if len(rows) < page:
                return
            after = rows[-1][0]
