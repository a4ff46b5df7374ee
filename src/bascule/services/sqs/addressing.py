"""Queue URLs: made in one form, understood in every form that clients send back."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from bascule.kernel.scope import Scope
from bascule.services.sqs.errors import InvalidAddress, MissingParameter

_ACCOUNT = re.compile(r"\d{12}")


class Address(NamedTuple):
    """The queue that a URL names; ``account`` is empty when the URL does not tell."""

    account: str
    name: str


@lru_cache(maxsize=4096)
def read_url(url: str) -> Address:
    """Find the queue in a URL.

    Takes    ``<any host>/<any path>/<account>/<name>``, ``<any host>/<name>`` or a bare name.
    Raises   MissingParameter for an empty text; InvalidAddress when there is no name in it.
    """
    if not url:
        raise MissingParameter.named("QueueUrl")
    path = urlsplit(url).path if "://" in url else url
    steps = [unquote(step) for step in path.split("/") if step]
    if not steps:
        raise InvalidAddress(url)
    account = steps[-2] if len(steps) > 1 else ""
    if account and not _ACCOUNT.fullmatch(account):
        raise InvalidAddress(url)
    return Address(account, steps[-1])


def make_url(base_url: str, scope: Scope, name: str) -> str:
    """The URL of a queue, on the address by which the caller reached us."""
    return f"{base_url}/{scope.account}/{name}"
