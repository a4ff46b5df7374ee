"""AddLayerVersionPermission, RemoveLayerVersionPermission, GetLayerVersionPolicy: which accounts may use a layer version."""

from __future__ import annotations

import json
from typing import Any

from bascule.api import lambda_ as api
from bascule.kernel.context import Context
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.services.lambda_.errors import PolicyLengthExceeded, PreconditionFailed, ResourceConflict, ResourceNotFound
from bascule.services.lambda_.layer_access import policy_text
from bascule.services.lambda_.layer_model import (
    LAYER_POLICIES,
    LAYER_VERSIONS,
    LayerPolicy,
    layer_version_key,
)
from bascule.services.lambda_.layer_names import LayerReference, checked_number, layer_reference
from bascule.services.lambda_.limits import POLICY_BYTES_MAX


def _found(
    ctx: Context, tx: Tx, layer_name: str, version_number: int
) -> tuple[LayerReference, str, LayerPolicy | None]:
    """The layer, the key of the version and its policy.

    Raises   ResourceNotFound, also for a layer of another account: its policy is none of the caller's business.
    """
    layer = layer_reference(ctx, layer_name)
    number = checked_number(version_number)
    key = layer_version_key(number)
    is_own = layer.scope == ctx.scope
    if not is_own or LAYER_VERSIONS.get(tx.documents, layer.scope, key, parent=layer.name) is None:
        raise ResourceNotFound(f"Layer version {layer.version_arn(number)} does not exist.")
    return layer, key, LAYER_POLICIES.get(tx.documents, layer.scope, key, parent=layer.name)


def _principal(ctx: Context, text: str) -> Any:
    if text.isdigit():
        return {"AWS": f"arn:{ctx.scope.partition}:iam::{text}:root"}
    return "*" if text == "*" else {"AWS": text}


def _check_revision(given: str | None, policy: LayerPolicy | None) -> None:
    if given and given != ("" if policy is None else policy.revision_id):
        raise PreconditionFailed(
            "The Revision Id provided does not match the latest Revision Id. "
            "Call the GetLayerPolicy API to retrieve the latest Revision Id"
        )


@operation("AddLayerVersionPermission")
def add_layer_version_permission(
    ctx: Context, tx: Tx, inp: api.AddLayerVersionPermissionRequest
) -> api.AddLayerVersionPermissionResponse:
    """Let an account, an organisation or everybody use a layer version.

    Raises   ResourceNotFound, ResourceConflict for a statement id in use, PreconditionFailed, PolicyLengthExceeded,
             InvalidParameterValue.
    Differs  organisations do not exist here: a statement with one is kept and shown and never applies.
    """
    layer, key, policy = _found(ctx, tx, inp.layer_name, inp.version_number)
    _check_revision(inp.revision_id, policy)
    statements = {} if policy is None else dict(policy.statements)
    if inp.statement_id in statements:
        raise ResourceConflict(
            f"The statement id ({inp.statement_id}) provided already exists. Please provide a new statement id, or "
            "remove the existing statement."
        )
    statement: dict[str, Any] = {
        "Sid": inp.statement_id,
        "Effect": "Allow",
        "Principal": _principal(ctx, inp.principal),
        "Action": inp.action,
        "Resource": layer.version_arn(inp.version_number),
    }
    if inp.organization_id is not None:
        statement["Condition"] = {"StringEquals": {"aws:PrincipalOrgID": inp.organization_id}}
    text = json.dumps(statement, separators=(",", ":"))
    changed = LayerPolicy(revision_id=ctx.ids.uuid(), statements={**statements, inp.statement_id: text})
    if len(policy_text(changed).encode()) > POLICY_BYTES_MAX:
        raise PolicyLengthExceeded(f"The final policy size is bigger than the limit ({POLICY_BYTES_MAX}).")
    LAYER_POLICIES.put(tx.documents, layer.scope, key, changed, parent=layer.name)
    return api.AddLayerVersionPermissionResponse(statement=text, revision_id=changed.revision_id)


@operation("RemoveLayerVersionPermission")
def remove_layer_version_permission(ctx: Context, tx: Tx, inp: api.RemoveLayerVersionPermissionRequest) -> api.Empty:
    """Remove a statement.

    Raises   ResourceNotFound for an unknown version, policy or statement; PreconditionFailed.
    """
    layer, key, policy = _found(ctx, tx, inp.layer_name, inp.version_number)
    if policy is None:
        raise ResourceNotFound("No policy is associated with the given resource.")
    _check_revision(inp.revision_id, policy)
    statements = dict(policy.statements)
    if statements.pop(inp.statement_id, None) is None:
        raise ResourceNotFound(f"Statement {inp.statement_id} is not found in resource policy.")
    if statements:
        changed = LayerPolicy(revision_id=ctx.ids.uuid(), statements=statements)
        LAYER_POLICIES.put(tx.documents, layer.scope, key, changed, parent=layer.name)
    else:
        LAYER_POLICIES.delete(tx.documents, layer.scope, key, parent=layer.name)
    return api.Empty()


@operation("GetLayerVersionPolicy", reads=True)
def get_layer_version_policy(
    ctx: Context, tx: Tx, inp: api.GetLayerVersionPolicyRequest
) -> api.GetLayerVersionPolicyResponse:
    """The policy of a layer version as a JSON document.

    Raises   ResourceNotFound, also when there is a version but no policy.
    """
    _, _, policy = _found(ctx, tx, inp.layer_name, inp.version_number)
    if policy is None:
        raise ResourceNotFound("No policy is associated with the given resource.")
    return api.GetLayerVersionPolicyResponse(policy=policy_text(policy), revision_id=policy.revision_id)
