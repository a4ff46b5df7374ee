"""Who calls: the user, the assumed role or the root of the account that an access key stands for."""

from __future__ import annotations

from typing import NamedTuple

from bascule.identity.access_keys import is_temporary
from bascule.identity.records import ACCESS_KEYS, SESSIONS, USERS, home, key_of
from bascule.kernel.context import Context
from bascule.kernel.store import Tx
from bascule.services.sts.errors import ExpiredToken


class Caller(NamedTuple):
    """``arn`` and ``user_id`` as GetCallerIdentity shows them; ``role_arn`` is empty unless the caller is an assumed role."""

    account: str
    arn: str
    user_id: str
    role_arn: str = ""


def caller_of(ctx: Context, tx: Tx) -> Caller:
    """The caller of this request. An unknown access key stands for the root of its account.

    Raises   ExpiredToken when the key is that of a session which is over: it must not act as the root.
    """
    account = ctx.scope.account
    scope = home(account)
    if ctx.access_key:
        session = SESSIONS.get(tx.documents, scope, ctx.access_key)
        if session is not None and session.expires_ms > ctx.now_ms:
            return Caller(account, session.arn, session.user_id, session.role_arn)
        if is_temporary(ctx.access_key):
            raise ExpiredToken
        key = ACCESS_KEYS.get(tx.documents, scope, ctx.access_key)
        user = None if key is None or not key.is_active else USERS.get(tx.documents, scope, key_of(key.user_name))
        if user is not None:
            arn = f"arn:{ctx.scope.partition}:iam::{account}:user{user.path}{user.name}"
            return Caller(account, arn, user.unique_id)
    return Caller(account, f"arn:{ctx.scope.partition}:iam::{account}:root", account)
