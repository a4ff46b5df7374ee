"""Managed policies of the account, and AWS's beside them."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from bascule.api import iam as api
from bascule.identity.records import home, key_of
from bascule.kernel.context import Context
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.services.iam import documents, limits, managed, tags
from bascule.services.iam.aws_policies import AWS_POLICIES
from bascule.services.iam.errors import DeleteConflict, EntityAlreadyExists, LimitExceeded
from bascule.services.iam.model import POLICIES, Policy, PolicyVersion
from bascule.services.iam.naming import checked_path, unique_id
from bascule.services.iam.paging import page_of, rows_of
from bascule.services.iam.showing import seconds

_BOUNDARY = "PermissionsBoundary"


def _shown(ctx: Context, tx: Tx, policy: Policy, arn: str) -> api.Policy:
    return api.Policy(
        policy_name=policy.name,
        policy_id=policy.unique_id,
        arn=arn,
        path=policy.path,
        default_version_id=f"v{policy.default}",
        attachment_count=managed.attachment_count(ctx, tx, arn),
        permissions_boundary_usage_count=managed.boundary_count(ctx, tx, arn),
        is_attachable=True,
        description=policy.description or None,
        create_date=seconds(policy.created_ms),
        update_date=seconds(policy.updated_ms),
        tags=tags.shown(policy.tags),
    )


@operation("CreatePolicy")
def create_policy(ctx: Context, tx: Tx, inp: api.CreatePolicyRequest) -> api.CreatePolicyResponse:
    """Create a managed policy; its document becomes version v1.

    Raises   EntityAlreadyExists, LimitExceeded, MalformedPolicyDocument, InvalidInput.
    """
    scope = home(ctx.scope.account)
    name = inp.policy_name
    if POLICIES.get(tx.documents, scope, key_of(name)) is not None:
        raise EntityAlreadyExists(f"A policy called {name} already exists. Duplicate names are not allowed.")
    if POLICIES.count(tx.documents, scope) >= limits.POLICIES_MAX:
        raise LimitExceeded.of("PoliciesPerAccount", limits.POLICIES_MAX)
    text = documents.checked_managed_policy(inp.policy_document)
    policy = Policy(
        name=name,
        path=checked_path(inp.path),
        unique_id=unique_id("ANPA", ctx.ids),
        created_ms=ctx.now_ms,
        updated_ms=ctx.now_ms,
        default=1,
        versions=(PolicyVersion(number=1, document=text, created_ms=ctx.now_ms),),
        description=inp.description or "",
        tags=tags.merged({}, inp.tags),
    )
    managed.keep(ctx, tx, policy)
    return api.CreatePolicyResponse(policy=_shown(ctx, tx, policy, managed.arn_of(ctx, policy)))


@operation("GetPolicy", reads=True)
def get_policy(ctx: Context, tx: Tx, inp: api.GetPolicyRequest) -> api.GetPolicyResponse:
    """A managed policy, the account's or AWS's, without its document.

    Raises   NoSuchEntity, InvalidInput.
    """
    policy = managed.found(ctx, tx, inp.policy_arn)
    return api.GetPolicyResponse(policy=_shown(ctx, tx, policy, inp.policy_arn))


def _rows(ctx: Context, tx: Tx, scope: str | None) -> Iterator[tuple[str, Policy]]:
    """(ARN, policy) pairs: the account's, then AWS's."""
    if scope != "AWS":
        for _, policy in rows_of(tx.documents, POLICIES, home(ctx.scope.account)):
            yield managed.arn_of(ctx, policy), policy
    if scope != "Local":
        for name in AWS_POLICIES:
            yield managed.aws_arn(ctx, name), managed.aws_policy(name)


@operation("ListPolicies", reads=True)
def list_policies(ctx: Context, tx: Tx, inp: api.ListPoliciesRequest) -> api.ListPoliciesResponse:
    """Managed policies by ARN, the account's before AWS's, without descriptions and tags."""
    prefix = inp.path_prefix or "/"
    rows = []
    for arn, policy in _rows(ctx, tx, inp.scope):
        if not policy.path.startswith(prefix):
            continue
        shown = _shown(ctx, tx, policy, arn)
        is_bounding = inp.policy_usage_filter == _BOUNDARY
        uses = shown.permissions_boundary_usage_count if is_bounding else shown.attachment_count
        if uses or not (inp.only_attached or inp.policy_usage_filter):
            rows.append((arn, msgspec.structs.replace(shown, description=None, tags=None)))
    found = page_of(rows, inp)
    return api.ListPoliciesResponse(policies=found.items, is_truncated=found.is_truncated, marker=found.marker)


@operation("DeletePolicy")
def delete_policy(ctx: Context, tx: Tx, inp: api.DeletePolicyRequest) -> api.Empty:
    """Delete a policy that nothing uses and that has only its default version.

    Raises   NoSuchEntity, InvalidInput, DeleteConflict.
    """
    policy = managed.found_own(ctx, tx, inp.policy_arn)
    if managed.attachment_count(ctx, tx, inp.policy_arn) or managed.boundary_count(ctx, tx, inp.policy_arn):
        raise DeleteConflict("Cannot delete a policy attached to entities.")
    if len(policy.versions) > 1:
        raise DeleteConflict(
            "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. "
            "The default version is deleted with the policy."
        )
    POLICIES.delete(tx.documents, home(ctx.scope.account), key_of(policy.name))
    return api.Empty()


@operation("TagPolicy")
def tag_policy(ctx: Context, tx: Tx, inp: api.TagPolicyRequest) -> api.Empty:
    """Add tags, or replace those of the same key.

    Raises   NoSuchEntity, InvalidInput, LimitExceeded.
    """
    policy = managed.found_own(ctx, tx, inp.policy_arn)
    managed.keep(ctx, tx, msgspec.structs.replace(policy, tags=tags.merged(policy.tags, inp.tags)))
    return api.Empty()


@operation("UntagPolicy")
def untag_policy(ctx: Context, tx: Tx, inp: api.UntagPolicyRequest) -> api.Empty:
    """Remove tags.

    Raises   NoSuchEntity, InvalidInput.
    """
    policy = managed.found_own(ctx, tx, inp.policy_arn)
    managed.keep(ctx, tx, msgspec.structs.replace(policy, tags=tags.without(policy.tags, inp.tag_keys)))
    return api.Empty()


@operation("ListPolicyTags", reads=True)
def list_policy_tags(ctx: Context, tx: Tx, inp: api.ListPolicyTagsRequest) -> api.ListPolicyTagsResponse:
    """The tags of a policy by key.

    Raises   NoSuchEntity, InvalidInput.
    """
    found = page_of(tags.rows(managed.found(ctx, tx, inp.policy_arn).tags), inp)
    return api.ListPolicyTagsResponse(tags=found.items, is_truncated=found.is_truncated, marker=found.marker)
