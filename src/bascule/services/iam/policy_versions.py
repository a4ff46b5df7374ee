"""Versions of managed policies: at most five, one of them the default; their numbers are not used again."""

from __future__ import annotations

import msgspec

from bascule.api import iam as api
from bascule.kernel.context import Context
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.services.iam import documents, managed
from bascule.services.iam.errors import DeleteConflict, LimitExceeded, NoSuchEntity
from bascule.services.iam.limits import POLICY_VERSIONS_MAX
from bascule.services.iam.model import Policy, PolicyVersion
from bascule.services.iam.paging import page_of
from bascule.services.iam.showing import seconds


def _found(policy: Policy, arn: str, version_id: str) -> PolicyVersion:
    for version in policy.versions:
        if version.version_id == version_id:
            return version
    raise NoSuchEntity(f"Policy {arn} version {version_id} does not exist or is not attachable.")


def _shown(policy: Policy, version: PolicyVersion) -> api.PolicyVersion:
    return api.PolicyVersion(
        version_id=version.version_id,
        is_default_version=version.number == policy.default,
        create_date=seconds(version.created_ms),
    )


@operation("CreatePolicyVersion")
def create_policy_version(ctx: Context, tx: Tx, inp: api.CreatePolicyVersionRequest) -> api.CreatePolicyVersionResponse:
    """Add a version, on request as the default one.

    Raises   NoSuchEntity, InvalidInput, MalformedPolicyDocument, LimitExceeded.
    """
    policy = managed.found_own(ctx, tx, inp.policy_arn)
    if len(policy.versions) >= POLICY_VERSIONS_MAX:
        raise LimitExceeded(
            f"A managed policy can have up to {POLICY_VERSIONS_MAX} versions. Before you create a new version, you must "
            "delete an existing version."
        )
    text = documents.checked_managed_policy(inp.policy_document)
    version = PolicyVersion(number=policy.next_number, document=text, created_ms=ctx.now_ms)
    policy = msgspec.structs.replace(
        policy,
        versions=(*policy.versions, version),
        next_number=version.number + 1,
        default=version.number if inp.set_as_default else policy.default,
        updated_ms=ctx.now_ms,
    )
    managed.keep(ctx, tx, policy)
    return api.CreatePolicyVersionResponse(policy_version=_shown(policy, version))


@operation("GetPolicyVersion", reads=True)
def get_policy_version(ctx: Context, tx: Tx, inp: api.GetPolicyVersionRequest) -> api.GetPolicyVersionResponse:
    """A version with its document, percent-encoded.

    Raises   NoSuchEntity, InvalidInput.
    """
    policy = managed.found(ctx, tx, inp.policy_arn)
    version = _found(policy, inp.policy_arn, inp.version_id)
    shown = msgspec.structs.replace(_shown(policy, version), document=documents.shown(version.document))
    return api.GetPolicyVersionResponse(policy_version=shown)


@operation("ListPolicyVersions", reads=True)
def list_policy_versions(ctx: Context, tx: Tx, inp: api.ListPolicyVersionsRequest) -> api.ListPolicyVersionsResponse:
    """Versions, newest first, without documents.

    Raises   NoSuchEntity, InvalidInput.
    """
    policy = managed.found(ctx, tx, inp.policy_arn)
    rows = [(f"{10**9 - version.number}", _shown(policy, version)) for version in policy.versions]
    found = page_of(rows, inp)
    return api.ListPolicyVersionsResponse(versions=found.items, is_truncated=found.is_truncated, marker=found.marker)


@operation("SetDefaultPolicyVersion")
def set_default_policy_version(ctx: Context, tx: Tx, inp: api.SetDefaultPolicyVersionRequest) -> api.Empty:
    """Make a version the one in force.

    Raises   NoSuchEntity, InvalidInput.
    """
    policy = managed.found_own(ctx, tx, inp.policy_arn)
    version = _found(policy, inp.policy_arn, inp.version_id)
    managed.keep(ctx, tx, msgspec.structs.replace(policy, default=version.number, updated_ms=ctx.now_ms))
    return api.Empty()


@operation("DeletePolicyVersion")
def delete_policy_version(ctx: Context, tx: Tx, inp: api.DeletePolicyVersionRequest) -> api.Empty:
    """Delete a version that is not the default.

    Raises   NoSuchEntity, InvalidInput, DeleteConflict.
    """
    policy = managed.found_own(ctx, tx, inp.policy_arn)
    version = _found(policy, inp.policy_arn, inp.version_id)
    if version.number == policy.default:
        raise DeleteConflict("Cannot delete the default version of a policy.")
    kept = tuple(other for other in policy.versions if other is not version)
    managed.keep(ctx, tx, msgspec.structs.replace(policy, versions=kept, updated_ms=ctx.now_ms))
    return api.Empty()
