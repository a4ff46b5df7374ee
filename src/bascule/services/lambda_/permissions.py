"""Resource policies: who else may invoke a function, version or alias.

Each qualifier has a policy of its own; the unqualified function's is not inherited. Policies are kept and shown exactly.
With --enforce-policies the target asks them; they can only allow, so without it there is nothing to ask.
"""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

from bascule.api import lambda_ as api
from bascule.kernel.context import Context
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.services.lambda_.errors import (
    InvalidParameterValue,
    PolicyLengthExceeded,
    ResourceConflict,
    ResourceNotFound,
)
from bascule.services.lambda_.limits import POLICY_BYTES_MAX
from bascule.services.lambda_.model import LATEST, Function, Policy
from bascule.services.lambda_.names import FunctionReference, reference
from bascule.services.lambda_.resolution import configuration_of, found_function
from bascule.services.lambda_.state import FUNCTIONS, POLICIES, policy_key
from bascule.services.lambda_.versions import check_revision

_SERVICE = re.compile(r"[a-z0-9.-]+\.(amazonaws\.com(\.cn)?|aws)|[a-z0-9-]+\.[a-z0-9.-]+")
_ACCOUNT = re.compile(r"\d{12}")


def _found(ctx: Context, tx: Tx, function_name: str, qualifier: str | None) -> tuple[FunctionReference, Function]:
    named = reference(ctx, function_name, qualifier)
    function = found_function(tx.documents, named)
    configuration_of(tx.documents, named, function)
    return named, function


def _principal(text: str) -> Any:
    if text == "*":
        return "*"
    if _ACCOUNT.fullmatch(text):
        return {"AWS": f"arn:aws:iam::{text}:root"}
    if text.startswith("arn:"):
        return {"AWS": text}
    if _SERVICE.fullmatch(text):
        return {"Service": text}
    raise InvalidParameterValue("The provided principal was invalid. Please check the principal and try again.")


def _statement(named: FunctionReference, inp: api.AddPermissionRequest) -> dict[str, Any]:
    conditions: tuple[tuple[str, str, str | None], ...] = (
        ("StringEquals", "lambda:EventSourceToken", inp.event_source_token),
        ("StringEquals", "lambda:FunctionUrlAuthType", inp.function_url_auth_type),
        ("StringEquals", "aws:PrincipalOrgID", inp.principal_org_id),
        ("StringEquals", "AWS:SourceAccount", inp.source_account),
        ("ArnLike", "AWS:SourceArn", inp.source_arn),
        (
            "Bool",
            "lambda:InvokedViaFunctionUrl",
            None if inp.invoked_via_function_url is None else str(inp.invoked_via_function_url).lower(),
        ),
    )
    condition: dict[str, dict[str, str]] = {}
    for operator, key, value in conditions:
        if value is not None:
            condition.setdefault(operator, {})[key] = value
    statement = {
        "Sid": inp.statement_id,
        "Effect": "Allow",
        "Principal": _principal(inp.principal),
        "Action": inp.action,
        "Resource": named.named_arn,
    }
    return statement | ({"Condition": condition} if condition else {})


def document_of(policy: Policy) -> str:
    """The policy as JSON."""
    statements = [json.loads(statement) for statement in policy.statements.values()]
    return json.dumps({"Version": "2012-10-17", "Id": "default", "Statement": statements}, separators=(",", ":"))


def policy_of(tx: Tx, named: FunctionReference) -> str | None:
    """The policy of exactly this function, version or alias as JSON text; None when it has none."""
    policy = POLICIES.get(tx.documents, named.scope, policy_key(named.qualifier), parent=named.name)
    return None if policy is None else document_of(policy)


def _revision(named: FunctionReference, function: Function, policy: Policy | None) -> str:
    if named.qualifier is None:
        return function.latest.revision_id
    return "" if policy is None else policy.revision_id


def _stored(ctx: Context, tx: Tx, named: FunctionReference, function: Function, statements: dict[str, str]) -> None:
    """Keep (or remove) the policy; the revision of what it belongs to changes with it."""
    policy = Policy(revision_id=ctx.ids.uuid(), statements=statements)
    if len(document_of(policy).encode()) > POLICY_BYTES_MAX:
        raise PolicyLengthExceeded(f"The final policy size is bigger than the limit ({POLICY_BYTES_MAX}).")
    key = policy_key(named.qualifier)
    if statements:
        POLICIES.put(tx.documents, named.scope, key, policy, parent=named.name)
    else:
        POLICIES.delete(tx.documents, named.scope, key, parent=named.name)
    if named.qualifier is None:
        latest = msgspec.structs.replace(function.latest, revision_id=policy.revision_id)
        FUNCTIONS.put(tx.documents, named.scope, named.name, msgspec.structs.replace(function, latest=latest))


@operation("AddPermission")
def add_permission(ctx: Context, tx: Tx, inp: api.AddPermissionRequest) -> api.AddPermissionResponse:
    """Add a statement to the policy of a function, version or alias.

    Raises   ResourceNotFound, ResourceConflict for a statement id in use, PreconditionFailed, PolicyLengthExceeded,
             InvalidParameterValue for ``$LATEST`` and for a principal that cannot be.
    """
    named, function = _found(ctx, tx, inp.function_name, inp.qualifier)
    if named.qualifier == LATEST:
        raise InvalidParameterValue("We currently do not support adding policies for $LATEST.")
    policy = POLICIES.get(tx.documents, named.scope, policy_key(named.qualifier), parent=named.name)
    check_revision(inp.revision_id, _revision(named, function, policy))
    statements = {} if policy is None else dict(policy.statements)
    if inp.statement_id in statements:
        raise ResourceConflict(
            f"The statement id ({inp.statement_id}) provided already exists. Please provide a new statement id, or "
            "remove the existing statement."
        )
    text = json.dumps(_statement(named, inp), separators=(",", ":"))
    statements[inp.statement_id] = text
    _stored(ctx, tx, named, function, statements)
    return api.AddPermissionResponse(statement=text)


@operation("RemovePermission")
def remove_permission(ctx: Context, tx: Tx, inp: api.RemovePermissionRequest) -> api.Empty:
    """Remove a statement.

    Raises   ResourceNotFound for an unknown function, policy or statement; PreconditionFailed.
    """
    named, function = _found(ctx, tx, inp.function_name, inp.qualifier)
    policy = POLICIES.get(tx.documents, named.scope, policy_key(named.qualifier), parent=named.name)
    if policy is None:
        raise ResourceNotFound("No policy is associated with the given resource.")
    check_revision(inp.revision_id, _revision(named, function, policy))
    statements = dict(policy.statements)
    if statements.pop(inp.statement_id, None) is None:
        raise ResourceNotFound(f"Statement {inp.statement_id} is not found in resource policy.")
    _stored(ctx, tx, named, function, statements)
    return api.Empty()


@operation("GetPolicy", reads=True)
def get_policy(ctx: Context, tx: Tx, inp: api.GetPolicyRequest) -> api.GetPolicyResponse:
    """The policy of a function, version or alias as a JSON document.

    Raises   ResourceNotFound, also when there is a function but no policy.
    """
    named, function = _found(ctx, tx, inp.function_name, inp.qualifier)
    policy = POLICIES.get(tx.documents, named.scope, policy_key(named.qualifier), parent=named.name)
    if policy is None:
        raise ResourceNotFound()
    return api.GetPolicyResponse(policy=document_of(policy), revision_id=_revision(named, function, policy))
