"""Inline policies of roles, users and groups: one implementation, three sets of operations."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from bascule.api import iam as api
from bascule.identity.records import Identity
from bascule.kernel.context import Context
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.policies import size_of
from bascule.services.iam import documents
from bascule.services.iam.errors import LimitExceeded, NoSuchEntity
from bascule.services.iam.kinds import GROUP, ROLE, USER, Kind
from bascule.services.iam.paging import Page, Paged, page_of

R = TypeVar("R", bound=Identity)


def _put(ctx: Context, tx: Tx, kind: Kind[R], name: str, policy: str, text: str) -> None:
    record = kind.find_own(ctx, tx, name)
    policies = record.policies | {policy: documents.checked_policy(text)}
    if sum(map(size_of, policies.values())) > kind.inline_size_max:
        raise LimitExceeded(f"Maximum policy size of {kind.inline_size_max} bytes exceeded for {kind.label} {name}")
    kind.keep(ctx, tx, msgspec.structs.replace(record, policies=policies))


def _text(kind: Kind[R], record: R, policy: str) -> str:
    text = record.policies.get(policy)
    if text is None:
        raise NoSuchEntity(f"The {kind.label} policy with name {policy} cannot be found.")
    return text


def _shown(ctx: Context, tx: Tx, kind: Kind[R], name: str, policy: str) -> str:
    return documents.shown(_text(kind, kind.find(ctx, tx, name), policy))


def _delete(ctx: Context, tx: Tx, kind: Kind[R], name: str, policy: str) -> None:
    record = kind.find_own(ctx, tx, name)
    _text(kind, record, policy)
    kept = {other: text for other, text in record.policies.items() if other != policy}
    kind.keep(ctx, tx, msgspec.structs.replace(record, policies=kept))


def _names(ctx: Context, tx: Tx, kind: Kind[R], name: str, inp: Paged) -> Page[str]:
    return page_of([(policy, policy) for policy in kind.find(ctx, tx, name).policies], inp)


@operation("PutRolePolicy")
def put_role_policy(ctx: Context, tx: Tx, inp: api.PutRolePolicyRequest) -> api.Empty:
    """Create or replace an inline policy of a role.

    Raises   NoSuchEntity, UnmodifiableEntity, MalformedPolicyDocument, LimitExceeded.
    """
    _put(ctx, tx, ROLE, inp.role_name, inp.policy_name, inp.policy_document)
    return api.Empty()


@operation("GetRolePolicy", reads=True)
def get_role_policy(ctx: Context, tx: Tx, inp: api.GetRolePolicyRequest) -> api.GetRolePolicyResponse:
    """An inline policy of a role, percent-encoded.

    Raises   NoSuchEntity.
    """
    return api.GetRolePolicyResponse(
        role_name=inp.role_name,
        policy_name=inp.policy_name,
        policy_document=_shown(ctx, tx, ROLE, inp.role_name, inp.policy_name),
    )


@operation("DeleteRolePolicy")
def delete_role_policy(ctx: Context, tx: Tx, inp: api.DeleteRolePolicyRequest) -> api.Empty:
    """Delete an inline policy of a role.

    Raises   NoSuchEntity, UnmodifiableEntity.
    """
    _delete(ctx, tx, ROLE, inp.role_name, inp.policy_name)
    return api.Empty()


@operation("ListRolePolicies", reads=True)
def list_role_policies(ctx: Context, tx: Tx, inp: api.ListRolePoliciesRequest) -> api.ListRolePoliciesResponse:
    """Names of the inline policies of a role.

    Raises   NoSuchEntity.
    """
    found = _names(ctx, tx, ROLE, inp.role_name, inp)
    return api.ListRolePoliciesResponse(policy_names=found.items, is_truncated=found.is_truncated, marker=found.marker)


@operation("PutUserPolicy")
def put_user_policy(ctx: Context, tx: Tx, inp: api.PutUserPolicyRequest) -> api.Empty:
    """Create or replace an inline policy of a user.

    Raises   NoSuchEntity, MalformedPolicyDocument, LimitExceeded.
    """
    _put(ctx, tx, USER, inp.user_name, inp.policy_name, inp.policy_document)
    return api.Empty()


@operation("GetUserPolicy", reads=True)
def get_user_policy(ctx: Context, tx: Tx, inp: api.GetUserPolicyRequest) -> api.GetUserPolicyResponse:
    """An inline policy of a user, percent-encoded.

    Raises   NoSuchEntity.
    """
    return api.GetUserPolicyResponse(
        user_name=inp.user_name,
        policy_name=inp.policy_name,
        policy_document=_shown(ctx, tx, USER, inp.user_name, inp.policy_name),
    )


@operation("DeleteUserPolicy")
def delete_user_policy(ctx: Context, tx: Tx, inp: api.DeleteUserPolicyRequest) -> api.Empty:
    """Delete an inline policy of a user.

    Raises   NoSuchEntity.
    """
    _delete(ctx, tx, USER, inp.user_name, inp.policy_name)
    return api.Empty()


@operation("ListUserPolicies", reads=True)
def list_user_policies(ctx: Context, tx: Tx, inp: api.ListUserPoliciesRequest) -> api.ListUserPoliciesResponse:
    """Names of the inline policies of a user.

    Raises   NoSuchEntity.
    """
    found = _names(ctx, tx, USER, inp.user_name, inp)
    return api.ListUserPoliciesResponse(policy_names=found.items, is_truncated=found.is_truncated, marker=found.marker)


@operation("PutGroupPolicy")
def put_group_policy(ctx: Context, tx: Tx, inp: api.PutGroupPolicyRequest) -> api.Empty:
    """Create or replace an inline policy of a group.

    Raises   NoSuchEntity, MalformedPolicyDocument, LimitExceeded.
    """
    _put(ctx, tx, GROUP, inp.group_name, inp.policy_name, inp.policy_document)
    return api.Empty()


@operation("GetGroupPolicy", reads=True)
def get_group_policy(ctx: Context, tx: Tx, inp: api.GetGroupPolicyRequest) -> api.GetGroupPolicyResponse:
    """An inline policy of a group, percent-encoded.

    Raises   NoSuchEntity.
    """
    return api.GetGroupPolicyResponse(
        group_name=inp.group_name,
        policy_name=inp.policy_name,
        policy_document=_shown(ctx, tx, GROUP, inp.group_name, inp.policy_name),
    )


@operation("DeleteGroupPolicy")
def delete_group_policy(ctx: Context, tx: Tx, inp: api.DeleteGroupPolicyRequest) -> api.Empty:
    """Delete an inline policy of a group.

    Raises   NoSuchEntity.
    """
    _delete(ctx, tx, GROUP, inp.group_name, inp.policy_name)
    return api.Empty()


@operation("ListGroupPolicies", reads=True)
def list_group_policies(ctx: Context, tx: Tx, inp: api.ListGroupPoliciesRequest) -> api.ListGroupPoliciesResponse:
    """Names of the inline policies of a group.

    Raises   NoSuchEntity.
    """
    found = _names(ctx, tx, GROUP, inp.group_name, inp)
    return api.ListGroupPoliciesResponse(policy_names=found.items, is_truncated=found.is_truncated, marker=found.marker)
