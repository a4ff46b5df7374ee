"""Who calls, and temporary credentials for acting as somebody else."""

from __future__ import annotations

import re

from bascule.api import sts as api
from bascule.kernel.arns import parse_arn
from bascule.kernel.context import Context
from bascule.kernel.errors import ValidationError
from bascule.kernel.loop import Loop
from bascule.kernel.scope import REGION_DEFAULT, Scope
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.services.sts.credentials import new_access_key, new_secret, new_session_token
from bascule.services.sts.model import SESSIONS, Session

#: How long credentials last when the request does not say. seconds; AssumeRole, GetSessionToken
ROLE_S_DEFAULT = 3_600
TOKEN_S_DEFAULT = 43_200
#: Between two rounds of the loop that forgets expired sessions, and sessions looked at in one. milliseconds, count
ROUND_MS = 3_600_000
ROWS_MAX = 1_000

_ROLE = re.compile(r"role/(?:[\w+=,.@/-]*/)?(?P<name>[\w+=,.@-]+)")


def _home(account: str) -> Scope:
    """Sessions belong to an account, not to a region."""
    return Scope(account, REGION_DEFAULT)


@operation("GetCallerIdentity", reads=True)
def get_caller_identity(ctx: Context, tx: Tx, inp: api.GetCallerIdentityRequest) -> api.GetCallerIdentityResponse:
    """The account and identity of the caller: an assumed role for credentials of AssumeRole, else the account's root."""
    account = ctx.scope.account
    session = SESSIONS.get(tx.documents, _home(account), ctx.access_key) if ctx.access_key else None
    if session is not None and session.expires_ms > ctx.now_ms:
        return api.GetCallerIdentityResponse(user_id=session.user_id, account=account, arn=session.arn)
    arn = f"arn:{ctx.scope.partition}:iam::{account}:root"
    return api.GetCallerIdentityResponse(user_id=account, account=account, arn=arn)


def _credentials(ctx: Context, access_key: str, duration_s: int) -> api.Credentials:
    return api.Credentials(
        access_key_id=access_key,
        secret_access_key=new_secret(ctx.ids),
        session_token=new_session_token(ctx.ids),
        expiration=float(ctx.now_ms // 1000 + duration_s),
    )


@operation("AssumeRole")
def assume_role(ctx: Context, tx: Tx, inp: api.AssumeRoleRequest) -> api.AssumeRoleResponse:
    """Credentials that act in the role's account.

    Raises   ValidationError for what is not the ARN of a role.
    Differs  the role need not exist and its trust policy is not asked; session policies do not narrow anything.
    """
    arn = parse_arn(inp.role_arn)
    role = None if arn is None or arn.service != "iam" else _ROLE.fullmatch(arn.resource)
    if arn is None or role is None:
        raise ValidationError(f"{inp.role_arn} is invalid")
    duration_s = inp.duration_seconds or ROLE_S_DEFAULT
    access_key = new_access_key(arn.account, ctx.ids)
    name = inp.role_session_name
    session = Session(
        arn=f"arn:{arn.partition}:sts::{arn.account}:assumed-role/{role['name']}/{name}",
        user_id=f"AROA{access_key[4:]}:{name}",
        expires_ms=ctx.now_ms + duration_s * 1000,
    )
    SESSIONS.put(tx.documents, _home(arn.account), access_key, session)
    return api.AssumeRoleResponse(
        credentials=_credentials(ctx, access_key, duration_s),
        assumed_role_user=api.AssumedRoleUser(assumed_role_id=session.user_id, arn=session.arn),
        packed_policy_size=0,
        source_identity=inp.source_identity,
    )


@operation("GetSessionToken")
def get_session_token(ctx: Context, tx: Tx, inp: api.GetSessionTokenRequest) -> api.GetSessionTokenResponse:
    """Temporary credentials of the caller's own account."""
    duration_s = inp.duration_seconds or TOKEN_S_DEFAULT
    return api.GetSessionTokenResponse(
        credentials=_credentials(ctx, new_access_key(ctx.scope.account, ctx.ids), duration_s)
    )


def forget_expired(ctx: Context, tx: Tx) -> int | None:
    """Remove expired sessions; due again at once while there may be more, otherwise at the next poll."""
    removed = 0
    for key, session in list(SESSIONS.every(tx.documents)):
        if session.expires_ms <= ctx.now_ms and removed < ROWS_MAX:
            SESSIONS.delete(tx.documents, key.scope, key.name)
            removed += 1
    return ctx.now_ms if removed >= ROWS_MAX else None


LOOPS = (Loop("sts.expired-sessions", tick=forget_expired, poll_ms=ROUND_MS),)
