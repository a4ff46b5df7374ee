"""AddPermission and RemovePermission: statements of the queue's policy, kept, shown, and asked by the target (target.py)."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from bascule.api import sqs as api
from bascule.kernel.context import Context
from bascule.kernel.scope import Scope
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.services.sqs import limits, state
from bascule.services.sqs.attributes import read_policy
from bascule.services.sqs.errors import InvalidParameterValue, MissingParameter, OverLimit
from bascule.services.sqs.model import Queue

_SHARED_ACTIONS = frozenset(
    (
        "*",
        "ChangeMessageVisibility",
        "DeleteMessage",
        "GetQueueAttributes",
        "GetQueueUrl",
        "ListDeadLetterSourceQueues",
        "PurgeQueue",
        "ReceiveMessage",
        "SendMessage",
    )
)
_ACCOUNT = re.compile(r"\d{12}")


def _check_actions(actions: list[str]) -> None:
    if not actions:
        raise MissingParameter.named("Actions")
    if len(actions) > limits.PERMISSION_ACTIONS_MAX:
        raise OverLimit(f"{len(actions)} Actions were found, maximum allowed is {limits.PERMISSION_ACTIONS_MAX}.")
    for action in actions:
        if action in _SHARED_ACTIONS:
            continue
        if action in api.OPERATIONS:
            reason = "Only the queue owner is allowed to invoke this action."
        else:
            reason = "Please refer to the appropriate WSDL for a list of valid actions."
        raise InvalidParameterValue.of(f"SQS:{action}", "ActionName", reason)


def _statements(policy: dict[str, Any]) -> list[dict[str, Any]]:
    found = policy["Statement"]
    return [found] if isinstance(found, dict) else list(found)


def _keep(tx: Tx, scope: Scope, queue: Queue, policy: dict[str, Any], statements: list[dict[str, Any]]) -> None:
    text = msgspec.json.encode(policy | {"Statement": statements}).decode() if statements else ""
    state.put_queue(tx.documents, scope, msgspec.structs.replace(queue, policy=text))


@operation("AddPermission")
def add_permission(ctx: Context, tx: Tx, inp: api.AddPermissionRequest) -> api.Empty:
    """Add a statement to the queue's policy that lets accounts use actions.

    Raises   QueueDoesNotExist, OverLimit, InvalidParameterValue.
    """
    scope, queue = state.find(ctx, tx, inp.queue_url)
    if not limits.PERMISSION_LABEL.fullmatch(inp.label):
        raise InvalidParameterValue.of(
            inp.label, "Label", "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length."
        )
    if not inp.aws_account_ids:
        raise MissingParameter.named("AWSAccountIds")
    for account in inp.aws_account_ids:
        if not _ACCOUNT.fullmatch(account):
            raise InvalidParameterValue.of(f"[{account}]", "PrincipalId", "Unable to verify.")
    _check_actions(inp.actions)
    arn = scope.arn("sqs", queue.name)
    policy = read_policy(queue.policy) or {"Version": "2008-10-17", "Id": f"{arn}/SQSDefaultPolicy", "Statement": []}
    statements = _statements(policy)
    if any(statement.get("Sid") == inp.label for statement in statements):
        raise InvalidParameterValue.of(inp.label, "Label", "Already exists.")
    if len(statements) >= limits.POLICY_STATEMENTS_MAX:
        raise OverLimit(f"The policy has the maximum of {limits.POLICY_STATEMENTS_MAX} statements.")
    principals = [f"arn:{scope.partition}:iam::{account}:root" for account in inp.aws_account_ids]
    actions = [f"SQS:{action}" for action in inp.actions]
    statement = {
        "Sid": inp.label,
        "Effect": "Allow",
        "Principal": {"AWS": principals[0] if len(principals) == 1 else principals},
        "Action": actions[0] if len(actions) == 1 else actions,
        "Resource": arn,
    }
    _keep(tx, scope, queue, policy, [*statements, statement])
    return api.Empty()


@operation("RemovePermission")
def remove_permission(ctx: Context, tx: Tx, inp: api.RemovePermissionRequest) -> api.Empty:
    """Remove the statement that has the label; the policy is cleared with its last one.

    Raises   QueueDoesNotExist; InvalidParameterValue when no statement has the label.
    """
    scope, queue = state.find(ctx, tx, inp.queue_url)
    policy = read_policy(queue.policy) or {"Statement": []}
    statements = _statements(policy)
    kept = [statement for statement in statements if statement.get("Sid") != inp.label]
    if len(kept) == len(statements):
        raise InvalidParameterValue.of(inp.label, "Label", "can't find label on existing policy.")
    _keep(tx, scope, queue, policy, kept)
    return api.Empty()
