"""Pages of names and the token that carries on."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64

from bascule.services.sns.errors import InvalidParameter


def make_token(after: str) -> str:
    """The token of the page that begins after a name."""
    return urlsafe_b64encode(after.encode()).decode()


def read_token(token: str | None) -> str:
    """The name that a page begins after; empty for the first page.

    Raises   InvalidParameter.
    """
    if not token:
        return ""
    try:
        return urlsafe_b64decode(token).decode()
    except (NotBase64, ValueError):
        raise InvalidParameter.of("NextToken") from None
