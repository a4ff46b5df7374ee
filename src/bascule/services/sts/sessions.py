"""Who calls, and temporary credentials for acting as somebody else."""

from __future__ import annotations

import re

from bascule.api import sts as api
from bascule.identity.access_keys import account_of, new_secret, new_session_token
from bascule.identity.records import ROLES, SESSIONS, Role, Session, home, key_of
from bascule.identity.role_sessions import fresh_key, open_role_session
from bascule.kernel.arns import Arn, parse_arn
from bascule.kernel.context import Context
from bascule.kernel.loop import Loop
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.policies import Decision, PolicyProblem, allows, check_identity_policy
from bascule.services.sts import limits
from bascule.services.sts.callers import Caller, caller_of
from bascule.services.sts.errors import AccessDenied, InvalidRequest, MalformedPolicyDocument

_ROLE = re.compile(r"role(?P<path>/(?:[!-~]+/)?)(?P<name>[\w+=,.@-]+)")


@operation("GetCallerIdentity", reads=True)
def get_caller_identity(ctx: Context, tx: Tx, inp: api.GetCallerIdentityRequest) -> api.GetCallerIdentityResponse:
    """The account and identity of the caller: a user, an assumed role, or else the account's root."""
    caller = caller_of(ctx, tx)
    return api.GetCallerIdentityResponse(user_id=caller.user_id, account=caller.account, arn=caller.arn)


