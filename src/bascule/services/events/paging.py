"""Pages of names: the token is the last name given, so a page continues correctly whatever changed in between."""

from __future__ import annotations

import binascii
from base64 import b64decode, urlsafe_b64encode

from bascule.services.events.errors import ParameterInvalid


def token_after(name: str) -> str:
    """The opaque token of the page that starts after ``name``."""
    return urlsafe_b64encode(name.encode()).decode()


def name_before(token: str | None) -> str:
    """The name that a token continues after; empty without one. Raises ParameterInvalid for a foreign token."""
    if token is None:
        return ""
    try:
        return b64decode(token.encode(), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise ParameterInvalid("NextToken") from None


def cut_page(names: list[str], limit: int) -> tuple[list[str], str | None]:
    """The first ``limit`` of up to ``limit + 1`` sorted names, and the token when more follow."""
    if len(names) <= limit:
        return names, None
    return names[:limit], token_after(names[limit - 1])
