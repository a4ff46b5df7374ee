"""Pages of queue URLs: size, start and the token that carries on."""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Callable

from bascule.services.sqs import limits
from bascule.services.sqs.errors import InvalidParameterValue

#: (names after this one, at most so many) -> names
NamesAfter = Callable[[str, int], list[str]]


def page(names_after: NamesAfter, *, count_max: int | None, token: str | None) -> tuple[list[str], str | None]:
    """One page of names.

    Takes    count_max 1..1000, None for the first 1000 without a token to carry on, as SQS does.
    Gives    the names and the token of the next page; None after the last.
    Raises   InvalidParameterValue.
    """
    if count_max is not None and not 1 <= count_max <= limits.LIST_QUEUES_MAX:
        raise InvalidParameterValue.of(
            count_max, "MaxResults", "MaxResults must be an integer between 1 and 1000, if provided."
        )
    after = ""
    if token:
        try:
            after = b64decode(token, validate=True).decode()
        except (NotBase64, ValueError):
            raise InvalidParameterValue.of(token, "NextToken", "Invalid or expired next token.") from None
    names = names_after(after, (count_max or limits.LIST_QUEUES_MAX) + 1)
    size = count_max or limits.LIST_QUEUES_MAX
    if len(names) <= size:
        return names, None
    more = b64encode(names[size - 1].encode()).decode() if count_max else None
    return names[:size], more
