"""Who calls, from where: account, region and access key of a request.

The region and the access key come from the credential scope of the signature, as in a real request; the account from the
access key. Nothing is verified here: that is the authenticate stage.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import parse_qs

from bascule.kernel.scope import ACCOUNT_DEFAULT, REGION_DEFAULT, Scope


class Caller(NamedTuple):
    """The signature's claims."""

    access_key: str
    region: str
    signing_name: str


ANONYMOUS = Caller("", REGION_DEFAULT, "")


@lru_cache(maxsize=4096)
def _caller_of(credential: str) -> Caller:
    parts = credential.split("/")
    if len(parts) < 5:
        return ANONYMOUS
    access_key, region, signing_name = "/".join(parts[:-4]), parts[-3], parts[-2]
    return Caller(access_key, region or REGION_DEFAULT, signing_name)


def caller_of(headers: Mapping[str, str], query_string: str) -> Caller:
    """Read the credential scope of a signed or presigned request; ``ANONYMOUS`` when there is none.

    Takes    headers with lower-case names; the raw query string.
    """
    authorization = headers.get("authorization", "")
    start = authorization.find("Credential=")
    if start >= 0:
        end = authorization.find(",", start)
        return _caller_of(authorization[start + 11 : end if end > 0 else None].strip())
    if "X-Amz-Credential=" in query_string:
        return _caller_of(parse_qs(query_string).get("X-Amz-Credential", [""])[0])
    return ANONYMOUS


@lru_cache(maxsize=4096)
def scope_of(caller: Caller, account: str | None) -> Scope:
    """The scope of a caller: ``account`` when its access key names one, else the default account."""
    if account is None and len(caller.access_key) == 12 and caller.access_key.isdigit():
        account = caller.access_key
    return Scope(account or ACCOUNT_DEFAULT, caller.region)
