"""Instance profiles: a role in the form in which EC2 takes it. Deployment tools make, read and remove them."""

from __future__ import annotations

import msgspec

from bascule.api import iam as api
from bascule.identity.records import Role, home, key_of
from bascule.kernel.context import Context
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.services.iam import limits, tags
from bascule.services.iam.errors import DeleteConflict, EntityAlreadyExists, LimitExceeded, NoSuchEntity
from bascule.services.iam.kinds import ROLE
from bascule.services.iam.model import INSTANCE_PROFILES, InstanceProfile
from bascule.services.iam.naming import checked_path, iam_arn, unique_id
from bascule.services.iam.paging import page, page_of, rows_of
from bascule.services.iam.showing import seconds, shown_role


def _found(ctx: Context, tx: Tx, name: str) -> InstanceProfile:
    profile = INSTANCE_PROFILES.get(tx.documents, home(ctx.scope.account), key_of(name))
    if profile is None or profile.name != name:
        raise NoSuchEntity(f"Instance Profile {name} cannot be found.")
    return profile


def _keep(ctx: Context, tx: Tx, profile: InstanceProfile) -> None:
    INSTANCE_PROFILES.put(tx.documents, home(ctx.scope.account), key_of(profile.name), profile)


def _shown(ctx: Context, tx: Tx, profile: InstanceProfile) -> api.InstanceProfile:
    roles = [ROLE.find(ctx, tx, profile.role_name)] if profile.role_name else []
    return api.InstanceProfile(
        path=profile.path,
        instance_profile_name=profile.name,
        instance_profile_id=profile.unique_id,
        arn=iam_arn(ctx, "instance-profile", profile.path, profile.name),
        create_date=seconds(profile.created_ms),
        roles=[msgspec.structs.replace(shown_role(ctx, role), tags=None, role_last_used=None) for role in roles],
        tags=tags.shown(profile.tags),
    )


def profiles_of_role(ctx: Context, tx: Tx, role: Role) -> list[tuple[str, InstanceProfile]]:
    """The (key, profile) pairs that hold a role."""
    rows = rows_of(tx.documents, INSTANCE_PROFILES, home(ctx.scope.account))
    return [row for row in rows if row[1].role_name == role.name]


@operation("CreateInstanceProfile")
def create_instance_profile(
    ctx: Context, tx: Tx, inp: api.CreateInstanceProfileRequest
) -> api.CreateInstanceProfileResponse:
    """Create a profile without a role.

    Raises   EntityAlreadyExists, LimitExceeded, InvalidInput.
    """
    scope = home(ctx.scope.account)
    name = inp.instance_profile_name
    if INSTANCE_PROFILES.get(tx.documents, scope, key_of(name)) is not None:
        raise EntityAlreadyExists(f"Instance Profile {name} already exists.")
    if INSTANCE_PROFILES.count(tx.documents, scope) >= limits.INSTANCE_PROFILES_MAX:
        raise LimitExceeded.of("InstanceProfilesPerAccount", limits.INSTANCE_PROFILES_MAX)
    profile = InstanceProfile(
        name=name,
        path=checked_path(inp.path),
        unique_id=unique_id("AIPA", ctx.ids),
        created_ms=ctx.now_ms,
        tags=tags.merged({}, inp.tags),
    )
    _keep(ctx, tx, profile)
    return api.CreateInstanceProfileResponse(instance_profile=_shown(ctx, tx, profile))


@operation("GetInstanceProfile", reads=True)
def get_instance_profile(ctx: Context, tx: Tx, inp: api.GetInstanceProfileRequest) -> api.GetInstanceProfileResponse:
    """A profile with its role.

    Raises   NoSuchEntity.
    """
    profile = _found(ctx, tx, inp.instance_profile_name)
    return api.GetInstanceProfileResponse(instance_profile=_shown(ctx, tx, profile))


@operation("ListInstanceProfiles", reads=True)
def list_instance_profiles(
    ctx: Context, tx: Tx, inp: api.ListInstanceProfilesRequest
) -> api.ListInstanceProfilesResponse:
    """Profiles by name, without tags."""
    prefix = inp.path_prefix or "/"

    def rows(after: str) -> list[tuple[str, InstanceProfile]]:
        found = rows_of(tx.documents, INSTANCE_PROFILES, home(ctx.scope.account), after)
        return [row for row in found if row[1].path.startswith(prefix)]

    found = page(rows, inp)
    profiles = [msgspec.structs.replace(_shown(ctx, tx, profile), tags=None) for profile in found.items]
    return api.ListInstanceProfilesResponse(
        instance_profiles=profiles, is_truncated=found.is_truncated, marker=found.marker
    )


