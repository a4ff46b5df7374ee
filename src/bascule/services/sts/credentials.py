"""Temporary credentials whose access key id says which account they belong to.

``ASIA`` as AWS's temporary keys, then a mark of ours, the account in eight base-32 digits, and four digits of chance. The
mark keeps a real AWS key, which a person may have in the environment, from being read as one of ours.
"""

from __future__ import annotations

import base64

from bascule.kernel.ids import Ids

_MARK = "ASIABSCL"
_ACCOUNT_DIGITS = 8
_KEY_DIGITS = 20
_ACCOUNT_MAX = 10**12


def new_access_key(account: str, ids: Ids) -> str:
    """A fresh access key id of ``account`` (12 digits): 20 characters, as AWS's are."""
    digits = base64.b32encode(int(account).to_bytes(5, "big")).decode()
    chance = base64.b32encode(bytes.fromhex(ids.token(5))).decode()
    return f"{_MARK}{digits}{chance[:4]}"


def new_secret(ids: Ids) -> str:
    """A fresh secret access key, 40 characters."""
    return base64.b64encode(bytes.fromhex(ids.token(30))).decode()


def new_session_token(ids: Ids) -> str:
    """A fresh session token; opaque, as AWS's are."""
    return base64.b64encode(bytes.fromhex(ids.token(96))).decode()


def account_of(access_key: str) -> str | None:
    """The account that an access key id names: 12 digits are one themselves, ours carry one; None for any other key."""
    if len(access_key) == 12 and access_key.isdigit():
        return access_key
    if len(access_key) != _KEY_DIGITS or not access_key.startswith(_MARK):
        return None
    digits = access_key[len(_MARK) : len(_MARK) + _ACCOUNT_DIGITS]
    try:
        account = int.from_bytes(base64.b32decode(digits), "big")
    except ValueError:
        return None
    return f"{account:012d}" if account < _ACCOUNT_MAX else None
