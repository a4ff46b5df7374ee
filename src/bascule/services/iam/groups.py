"""Groups of users. Membership is kept on both sides, in one transaction."""

from __future__ import annotations

import msgspec

from bascule.api import iam as api
from bascule.identity.records import Group
from bascule.kernel.context import Context
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.services.iam.errors import DeleteConflict, LimitExceeded
from bascule.services.iam.kinds import GROUP, USER
from bascule.services.iam.limits import GROUPS_PER_USER_MAX
from bascule.services.iam.naming import checked_path, unique_id
from bascule.services.iam.paging import page, page_of
from bascule.services.iam.showing import shown_group, shown_user


@operation("CreateGroup")
def create_group(ctx: Context, tx: Tx, inp: api.CreateGroupRequest) -> api.CreateGroupResponse:
    """Create a group without users.

    Raises   EntityAlreadyExists, LimitExceeded.
    """
    group = Group(
        name=inp.group_name,
        path=checked_path(inp.path),
        unique_id=unique_id(GROUP.id_prefix, ctx.ids),
        created_ms=ctx.now_ms,
    )
    GROUP.add(ctx, tx, group)
    return api.CreateGroupResponse(group=shown_group(ctx, group))


@operation("GetGroup", reads=True)
def get_group(ctx: Context, tx: Tx, inp: api.GetGroupRequest) -> api.GetGroupResponse:
    """A group and its users.

    Raises   NoSuchEntity.
    """
    group = GROUP.find(ctx, tx, inp.group_name)
    found = page_of([(name, name) for name in group.users], inp)
    users = [msgspec.structs.replace(shown_user(ctx, USER.find(ctx, tx, name)), tags=None) for name in found.items]
    return api.GetGroupResponse(
        group=shown_group(ctx, group), users=users, is_truncated=found.is_truncated, marker=found.marker
    )


@operation("ListGroups", reads=True)
def list_groups(ctx: Context, tx: Tx, inp: api.ListGroupsRequest) -> api.ListGroupsResponse:
    """Groups by name."""
    found = page(lambda after: GROUP.rows(ctx, tx, after, inp.path_prefix), inp)
    groups = [shown_group(ctx, group) for group in found.items]
    return api.ListGroupsResponse(groups=groups, is_truncated=found.is_truncated, marker=found.marker)


@operation("DeleteGroup")
def delete_group(ctx: Context, tx: Tx, inp: api.DeleteGroupRequest) -> api.Empty:
    """Delete a group that has no users and no policies.

    Raises   NoSuchEntity, DeleteConflict.
    """
    group = GROUP.find(ctx, tx, inp.group_name)
    for what, is_left in (
        ("remove users from group", group.users),
        ("detach all policies", group.policy_arns),
        ("delete policies", group.policies),
    ):
        if is_left:
            raise DeleteConflict(f"Cannot delete entity, must {what} first.")
    GROUP.remove(ctx, tx, group)
    return api.Empty()


@operation("AddUserToGroup")
def add_user_to_group(ctx: Context, tx: Tx, inp: api.AddUserToGroupRequest) -> api.Empty:
    """Put a user into a group; again is fine.

    Raises   NoSuchEntity, LimitExceeded.
    """
    group, user = GROUP.find(ctx, tx, inp.group_name), USER.find(ctx, tx, inp.user_name)
    if user.name in group.users:
        return api.Empty()
    if len(user.groups) >= GROUPS_PER_USER_MAX:
        raise LimitExceeded.of("GroupsPerUser", GROUPS_PER_USER_MAX)
    GROUP.keep(ctx, tx, msgspec.structs.replace(group, users=(*group.users, user.name)))
    USER.keep(ctx, tx, msgspec.structs.replace(user, groups=(*user.groups, group.name)))
    return api.Empty()


@operation("RemoveUserFromGroup")
def remove_user_from_group(ctx: Context, tx: Tx, inp: api.RemoveUserFromGroupRequest) -> api.Empty:
    """Take a user out of a group; one that is not in it is fine.

    Raises   NoSuchEntity.
    """
    group, user = GROUP.find(ctx, tx, inp.group_name), USER.find(ctx, tx, inp.user_name)
    users = tuple(name for name in group.users if name != user.name)
    groups = tuple(name for name in user.groups if name != group.name)
    GROUP.keep(ctx, tx, msgspec.structs.replace(group, users=users))
    USER.keep(ctx, tx, msgspec.structs.replace(user, groups=groups))
    return api.Empty()


@operation("ListGroupsForUser", reads=True)
def list_groups_for_user(ctx: Context, tx: Tx, inp: api.ListGroupsForUserRequest) -> api.ListGroupsForUserResponse:
    """The groups of a user.

    Raises   NoSuchEntity.
    """
    user = USER.find(ctx, tx, inp.user_name)
    found = page_of([(name, name) for name in user.groups], inp)
    groups = [shown_group(ctx, GROUP.find(ctx, tx, name)) for name in found.items]
    return api.ListGroupsForUserResponse(groups=groups, is_truncated=found.is_truncated, marker=found.marker)
