"""Managed policies attached to roles, users and groups."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import Any, TypeVar

from bascule.api import iam as api
from bascule.identity.records import Identity, home
from bascule.kernel.context import Context
from bascule.kernel.documents import Collection
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.services.iam import managed
from bascule.services.iam.kinds import GROUP, ROLE, USER, Kind
from bascule.services.iam.model import ATTACHMENTS, BOUNDARIES, Use
from bascule.services.iam.paging import Page, Paged, page_of, rows_of

R = TypeVar("R", bound=Identity)

_PERMISSIONS = "PermissionsPolicy"
_BOUNDARY = "PermissionsBoundary"


def _attached(
    ctx: Context, tx: Tx, kind: Kind[R], name: str, path_prefix: str | None, inp: Paged
) -> Page[api.AttachedPolicy]:
    rows = []
    for arn in kind.find(ctx, tx, name).policy_arns:
        policy = managed.found(ctx, tx, arn)
        if policy.path.startswith(path_prefix or "/"):
            rows.append((arn, api.AttachedPolicy(policy_name=policy.name, policy_arn=arn)))
    return page_of(rows, inp)


def _operations(kind: Kind[R], listed: Callable[..., Any]) -> tuple[Callable[..., Any], ...]:
    """The three operations of a kind; ``listed`` makes the answer of List."""
    name_in = attrgetter(f"{kind.label}_name")

    @operation(f"Attach{kind.title}Policy")
    def attach(ctx: Context, tx: Tx, inp: Any) -> api.Empty:
        """Attach a managed policy; again is fine.

        Raises   NoSuchEntity, UnmodifiableEntity, InvalidInput, LimitExceeded.
        """
        managed.attach(ctx, tx, kind, name_in(inp), inp.policy_arn)
        return api.Empty()

    @operation(f"Detach{kind.title}Policy")
    def detach(ctx: Context, tx: Tx, inp: Any) -> api.Empty:
        """Detach a managed policy.

        Raises   NoSuchEntity, also when it is not attached; UnmodifiableEntity, InvalidInput.
        """
        managed.detach(ctx, tx, kind, name_in(inp), inp.policy_arn)
        return api.Empty()

    @operation(f"ListAttached{kind.title}Policies", reads=True)
    def list_attached(ctx: Context, tx: Tx, inp: Any) -> Any:
        """The managed policies, by ARN.

        Raises   NoSuchEntity.
        """
        found = _attached(ctx, tx, kind, name_in(inp), inp.path_prefix, inp)
        return listed(attached_policies=found.items, is_truncated=found.is_truncated, marker=found.marker)

    return attach, detach, list_attached


@operation("ListEntitiesForPolicy", reads=True)
def list_entities_for_policy(
    ctx: Context, tx: Tx, inp: api.ListEntitiesForPolicyRequest
) -> api.ListEntitiesForPolicyResponse:
    """The roles, users and groups that use a managed policy.

    Raises   NoSuchEntity, InvalidInput.
    """
    managed.found(ctx, tx, inp.policy_arn)
    rows: dict[str, Use] = {}
    if inp.policy_usage_filter in (None, _PERMISSIONS):
        rows.update(_uses(ctx, tx, ATTACHMENTS, inp.policy_arn))
    if inp.policy_usage_filter in (None, _BOUNDARY):
        rows.update(_uses(ctx, tx, BOUNDARIES, inp.policy_arn))
    wanted = {
        key: use
        for key, use in rows.items()
        if inp.entity_filter in (None, use.kind.capitalize())
        and _record(ctx, tx, use).path.startswith(inp.path_prefix or "/")
    }
    found = page_of(wanted.items(), inp)
    roles = [ROLE.find(ctx, tx, use.name) for use in found.items if use.kind == ROLE.label]
    users = [USER.find(ctx, tx, use.name) for use in found.items if use.kind == USER.label]
    groups = [GROUP.find(ctx, tx, use.name) for use in found.items if use.kind == GROUP.label]
    return api.ListEntitiesForPolicyResponse(
        policy_groups=[api.PolicyGroup(group_name=group.name, group_id=group.unique_id) for group in groups],
        policy_users=[api.PolicyUser(user_name=user.name, user_id=user.unique_id) for user in users],
        policy_roles=[api.PolicyRole(role_name=role.name, role_id=role.unique_id) for role in roles],
        is_truncated=found.is_truncated,
        marker=found.marker,
    )


def _uses(ctx: Context, tx: Tx, collection: Collection[Use], arn: str) -> Iterator[tuple[str, Use]]:
    return rows_of(tx.documents, collection, home(ctx.scope.account), parent=arn)


def _record(ctx: Context, tx: Tx, use: Use) -> Identity:
    if use.kind == ROLE.label:
        return ROLE.find(ctx, tx, use.name)
    return USER.find(ctx, tx, use.name) if use.kind == USER.label else GROUP.find(ctx, tx, use.name)


OPERATIONS = (
    *_operations(ROLE, api.ListAttachedRolePoliciesResponse),
    *_operations(USER, api.ListAttachedUserPoliciesResponse),
    *_operations(GROUP, api.ListAttachedGroupPoliciesResponse),
    list_entities_for_policy,
)
