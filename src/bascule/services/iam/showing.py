"""Roles, users and groups as the API shows them."""

from __future__ import annotations

from bascule.api import iam as api
from bascule.identity.records import Group, Identity, Role, User
from bascule.kernel.context import Context
from bascule.services.iam import documents, tags
from bascule.services.iam.kinds import GROUP, ROLE, USER


def seconds(moment_ms: int) -> float:
    """IAM's dates have whole seconds."""
    return float(moment_ms // 1000)


def attached_boundary(record: Identity) -> api.AttachedPermissionsBoundary | None:
    """The permissions boundary of a role or user."""
    if not record.boundary_arn:
        return None
    return api.AttachedPermissionsBoundary(
        permissions_boundary_type="PermissionsBoundaryPolicy", permissions_boundary_arn=record.boundary_arn
    )


def shown_role(ctx: Context, role: Role) -> api.Role:
    """A role with everything GetRole shows."""
    return api.Role(
        path=role.path,
        role_name=role.name,
        role_id=role.unique_id,
        arn=ROLE.arn(ctx, role),
        create_date=seconds(role.created_ms),
        assume_role_policy_document=documents.shown(role.trust_policy),
        description=role.description or None,
        max_session_duration=role.session_s_max,
        permissions_boundary=attached_boundary(role),
        tags=tags.shown(role.tags) or None,
        role_last_used=api.RoleLastUsed(),
    )


def shown_user(ctx: Context, user: User) -> api.User:
    """A user with everything GetUser shows."""
    return api.User(
        path=user.path,
        user_name=user.name,
        user_id=user.unique_id,
        arn=USER.arn(ctx, user),
        create_date=seconds(user.created_ms),
        permissions_boundary=attached_boundary(user),
        tags=tags.shown(user.tags) or None,
    )


def shown_group(ctx: Context, group: Group) -> api.Group:
    """A group."""
    return api.Group(
        path=group.path,
        group_name=group.name,
        group_id=group.unique_id,
        arn=GROUP.arn(ctx, group),
        create_date=seconds(group.created_ms),
    )