@operation("ListInstanceProfilesForRole", reads=True)
def list_instance_profiles_for_role(
    ctx: Context, tx: Tx, inp: api.ListInstanceProfilesForRoleRequest
) -> api.ListInstanceProfilesForRoleResponse:
    """The profiles that hold a role, by name.

    Raises   NoSuchEntity.
    """
    found = page_of(profiles_of_role(ctx, tx, ROLE.find(ctx, tx, inp.role_name)), inp)
    profiles = [msgspec.structs.replace(_shown(ctx, tx, profile), tags=None) for profile in found.items]
    return api.ListInstanceProfilesForRoleResponse(
        instance_profiles=profiles, is_truncated=found.is_truncated, marker=found.marker
    )


@operation("DeleteInstanceProfile")
def delete_instance_profile(ctx: Context, tx: Tx, inp: api.DeleteInstanceProfileRequest) -> api.Empty:
    """Delete a profile without a role.

    Raises   NoSuchEntity, DeleteConflict.
    """
    profile = _found(ctx, tx, inp.instance_profile_name)
    if profile.role_name:
        raise DeleteConflict("Cannot delete entity, must remove roles from instance profile first.")
    INSTANCE_PROFILES.delete(tx.documents, home(ctx.scope.account), key_of(profile.name))
    return api.Empty()


@operation("AddRoleToInstanceProfile")
def add_role_to_instance_profile(ctx: Context, tx: Tx, inp: api.AddRoleToInstanceProfileRequest) -> api.Empty:
    """Put a role into a profile that has none.

    Raises   NoSuchEntity, UnmodifiableEntity, LimitExceeded.
    """
    profile = _found(ctx, tx, inp.instance_profile_name)
    role = ROLE.find_own(ctx, tx, inp.role_name)
    if profile.role_name:
        raise LimitExceeded.of("InstanceSessionsPerInstanceProfile", limits.ROLES_PER_INSTANCE_PROFILE_MAX)
    _keep(ctx, tx, msgspec.structs.replace(profile, role_name=role.name))
    return api.Empty()


@operation("RemoveRoleFromInstanceProfile")
def remove_role_from_instance_profile(ctx: Context, tx: Tx, inp: api.RemoveRoleFromInstanceProfileRequest) -> api.Empty:
    """Take the role out of a profile.

    Raises   NoSuchEntity, also when the profile holds another role or none.
    """
    profile = _found(ctx, tx, inp.instance_profile_name)
    role = ROLE.find(ctx, tx, inp.role_name)
    if profile.role_name != role.name:
        raise NoSuchEntity(f"Role {role.name} cannot be found in Instance Profile {profile.name}.")
    _keep(ctx, tx, msgspec.structs.replace(profile, role_name=""))
    return api.Empty()


@operation("TagInstanceProfile")
def tag_instance_profile(ctx: Context, tx: Tx, inp: api.TagInstanceProfileRequest) -> api.Empty:
    """Add tags, or replace those of the same key.

    Raises   NoSuchEntity, InvalidInput, LimitExceeded.
    """
    profile = _found(ctx, tx, inp.instance_profile_name)
    _keep(ctx, tx, msgspec.structs.replace(profile, tags=tags.merged(profile.tags, inp.tags)))
    return api.Empty()


@operation("UntagInstanceProfile")
def untag_instance_profile(ctx: Context, tx: Tx, inp: api.UntagInstanceProfileRequest) -> api.Empty:
    """Remove tags.

    Raises   NoSuchEntity.
    """
    profile = _found(ctx, tx, inp.instance_profile_name)
    _keep(ctx, tx, msgspec.structs.replace(profile, tags=tags.without(profile.tags, inp.tag_keys)))
    return api.Empty()


@operation("ListInstanceProfileTags", reads=True)
def list_instance_profile_tags(
    ctx: Context, tx: Tx, inp: api.ListInstanceProfileTagsRequest
) -> api.ListInstanceProfileTagsResponse:
    """The tags of a profile by key.

    Raises   NoSuchEntity.
    """
    found = page_of(tags.rows(_found(ctx, tx, inp.instance_profile_name).tags), inp)
    return api.ListInstanceProfileTagsResponse(tags=found.items, is_truncated=found.is_truncated, marker=found.marker)
