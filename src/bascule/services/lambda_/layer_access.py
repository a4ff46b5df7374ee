"""Who may use a layer version: the account that published it, and whom its policy names.

This is asked whenever a layer of another account is read or put into a function, because an account is what separates
people's things here, and because without the grant the same template would fail on AWS.
"""

from __future__ import annotations

import json

from bascule.kernel.context import Context
from bascule.kernel.store import Tx
from bascule.policies import Decision, allows
from bascule.services.lambda_.errors import AccessDenied
from bascule.services.lambda_.layer_model import (
    LAYER_POLICIES,
    LAYER_VERSIONS,
    LayerPolicy,
    LayerVersion,
    layer_version_key,
)
from bascule.services.lambda_.layer_names import LayerReference

ACTION = "lambda:GetLayerVersion"


def policy_text(policy: LayerPolicy) -> str:
    """A policy as the JSON document that callers see."""
    statements = [json.loads(statement) for statement in policy.statements.values()]
    return json.dumps({"Version": "2012-10-17", "Id": "default", "Statement": statements}, separators=(",", ":"))


def usable_layer_version(ctx: Context, tx: Tx, layer: LayerReference, number: int) -> LayerVersion | None:
    """The version, or None when there is none.

    Raises   AccessDenied when it belongs to another account whose policy does not allow this one.
    """
    key = layer_version_key(number)
    if layer.scope.account != ctx.scope.account:
        policy = LAYER_POLICIES.get(tx.documents, layer.scope, key, parent=layer.name)
        caller = f"arn:{ctx.scope.partition}:iam::{ctx.scope.account}:root"
        arn = layer.version_arn(number)
        verdict = allows(
            None if policy is None else policy_text(policy),
            principal=caller,
            action=ACTION,
            resource=arn,
            conditions={},
        )
        if verdict.decision is not Decision.ALLOWED:
            raise AccessDenied(
                f"User: {caller} is not authorized to perform: {ACTION} on resource: {arn} because no resource-based "
                f"policy allows the {ACTION} action"
            )
    return LAYER_VERSIONS.get(tx.documents, layer.scope, key, parent=layer.name)
