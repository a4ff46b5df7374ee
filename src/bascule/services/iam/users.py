"""Users."""

from __future__ import annotations

import msgspec

from bascule.api import iam as api
from bascule.identity.records import ACCESS_KEYS, User, home
from bascule.kernel.context import Context
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.services.iam import managed, tags
from bascule.services.iam.errors import DeleteConflict, InvalidRequest, NoSuchEntity
from bascule.services.iam.kinds import USER
from bascule.services.iam.naming import checked_path, unique_id
from bascule.services.iam.paging import page, page_of
from bascule.services.iam.showing import attached_boundary, shown_user


def named_user(ctx: Context, tx: Tx, name: str | None) -> User:
    """The user of that name, without a name the caller.

    Raises   NoSuchEntity; ValidationError when the caller is no user.
    """
    if name is None:
        key = ACCESS_KEYS.get(tx.documents, home(ctx.scope.account), ctx.access_key) if ctx.access_key else None
        if key is None:
            raise InvalidRequest("Must specify userName when calling with non-User credentials")
        name = key.user_name
    return USER.find(ctx, tx, name)


@operation("CreateUser")
def create_user(ctx: Context, tx: Tx, inp: api.CreateUserRequest) -> api.CreateUserResponse:
    """Create a user.

    Raises   EntityAlreadyExists, LimitExceeded, InvalidInput, NoSuchEntity for the boundary.
    """
    user = User(
        name=inp.user_name,
        path=checked_path(inp.path),
        unique_id=unique_id(USER.id_prefix, ctx.ids),
        created_ms=ctx.now_ms,
        tags=tags.merged({}, inp.tags),
    )
    USER.add(ctx, tx, user)
    if inp.permissions_boundary:
        user = managed.bounded(ctx, tx, USER, user, inp.permissions_boundary)
        USER.keep(ctx, tx, user)
    return api.CreateUserResponse(user=shown_user(ctx, user))


@operation("GetUser", reads=True)
def get_user(ctx: Context, tx: Tx, inp: api.GetUserRequest) -> api.GetUserResponse:
    """A user; without a name the caller, which may be the root of the account.

    Raises   NoSuchEntity.
    """
    try:
        user = named_user(ctx, tx, inp.user_name)
    except InvalidRequest:
        account = ctx.scope.account
        arn = f"arn:{ctx.scope.partition}:iam::{account}:root"
        return api.GetUserResponse(user=api.User(user_id=account, arn=arn))
    return api.GetUserResponse(user=shown_user(ctx, user))


@operation("ListUsers", reads=True)
def list_users(ctx: Context, tx: Tx, inp: api.ListUsersRequest) -> api.ListUsersResponse:
    """Users by name, without tags and boundaries."""
    found = page(lambda after: USER.rows(ctx, tx, after, inp.path_prefix), inp)
    users = [
        msgspec.structs.replace(shown_user(ctx, user), tags=None, permissions_boundary=None) for user in found.items
    ]
    return api.ListUsersResponse(users=users, is_truncated=found.is_truncated, marker=found.marker)


@operation("DeleteUser")
def delete_user(ctx: Context, tx: Tx, inp: api.DeleteUserRequest) -> api.Empty:
    """Delete a user that has no policies and no access keys and is in no group.

    Raises   NoSuchEntity, DeleteConflict.
    """
    user = USER.find(ctx, tx, inp.user_name)
    for what, is_left in (
        ("detach all policies", user.policy_arns),
        ("delete policies", user.policies),
        ("delete access keys", user.access_keys),
        ("remove users from group", user.groups),
    ):
        if is_left:
            raise DeleteConflict(f"Cannot delete entity, must {what} first.")
    USER.remove(ctx, tx, managed.bounded(ctx, tx, USER, user, ""))
    return api.Empty()


@operation("TagUser")
def tag_user(ctx: Context, tx: Tx, inp: api.TagUserRequest) -> api.Empty:
    """Add tags, or replace those of the same key.

    Raises   NoSuchEntity, InvalidInput, LimitExceeded.
    """
    user = USER.find(ctx, tx, inp.user_name)
    USER.keep(ctx, tx, msgspec.structs.replace(user, tags=tags.merged(user.tags, inp.tags)))
    return api.Empty()


@operation("UntagUser")
def untag_user(ctx: Context, tx: Tx, inp: api.UntagUserRequest) -> api.Empty:
    """Remove tags.

    Raises   NoSuchEntity.
    """
    user = USER.find(ctx, tx, inp.user_name)
    USER.keep(ctx, tx, msgspec.structs.replace(user, tags=tags.without(user.tags, inp.tag_keys)))
    return api.Empty()


@operation("ListUserTags", reads=True)
def list_user_tags(ctx: Context, tx: Tx, inp: api.ListUserTagsRequest) -> api.ListUserTagsResponse:
    """The tags of a user by key.

    Raises   NoSuchEntity.
    """
    found = page_of(tags.rows(USER.find(ctx, tx, inp.user_name).tags), inp)
    return api.ListUserTagsResponse(tags=found.items, is_truncated=found.is_truncated, marker=found.marker)


@operation("PutUserPermissionsBoundary")
def put_user_permissions_boundary(ctx: Context, tx: Tx, inp: api.PutUserPermissionsBoundaryRequest) -> api.Empty:
    """Set the managed policy that bounds the user; kept and shown.

    Raises   NoSuchEntity, InvalidInput.
    """
    user = USER.find(ctx, tx, inp.user_name)
    USER.keep(ctx, tx, managed.bounded(ctx, tx, USER, user, inp.permissions_boundary))
    return api.Empty()


@operation("DeleteUserPermissionsBoundary")
def delete_user_permissions_boundary(ctx: Context, tx: Tx, inp: api.DeleteUserPermissionsBoundaryRequest) -> api.Empty:
    """Take the boundary away.

    Raises   NoSuchEntity, also when there is none.
    """
    user = USER.find(ctx, tx, inp.user_name)
    if attached_boundary(user) is None:
        raise NoSuchEntity(f"User {inp.user_name} does not have a permissions boundary.")
    USER.keep(ctx, tx, managed.bounded(ctx, tx, USER, user, ""))
    return api.Empty()
