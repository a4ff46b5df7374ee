"""Resource policies: which services may write to log groups, for the whole account or for one group.

A policy of the account has a name and there are ten at most; a group has one of its own. The target asks them all
(target.py): a Deny counts always, and with --enforce-policies a service needs an Allow.
"""

from __future__ import annotations

import msgspec

from bascule.api import logs as api
from bascule.kernel.context import Context
from bascule.kernel.scope import Scope
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.policies import PolicyProblem, allows
from bascule.services.logs import tokens
from bascule.services.logs.errors import (
    InvalidParameter,
    LimitExceeded,
    OperationAborted,
    ResourceNotFound,
)
from bascule.services.logs.groups import tagged_group
from bascule.services.logs.limits import DESCRIBE_ITEMS_MAX, RESOURCE_POLICIES_MAX
from bascule.services.logs.model import ResourcePolicies, ResourcePolicy
from bascule.services.logs.state import ACCOUNT_POLICIES, RESOURCE_POLICIES

RESOURCE = "RESOURCE"
NAME_NEEDED = "1 validation error detected: Value at 'policyName' failed to satisfy constraint: Member must not be null"
DOCUMENT_NEEDED = (
    "1 validation error detected: Value at 'policyDocument' failed to satisfy constraint: Member must not be null"
)
REVISION = "The expected revision ID does not match the revision ID of the resource policy."


def policies_of(tx: Tx, scope: Scope, group_name: str) -> tuple[str, ...]:
    """The texts of the policies that apply to a group: those of the account and its own."""
    texts: list[str] = []
    for kept in (_account(tx, scope), RESOURCE_POLICIES.get(tx.documents, scope, group_name)):
        if kept is not None:
            texts += [policy.document for policy in kept.policies]
    return tuple(texts)


def _account(tx: Tx, scope: Scope) -> ResourcePolicies:
    return RESOURCE_POLICIES.get(tx.documents, scope, ACCOUNT_POLICIES) or ResourcePolicies()


def _shown(policy: ResourcePolicy) -> api.ResourcePolicy:
    is_account = not policy.resource_arn
    return api.ResourcePolicy(
        policy_name=policy.name or None,
        policy_document=policy.document,
        last_updated_time=policy.updated_ms,
        policy_scope="ACCOUNT" if is_account else RESOURCE,
        resource_arn=policy.resource_arn or None,
        revision_id=None if is_account else policy.revision_id,
    )


def _check_document(text: str) -> None:
    try:
        allows(text, principal="*", action="logs:PutLogEvents", resource="*", conditions={})
    except PolicyProblem as problem:
        raise InvalidParameter(problem.message) from problem


def _own_policy(tx: Tx, scope: Scope, group_name: str, expected: str | None) -> ResourcePolicy | None:
    """The policy of a group; its revision must be the one the caller knows."""
    kept = RESOURCE_POLICIES.get(tx.documents, scope, group_name)
    found = kept.policies[0] if kept is not None else None
    if expected != (None if found is None else found.revision_id):
        raise OperationAborted(REVISION)
    return found


@operation("PutResourcePolicy")
def put_resource_policy(ctx: Context, tx: Tx, inp: api.PutResourcePolicyRequest) -> api.PutResourcePolicyResponse:
    """Create or replace a policy: by its name for the account, by ``resourceArn`` for one log group.

    Raises   InvalidParameter without name or document, or for a document that is no policy; LimitExceeded past ten;
             with ``resourceArn`` ResourceNotFound, and OperationAborted when ``expectedRevisionId`` is not the present one.
    """
    if inp.policy_document is None:
        raise InvalidParameter(DOCUMENT_NEEDED)
    _check_document(inp.policy_document)
    policy = ResourcePolicy(name=inp.policy_name or "", document=inp.policy_document, updated_ms=ctx.now_ms)
    if inp.resource_arn is not None:
        group = tagged_group(ctx, tx, inp.resource_arn)
        _own_policy(tx, ctx.scope, group.name, inp.expected_revision_id)
        arn = ctx.scope.arn("logs", f"log-group:{group.name}")
        policy = msgspec.structs.replace(policy, resource_arn=arn, revision_id=ctx.ids.token(16))
        RESOURCE_POLICIES.put(tx.documents, ctx.scope, group.name, ResourcePolicies((policy,)))
        return api.PutResourcePolicyResponse(resource_policy=_shown(policy), revision_id=policy.revision_id)
    if not policy.name:
        raise InvalidParameter(NAME_NEEDED)
    named = {kept.name: kept for kept in _account(tx, ctx.scope).policies} | {policy.name: policy}
    if len(named) > RESOURCE_POLICIES_MAX:
        raise LimitExceeded
    kept = ResourcePolicies(tuple(named[name] for name in sorted(named)))
    RESOURCE_POLICIES.put(tx.documents, ctx.scope, ACCOUNT_POLICIES, kept)
    return api.PutResourcePolicyResponse(resource_policy=_shown(policy))


@operation("DescribeResourcePolicies", reads=True)
def describe_resource_policies(
    ctx: Context, tx: Tx, inp: api.DescribeResourcePoliciesRequest
) -> api.DescribeResourcePoliciesResponse:
    """Policies by name: those of the account, or the one of a group.

    Raises   ResourceNotFound for the group; InvalidParameter for a token that we did not make.
    """
    if inp.policy_scope == RESOURCE or inp.resource_arn is not None:
        if inp.resource_arn is None:
            raise InvalidParameter("resourceArn is required when policyScope is RESOURCE.")
        group = tagged_group(ctx, tx, inp.resource_arn)
        kept = RESOURCE_POLICIES.get(tx.documents, ctx.scope, group.name) or ResourcePolicies()
        return api.DescribeResourcePoliciesResponse(resource_policies=[_shown(policy) for policy in kept.policies])
    after = tokens.name_after(inp.next_token)
    found = [policy for policy in _account(tx, ctx.scope).policies if policy.name > after]
    size = inp.limit or DESCRIBE_ITEMS_MAX
    return api.DescribeResourcePoliciesResponse(
        resource_policies=[_shown(policy) for policy in found[:size]],
        next_token=tokens.name_token(found[size - 1].name) if len(found) > size else None,
    )


@operation("DeleteResourcePolicy")
def delete_resource_policy(ctx: Context, tx: Tx, inp: api.DeleteResourcePolicyRequest) -> api.Empty:
    """Remove a policy of the account by name, or that of a group.

    Raises   ResourceNotFound; InvalidParameter without a name; OperationAborted for another revision.
    """
    if inp.resource_arn is not None:
        group = tagged_group(ctx, tx, inp.resource_arn)
        if RESOURCE_POLICIES.get(tx.documents, ctx.scope, group.name) is None:
            raise ResourceNotFound(f"No resource policy exists for {inp.resource_arn}.")
        _own_policy(tx, ctx.scope, group.name, inp.expected_revision_id)
        RESOURCE_POLICIES.delete(tx.documents, ctx.scope, group.name)
        return api.Empty()
    if inp.policy_name is None:
        raise InvalidParameter(NAME_NEEDED)
    kept = _account(tx, ctx.scope).policies
    left = tuple(policy for policy in kept if policy.name != inp.policy_name)
    if len(left) == len(kept):
        raise ResourceNotFound(f"Policy with name [{inp.policy_name}] does not exist.")
    RESOURCE_POLICIES.put(tx.documents, ctx.scope, ACCOUNT_POLICIES, ResourcePolicies(left))
    return api.Empty()
