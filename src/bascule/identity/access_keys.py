"""Access key ids that say which account they belong to, and the secrets that go with them.

``AKIA`` for a user's lasting key and ``ASIA`` for a temporary one, as AWS's; then a mark of ours, the account in eight
base-32 digits, and four digits of chance. The mark keeps a real AWS key, which a person may have in the environment, from
being read as one of ours.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import lru_cache

from bascule.kernel.ids import Ids

LASTING = "AKIA"
TEMPORARY = "ASIA"

_MARK = "BSCL"
_STARTS = (LASTING + _MARK, TEMPORARY + _MARK)
_ACCOUNT_DIGITS = 8
_KEY_DIGITS = 20
_ACCOUNT_MAX = 10**12


def new_access_key(account: str, ids: Ids, *, kind: str = TEMPORARY, is_free: Callable[[str], bool]) -> str:
    """A fresh access key id of ``account`` (12 digits): 20 characters, as AWS's are.

    Takes    is_free: whether nobody has that id yet; four digits of chance alone would repeat after some thousand keys.
    """
    digits = base64.b32encode(int(account).to_bytes(5, "big")).decode()
    while True:
        chance = base64.b32encode(bytes.fromhex(ids.token(5))).decode()
        access_key = f"{kind}{_MARK}{digits}{chance[:4]}"
        if is_free(access_key):
            return access_key


def new_secret(ids: Ids) -> str:
    """A fresh secret access key, 40 characters."""
    return base64.b64encode(bytes.fromhex(ids.token(30))).decode()


def new_session_token(ids: Ids) -> str:
    """A fresh session token; opaque, as AWS's are."""
    return base64.b64encode(bytes.fromhex(ids.token(96))).decode()


@lru_cache(maxsize=4096)
def account_of(access_key: str) -> str | None:
    """The account that an access key id names: 12 digits are one themselves, ours carry one; None for any other key."""
    if len(access_key) == 12 and access_key.isdigit():
        return access_key
    if len(access_key) != _KEY_DIGITS or not access_key.startswith(_STARTS):
        return None
    digits = access_key[len(_STARTS[0]) : len(_STARTS[0]) + _ACCOUNT_DIGITS]
    try:
        account = int.from_bytes(base64.b32decode(digits), "big")
    except ValueError:
        return None
    return f"{account:012d}" if account < _ACCOUNT_MAX else None


def is_temporary(access_key: str) -> bool:
    """Whether Bascule made it for a session. One that is not known any more has expired: sessions end in no other way."""
    return access_key.startswith(TEMPORARY) and account_of(access_key) is not None
