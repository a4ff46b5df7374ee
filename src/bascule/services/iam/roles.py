"""Roles: who may act as them (the trust policy), and the service-linked ones that AWS services own."""

from __future__ import annotations

import json
import re

import msgspec

from bascule.api import iam as api
from bascule.identity.records import Role, home
from bascule.kernel.context import Context
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.services.iam import documents, managed, tags
from bascule.services.iam.errors import (
    DeleteConflict,
    EntityAlreadyExists,
    InvalidInput,
    NoSuchEntity,
)
from bascule.services.iam.instance_profiles import profiles_of_role
from bascule.services.iam.kinds import ROLE
from bascule.services.iam.linked_roles import linked_role_name
from bascule.services.iam.model import DELETION_TASKS, DeletionTask
from bascule.services.iam.naming import checked_path, unique_id
from bascule.services.iam.paging import page, page_of
from bascule.services.iam.showing import attached_boundary, shown_role

_SERVICE = re.compile(r"[a-z0-9.-]+\.amazonaws\.com(\.cn)?")


@operation("CreateRole")
def create_role(ctx: Context, tx: Tx, inp: api.CreateRoleRequest) -> api.CreateRoleResponse:
    """Create a role that the principals of its trust policy may assume.

    Raises   EntityAlreadyExists, LimitExceeded, MalformedPolicyDocument, InvalidInput, NoSuchEntity for the boundary.
    """
    role = Role(
        name=inp.role_name,
        path=checked_path(inp.path),
        unique_id=unique_id(ROLE.id_prefix, ctx.ids),
        created_ms=ctx.now_ms,
        tags=tags.merged({}, inp.tags),
        trust_policy=documents.checked_trust_policy(inp.assume_role_policy_document),
        description=inp.description or "",
        session_s_max=inp.max_session_duration or 3_600,
    )
    ROLE.add(ctx, tx, role)
    if inp.permissions_boundary:
        role = managed.bounded(ctx, tx, ROLE, role, inp.permissions_boundary)
        ROLE.keep(ctx, tx, role)
    return api.CreateRoleResponse(role=shown_role(ctx, role))


@operation("GetRole", reads=True)
def get_role(ctx: Context, tx: Tx, inp: api.GetRoleRequest) -> api.GetRoleResponse:
    """A role with its trust policy (percent-encoded), tags and boundary.

    Raises   NoSuchEntity.
    """
    return api.GetRoleResponse(role=shown_role(ctx, ROLE.find(ctx, tx, inp.role_name)))


@operation("ListRoles", reads=True)
def list_roles(ctx: Context, tx: Tx, inp: api.ListRolesRequest) -> api.ListRolesResponse:
    """Roles by name, without tags and boundaries."""
    found = page(lambda after: ROLE.rows(ctx, tx, after, inp.path_prefix), inp)
    roles = [
        msgspec.structs.replace(shown_role(ctx, role), tags=None, permissions_boundary=None, role_last_used=None)
        for role in found.items
    ]
    return api.ListRolesResponse(roles=roles, is_truncated=found.is_truncated, marker=found.marker)


@operation("UpdateRole")
def update_role(ctx: Context, tx: Tx, inp: api.UpdateRoleRequest) -> api.UpdateRoleResponse:
    """Change description and longest session; what is not given stays.

    Raises   NoSuchEntity, UnmodifiableEntity.
    """
    role = ROLE.find_own(ctx, tx, inp.role_name)
    description = role.description if inp.description is None else inp.description
    session_s_max = inp.max_session_duration or role.session_s_max
    ROLE.keep(ctx, tx, msgspec.structs.replace(role, description=description, session_s_max=session_s_max))
    return api.UpdateRoleResponse()


@operation("UpdateRoleDescription")
def update_role_description(
    ctx: Context, tx: Tx, inp: api.UpdateRoleDescriptionRequest
) -> api.UpdateRoleDescriptionResponse:
    """Change the description.

    Raises   NoSuchEntity, UnmodifiableEntity.
    """
    role = msgspec.structs.replace(ROLE.find_own(ctx, tx, inp.role_name), description=inp.description)
    ROLE.keep(ctx, tx, role)
    return api.UpdateRoleDescriptionResponse(role=shown_role(ctx, role))


@operation("UpdateAssumeRolePolicy")
def update_assume_role_policy(ctx: Context, tx: Tx, inp: api.UpdateAssumeRolePolicyRequest) -> api.Empty:
    """Replace the trust policy.

    Raises   NoSuchEntity, UnmodifiableEntity, MalformedPolicyDocument, LimitExceeded.
    """
    role = ROLE.find_own(ctx, tx, inp.role_name)
    text = documents.checked_trust_policy(inp.policy_document)
    ROLE.keep(ctx, tx, msgspec.structs.replace(role, trust_policy=text))
    return api.Empty()


@operation("DeleteRole")
def delete_role(ctx: Context, tx: Tx, inp: api.DeleteRoleRequest) -> api.Empty:
    """Delete a role that has no policies and is in no instance profile.

    Raises   NoSuchEntity, UnmodifiableEntity, DeleteConflict.
    """
    role = ROLE.find_own(ctx, tx, inp.role_name)
    if role.policy_arns:
        raise DeleteConflict("Cannot delete entity, must detach all policies first.")
    if role.policies:
        raise DeleteConflict("Cannot delete entity, must delete policies first.")
    if profiles_of_role(ctx, tx, role):
        raise DeleteConflict("Cannot delete entity, must remove roles from instance profile first.")
    ROLE.remove(ctx, tx, managed.bounded(ctx, tx, ROLE, role, ""))
    return api.Empty()