def _credentials(access_key: str, session: Session) -> api.Credentials:
    return api.Credentials(
        access_key_id=access_key,
        secret_access_key=session.secret,
        session_token=session.session_token,
        expiration=float(session.expires_ms // 1000),
    )


def _denied(caller: Caller, role_arn: str) -> AccessDenied:
    return AccessDenied(f"User: {caller.arn} is not authorized to perform: sts:AssumeRole on resource: {role_arn}")


def _check_trust(ctx: Context, caller: Caller, role: Role, inp: api.AssumeRoleRequest) -> None:
    conditions: dict[str, str | list[str]] = {
        "aws:PrincipalArn": caller.role_arn or caller.arn,
        "aws:PrincipalAccount": caller.account,
        "aws:SourceIp": ctx.source_ip,
        "sts:RoleSessionName": inp.role_session_name,
    }
    if inp.external_id is not None:
        conditions["sts:ExternalId"] = inp.external_id
    if inp.source_identity is not None:
        conditions["sts:SourceIdentity"] = inp.source_identity
    for tag in inp.tags or ():
        conditions[f"aws:RequestTag/{tag.key}"] = tag.value
    if inp.tags:
        conditions["aws:TagKeys"] = [tag.key for tag in inp.tags]
    decision = allows(
        role.trust_policy,
        principal=caller.role_arn or caller.arn,
        action="sts:AssumeRole",
        resource=inp.role_arn,
        conditions=conditions,
    ).decision
    if decision is Decision.DENIED or (decision is not Decision.ALLOWED and ctx.settings.enforce_policies):
        raise _denied(caller, inp.role_arn)


def _role_to_assume(ctx: Context, tx: Tx, caller: Caller, arn: Arn, inp: api.AssumeRoleRequest) -> Role | None:
    """The role, if the caller may act as it; None for an account without roles, where any may be assumed."""
    named = _ROLE.fullmatch(arn.resource)
    if named is None:
        raise InvalidRequest(f"{inp.role_arn} is invalid")
    scope = home(arn.account)
    role = ROLES.get(tx.documents, scope, key_of(named["name"]))
    if role is None or (role.path, role.name) != (named["path"], named["name"]):
        if ctx.settings.enforce_policies or ROLES.count(tx.documents, scope):
            raise _denied(caller, inp.role_arn)
        return None
    _check_trust(ctx, caller, role, inp)
    return role


def _check_duration(duration_s: int, caller: Caller, role: Role | None) -> None:
    if caller.role_arn and duration_s > limits.CHAINED_S_MAX:
        raise InvalidRequest(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
        )
    if role is not None and duration_s > role.session_s_max:
        raise InvalidRequest("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")


def _check_session_policies(policy: str | None, policy_arns: list[api.PolicyDescriptorType] | None) -> None:
    if policy is not None:
        try:
            check_identity_policy(policy)
        except PolicyProblem as problem:
            raise MalformedPolicyDocument(problem.message) from None
    if len(policy_arns or ()) > limits.SESSION_POLICY_ARNS_MAX:
        raise InvalidRequest(f"The number of session policy ARNs exceeds {limits.SESSION_POLICY_ARNS_MAX}.")


@operation(
    "AssumeRole",
    refuses=("ProvidedContexts", "SerialNumber", "TokenCode", "TransitiveTagKeys", "MinimumSessionTokenSize"),
)
def assume_role(ctx: Context, tx: Tx, inp: api.AssumeRoleRequest) -> api.AssumeRoleResponse:
    """Credentials that act in the role's account.

    Raises   ValidationError for what is not the ARN of a role and for a duration beyond the role's maximum; AccessDenied for
             a role that does not exist, or whose trust policy denies the caller; MalformedPolicyDocument.
    Differs  in an account that has no role at all any role can be assumed. A trust policy that says nothing of the caller
             refuses only with --enforce-policies. Session policies are checked but do not narrow anything.
    """
    arn = parse_arn(inp.role_arn)
    if arn is None or arn.service != "iam" or not (arn.account.isdigit() and len(arn.account) == 12):
        raise InvalidRequest(f"{inp.role_arn} is invalid")
    _check_session_policies(inp.policy, inp.policy_arns)
    caller = caller_of(ctx, tx)
    role = _role_to_assume(ctx, tx, caller, arn, inp)
    duration_s = inp.duration_seconds or limits.ROLE_S_DEFAULT
    _check_duration(duration_s, caller, role)
    access_key, session = open_role_session(
        tx,
        ctx.ids,
        account=arn.account,
        partition=arn.partition,
        role_arn=inp.role_arn,
        role=role,
        session_name=inp.role_session_name,
        expires_ms=ctx.now_ms + duration_s * 1000,
    )
    return api.AssumeRoleResponse(
        credentials=_credentials(access_key, session),
        assumed_role_user=api.AssumedRoleUser(assumed_role_id=session.user_id, arn=session.arn),
        packed_policy_size=0 if inp.policy or inp.policy_arns or inp.tags else None,
        source_identity=inp.source_identity,
    )


@operation("GetSessionToken", refuses=("SerialNumber", "TokenCode", "MinimumSessionTokenSize"))
def get_session_token(ctx: Context, tx: Tx, inp: api.GetSessionTokenRequest) -> api.GetSessionTokenResponse:
    """Temporary credentials that stand for the caller itself.

    Raises   AccessDenied when the caller's credentials are those of an assumed role.
    """
    caller = caller_of(ctx, tx)
    if caller.role_arn:
        raise AccessDenied("Cannot call GetSessionToken with session credentials")
    duration_s = inp.duration_seconds or limits.TOKEN_S_DEFAULT
    access_key = fresh_key(tx, ctx.ids, caller.account)
    session = Session(
        arn=caller.arn,
        user_id=caller.user_id,
        expires_ms=ctx.now_ms + duration_s * 1000,
        secret=new_secret(ctx.ids),
        session_token=new_session_token(ctx.ids),
    )
    SESSIONS.put(tx.documents, home(caller.account), access_key, session)
    return api.GetSessionTokenResponse(credentials=_credentials(access_key, session))


@operation("GetAccessKeyInfo", reads=True)
def get_access_key_info(ctx: Context, tx: Tx, inp: api.GetAccessKeyInfoRequest) -> api.GetAccessKeyInfoResponse:
    """The account that an access key id names; the key need not exist any more.

    Raises   ValidationError for an id that Bascule has not made.
    """
    account = account_of(inp.access_key_id)
    if account is None:
        raise InvalidRequest("Invalid Access Key Id")
    return api.GetAccessKeyInfoResponse(account=account)


def forget_expired(ctx: Context, tx: Tx) -> int | None:
    """Remove expired sessions; due again at once while there may be more, otherwise at the next poll."""
    removed = 0
    for key, session in list(SESSIONS.every(tx.documents)):
        if session.expires_ms <= ctx.now_ms and removed < limits.ROWS_MAX:
            SESSIONS.delete(tx.documents, key.scope, key.name)
            removed += 1
    return ctx.now_ms if removed >= limits.ROWS_MAX else None


LOOPS = (Loop("sts.expired-sessions", tick=forget_expired, poll_ms=limits.ROUND_MS),)
