"""``Marker`` and ``MaxItems`` of every list operation: a page is at most 50 entries, whatever was asked for."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import TypeVar

from bascule.services.lambda_.errors import InvalidParameterValue
from bascule.services.lambda_.limits import PAGE_ITEMS_MAX

T = TypeVar("T")


def page_size(max_items: int | None) -> int:
    """How many entries a page may hold."""
    return min(max_items or PAGE_ITEMS_MAX, PAGE_ITEMS_MAX)


def after(marker: str | None) -> str:
    """The key that the page starts after; empty for the first page.

    Raises   InvalidParameterValue for a marker that we did not make.
    """
    if not marker:
        return ""
    try:
        return base64.b64decode(marker.encode(), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeError) as error:
        raise InvalidParameterValue("Invalid pagination token") from error


def cut(rows: Sequence[tuple[str, T]], size: int) -> tuple[list[T], str | None]:
    """The page of ``rows`` (one more than ``size`` were read) and the marker of the next, None at the end."""
    page = [value for _, value in rows[:size]]
    if len(rows) <= size:
        return page, None
    return page, base64.urlsafe_b64encode(rows[size - 1][0].encode()).decode()