@operation("TagRole")
def tag_role(ctx: Context, tx: Tx, inp: api.TagRoleRequest) -> api.Empty:
    """Add tags, or replace those of the same key.

    Raises   NoSuchEntity, UnmodifiableEntity, InvalidInput, LimitExceeded.
    """
    role = ROLE.find_own(ctx, tx, inp.role_name)
    ROLE.keep(ctx, tx, msgspec.structs.replace(role, tags=tags.merged(role.tags, inp.tags)))
    return api.Empty()


@operation("UntagRole")
def untag_role(ctx: Context, tx: Tx, inp: api.UntagRoleRequest) -> api.Empty:
    """Remove tags.

    Raises   NoSuchEntity, UnmodifiableEntity.
    """
    role = ROLE.find_own(ctx, tx, inp.role_name)
    ROLE.keep(ctx, tx, msgspec.structs.replace(role, tags=tags.without(role.tags, inp.tag_keys)))
    return api.Empty()


@operation("ListRoleTags", reads=True)
def list_role_tags(ctx: Context, tx: Tx, inp: api.ListRoleTagsRequest) -> api.ListRoleTagsResponse:
    """The tags of a role by key.

    Raises   NoSuchEntity.
    """
    found = page_of(tags.rows(ROLE.find(ctx, tx, inp.role_name).tags), inp)
    return api.ListRoleTagsResponse(tags=found.items, is_truncated=found.is_truncated, marker=found.marker)


@operation("PutRolePermissionsBoundary")
def put_role_permissions_boundary(ctx: Context, tx: Tx, inp: api.PutRolePermissionsBoundaryRequest) -> api.Empty:
    """Set the managed policy that bounds the role; kept and shown.

    Raises   NoSuchEntity, UnmodifiableEntity, InvalidInput.
    """
    role = ROLE.find_own(ctx, tx, inp.role_name)
    ROLE.keep(ctx, tx, managed.bounded(ctx, tx, ROLE, role, inp.permissions_boundary))
    return api.Empty()


@operation("DeleteRolePermissionsBoundary")
def delete_role_permissions_boundary(ctx: Context, tx: Tx, inp: api.DeleteRolePermissionsBoundaryRequest) -> api.Empty:
    """Take the boundary away.

    Raises   NoSuchEntity, also when there is none; UnmodifiableEntity.
    """
    role = ROLE.find_own(ctx, tx, inp.role_name)
    if attached_boundary(role) is None:
        raise NoSuchEntity(f"Role {inp.role_name} does not have a permissions boundary.")
    ROLE.keep(ctx, tx, managed.bounded(ctx, tx, ROLE, role, ""))
    return api.Empty()


@operation("CreateServiceLinkedRole")
def create_service_linked_role(
    ctx: Context, tx: Tx, inp: api.CreateServiceLinkedRoleRequest
) -> api.CreateServiceLinkedRoleResponse:
    """Create the role that an AWS service owns.

    Raises   InvalidInput for a name that is no service's, and when the role exists.
    Differs  the role has no policies: what the service itself may do is not IAM's business here.
    """
    service = inp.aws_service_name
    if not _SERVICE.fullmatch(service):
        raise InvalidInput(f"Service name {service} is not valid.")
    name = linked_role_name(service, inp.custom_suffix)
    statement = {"Action": ["sts:AssumeRole"], "Effect": "Allow", "Principal": {"Service": [service]}}
    role = Role(
        name=name,
        path=f"/aws-service-role/{service}/",
        unique_id=unique_id(ROLE.id_prefix, ctx.ids),
        created_ms=ctx.now_ms,
        trust_policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}, separators=(",", ":")),
        description=inp.description or "",
        linked_service=service,
    )
    try:
        ROLE.add(ctx, tx, role)
    except EntityAlreadyExists:
        raise InvalidInput(
            f"Service role name {name} has been taken in this account, please try a different suffix."
        ) from None
    return api.CreateServiceLinkedRoleResponse(role=shown_role(ctx, role))


@operation("DeleteServiceLinkedRole")
def delete_service_linked_role(
    ctx: Context, tx: Tx, inp: api.DeleteServiceLinkedRoleRequest
) -> api.DeleteServiceLinkedRoleResponse:
    """Delete a service-linked role, at once.

    Gives    the id of a task that GetServiceLinkedRoleDeletionStatus knows.
    Raises   NoSuchEntity; InvalidInput for a role that no service owns.
    """
    role = ROLE.find(ctx, tx, inp.role_name)
    if not role.linked_service:
        raise InvalidInput(f"Role {inp.role_name} is not a service-linked role.")
    ROLE.remove(ctx, tx, role)
    task_id = f"task{role.path}{role.name}/{ctx.ids.uuid()}"
    DELETION_TASKS.put(tx.documents, home(ctx.scope.account), task_id, DeletionTask(role_name=role.name))
    return api.DeleteServiceLinkedRoleResponse(deletion_task_id=task_id)


@operation("GetServiceLinkedRoleDeletionStatus", reads=True)
def get_service_linked_role_deletion_status(
    ctx: Context, tx: Tx, inp: api.GetServiceLinkedRoleDeletionStatusRequest
) -> api.GetServiceLinkedRoleDeletionStatusResponse:
    """How a deletion went: always well.

    Raises   NoSuchEntity.
    """
    if DELETION_TASKS.get(tx.documents, home(ctx.scope.account), inp.deletion_task_id) is None:
        raise NoSuchEntity(f"Deletion task {inp.deletion_task_id} cannot be found.")
    return api.GetServiceLinkedRoleDeletionStatusResponse(status="SUCCEEDED")
