"""Whose signature it may be: from an access key to its secret and to who it stands for.

Known are the keys of IAM users and the temporary keys that STS hands out, and besides them the credentials that Bascule itself
tells everybody to use: ``test`` and account numbers, each with the secret ``test``. They stand for the root of their account,
exactly as they do for every other service.
"""

from __future__ import annotations

import msgspec

from bascule.identity.access_keys import account_of
from bascule.identity.records import ACCESS_KEYS, SESSIONS, USERS, home, key_of
from bascule.kernel.documents import Documents
from bascule.kernel.scope import ACCOUNT_DEFAULT, Scope

#: What ``bascule env`` sets.
TEST_KEY = "test"
TEST_SECRET = "test"


class Signer(msgspec.Struct, frozen=True, kw_only=True):
    """Who an access key stands for."""

    access_key: str
    account: str
    arn: str
    user_id: str
    #: What policies name: for a session of a role the role, else ``arn``.
    principal_arn: str


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """What a signature is checked against. ``session_token`` is empty where none is asked for."""

    signer: Signer
    secret: str
    session_token: str = ""


def credentials_of(documents: Documents, access_key: str, *, partition: str, now_ms: int) -> Credentials | None:
    """The credentials that an access key names; None for an unknown, inactive or expired one."""
    is_account = len(access_key) == 12 and access_key.isdigit()
    if access_key == TEST_KEY or is_account:
        account = access_key if is_account else ACCOUNT_DEFAULT
        arn = f"arn:{partition}:iam::{account}:root"
        return Credentials(
            signer=Signer(access_key=access_key, account=account, arn=arn, user_id=account, principal_arn=arn),
            secret=TEST_SECRET,
        )
    owner = account_of(access_key)
    if owner is None:
        return None
    scope = home(owner)
    return _of_session(documents, scope, access_key, now_ms) or _of_user(documents, scope, access_key, partition)


def _of_session(documents: Documents, scope: Scope, access_key: str, now_ms: int) -> Credentials | None:
    session = SESSIONS.get(documents, scope, access_key)
    if session is None or session.expires_ms <= now_ms or not session.secret:
        return None
    return Credentials(
        signer=Signer(
            access_key=access_key,
            account=scope.account,
            arn=session.arn,
            user_id=session.user_id,
            principal_arn=session.role_arn or session.arn,
        ),
        secret=session.secret,
        session_token=session.session_token,
    )


def _of_user(documents: Documents, scope: Scope, access_key: str, partition: str) -> Credentials | None:
    key = ACCESS_KEYS.get(documents, scope, access_key)
    if key is None or not key.is_active or not key.secret:
        return None
    user = USERS.get(documents, scope, key_of(key.user_name))
    if user is None:
        return None
    arn = f"arn:{partition}:iam::{scope.account}:user{user.path}{user.name}"
    return Credentials(
        signer=Signer(access_key=access_key, account=scope.account, arn=arn, user_id=user.unique_id, principal_arn=arn),
        secret=key.secret,
    )
