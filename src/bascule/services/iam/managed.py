"""Managed policies as things that can be found, kept and used: the account's own and AWS's.

Who uses a policy is kept with the policy (``ATTACHMENTS``, ``BOUNDARIES``), so its counts and its users need no search.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import TypeVar

import msgspec

from bascule.identity.records import Group, Identity, home, key_of
from bascule.kernel.arns import parse_arn
from bascule.kernel.context import Context
from bascule.kernel.store import Tx
from bascule.services.iam.aws_policies import AWS_POLICIES, CREATED_MS
from bascule.services.iam.errors import InvalidInput, LimitExceeded, NoSuchEntity
from bascule.services.iam.kinds import Kind
from bascule.services.iam.limits import ATTACHED_POLICIES_MAX
from bascule.services.iam.model import ATTACHMENTS, BOUNDARIES, POLICIES, Policy, PolicyVersion, Use
from bascule.services.iam.naming import iam_arn

_RESOURCE = re.compile(r"policy(?P<path>/(?:[!-~]+/)?)(?P<name>[\w+=,.@-]+)")
_AWS = "aws"

R = TypeVar("R", bound=Identity)


def arn_of(ctx: Context, policy: Policy) -> str:
    """The ARN of a policy of the account."""
    return iam_arn(ctx, "policy", policy.path, policy.name)


def aws_arn(ctx: Context, name: str) -> str:
    """The ARN of a policy that AWS manages."""
    return f"arn:{ctx.scope.partition}:iam::aws:policy{AWS_POLICIES[name].path}{name}"


def aws_policy(name: str) -> Policy:
    """A policy that AWS manages, in the form of the account's own."""
    known = AWS_POLICIES[name]
    digits = base64.b32encode(hashlib.sha256(name.encode()).digest()).decode()[:17]
    return Policy(
        name=name,
        path=known.path,
        unique_id=f"ANPA{digits}",
        created_ms=CREATED_MS,
        updated_ms=CREATED_MS,
        default=1,
        versions=(PolicyVersion(number=1, document=known.document, created_ms=CREATED_MS),),
    )


def find(ctx: Context, tx: Tx, arn: str) -> Policy | None:
    """The policy of an ARN, or None.

    Raises   InvalidInput for what is not the ARN of a policy.
    """
    parts = parse_arn(arn)
    named = None if parts is None or parts.service != "iam" else _RESOURCE.fullmatch(parts.resource)
    if parts is None or named is None:
        raise InvalidInput(f"ARN {arn} is not valid.")
    name = named["name"]
    if parts.account == _AWS:
        known = AWS_POLICIES.get(name)
        return aws_policy(name) if known is not None and known.path == named["path"] else None
    if parts.account != ctx.scope.account:
        return None
    policy = POLICIES.get(tx.documents, home(parts.account), key_of(name))
    return policy if policy is not None and (policy.path, policy.name) == (named["path"], name) else None


def found(ctx: Context, tx: Tx, arn: str) -> Policy:
    """The policy of an ARN.

    Raises   InvalidInput, NoSuchEntity.
    """
    policy = find(ctx, tx, arn)
    if policy is None:
        raise NoSuchEntity(f"Policy {arn} was not found.")
    return policy


def found_own(ctx: Context, tx: Tx, arn: str) -> Policy:
    """A policy of the account, to be changed.

    Raises   InvalidInput, NoSuchEntity.
    """
    policy = found(ctx, tx, arn)
    parts = parse_arn(arn)
    if parts is not None and parts.account == _AWS:
        raise InvalidInput(f"Policy {arn} is outside your own account.")
    return policy


def keep(ctx: Context, tx: Tx, policy: Policy) -> None:
    """Create or replace a policy of the account."""
    POLICIES.put(tx.documents, home(ctx.scope.account), key_of(policy.name), policy)


def attachment_count(ctx: Context, tx: Tx, arn: str) -> int:
    """How many roles, users and groups of the account have the policy attached."""
    return ATTACHMENTS.count(tx.documents, home(ctx.scope.account), parent=arn)


def boundary_count(ctx: Context, tx: Tx, arn: str) -> int:
    """How many roles and users of the account it bounds."""
    return BOUNDARIES.count(tx.documents, home(ctx.scope.account), parent=arn)


def attach(ctx: Context, tx: Tx, kind: Kind[R], name: str, arn: str) -> None:
    """Attach a policy; again is fine.

    Raises   NoSuchEntity, InvalidInput, LimitExceeded.
    """
    record = kind.find_own(ctx, tx, name)
    if find(ctx, tx, arn) is None:
        raise NoSuchEntity(f"Policy {arn} does not exist or is not attachable.")
    if arn in record.policy_arns:
        return
    if len(record.policy_arns) >= ATTACHED_POLICIES_MAX:
        raise LimitExceeded.of(f"PoliciesPer{kind.title}", ATTACHED_POLICIES_MAX)
    kind.keep(ctx, tx, msgspec.structs.replace(record, policy_arns=(*record.policy_arns, arn)))
    use = Use(kind=kind.label, name=record.name)
    ATTACHMENTS.put(tx.documents, home(ctx.scope.account), kind.use_key(record), use, parent=arn)


def detach(ctx: Context, tx: Tx, kind: Kind[R], name: str, arn: str) -> None:
    """Undo ``attach``.

    Raises   NoSuchEntity, also when it is not attached; InvalidInput.
    """
    record = kind.find_own(ctx, tx, name)
    find(ctx, tx, arn)
    if arn not in record.policy_arns:
        raise NoSuchEntity(f"Policy {arn} was not found.")
    kept = tuple(other for other in record.policy_arns if other != arn)
    kind.keep(ctx, tx, msgspec.structs.replace(record, policy_arns=kept))
    ATTACHMENTS.delete(tx.documents, home(ctx.scope.account), kind.use_key(record), parent=arn)


def bounded(ctx: Context, tx: Tx, kind: Kind[R], record: R, arn: str) -> R:
    """The record with another permissions boundary; an empty ARN takes it away. The caller keeps the record.

    Raises   NoSuchEntity, InvalidInput.
    """
    assert not isinstance(record, Group), "groups have no boundary"
    scope = home(ctx.scope.account)
    if arn and find(ctx, tx, arn) is None:
        raise NoSuchEntity(f"Policy {arn} does not exist or is not attachable.")
    if record.boundary_arn:
        BOUNDARIES.delete(tx.documents, scope, kind.use_key(record), parent=record.boundary_arn)
    if arn:
        BOUNDARIES.put(tx.documents, scope, kind.use_key(record), Use(kind=kind.label, name=record.name), parent=arn)
    return msgspec.structs.replace(record, boundary_arn=arn)
