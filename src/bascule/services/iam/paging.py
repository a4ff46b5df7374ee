"""Pages: MaxItems, Marker and IsTruncated. A marker is the key of the last entry given, so it survives changes between pages."""

from __future__ import annotations

from base64 import b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Generic, NamedTuple, Protocol, TypeVar

import msgspec

from bascule.kernel.documents import Collection, Documents
from bascule.kernel.scope import Scope
from bascule.services.iam.errors import InvalidRequest
from bascule.services.iam.limits import PAGE_DEFAULT

T = TypeVar("T")
S = TypeVar("S", bound=msgspec.Struct)
#: (after this key) -> (key, value) pairs by key
RowsAfter = Callable[[str], Iterable[tuple[str, T]]]


class Page(NamedTuple, Generic[T]):
    """One page; ``marker`` starts the next one and is None after the last."""

    items: list[T]
    marker: str | None

    @property
    def is_truncated(self) -> bool:
        """Whether there is more."""
        return self.marker is not None


class Paged(Protocol):
    """An input of a List operation."""

    @property
    def marker(self) -> str | None:
        """From the page before."""

    @property
    def max_items(self) -> int | None:
        """1..1000."""


def page(rows_after: RowsAfter[T], inp: Paged) -> Page[T]:
    """One page of rows.

    Raises   ValidationError for a marker that is none.
    """
    after = ""
    if inp.marker is not None:
        try:
            after = b64decode(inp.marker, altchars=b"-_", validate=True).decode()
        except (NotBase64, ValueError):
            raise InvalidRequest("Invalid Marker.") from None
    size = inp.max_items or PAGE_DEFAULT
    rows = list(islice(rows_after(after), size + 1))
    if len(rows) <= size:
        return Page([value for _, value in rows], None)
    marker = urlsafe_b64encode(rows[size - 1][0].encode()).decode()
    return Page([value for _, value in rows[:size]], marker)


def page_of(rows: Iterable[tuple[str, T]], inp: Paged) -> Page[T]:
    """One page of rows that are at hand, in any order; keys are unique."""
    ordered = sorted(rows, key=lambda row: row[0])
    return page(lambda after: (row for row in ordered if row[0] > after), inp)


def rows_of(
    documents: Documents, collection: Collection[S], scope: Scope, after: str = "", *, parent: str = ""
) -> Iterator[tuple[str, S]]:
    """All (key, record) pairs after a key, read some hundred at a time."""
    while True:
        rows = collection.page(documents, scope, parent=parent, after=after, count_max=200)
        yield from rows
        if len(rows) < 200:
            return
        after = rows[-1][0]
