"""AddPermission and RemovePermission: statements of the topic's policy, kept, shown, and asked by the target (target.py)."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from bascule.api import sns as api
from bascule.kernel.context import Context
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.services.sns import state
from bascule.services.sns.addressing import TopicName
from bascule.services.sns.errors import InvalidParameter
from bascule.services.sns.model import Topic
from bascule.services.sns.policy import default_policy, read_policy, statements_of

_ACCOUNT = re.compile(r"\d{12}")
_LABEL = re.compile(r"[A-Za-z0-9_-]{1,80}")
#: What a policy may allow others to do: sections of the service authorization reference.
_SHARED_ACTIONS = frozenset(
    {
        "AddPermission",
        "DeleteTopic",
        "GetDataProtectionPolicy",
        "GetTopicAttributes",
        "ListSubscriptionsByTopic",
        "ListTagsForResource",
        "Publish",
        "PutDataProtectionPolicy",
        "RemovePermission",
        "SetTopicAttributes",
        "Subscribe",
    }
)


def _keep(ctx: Context, tx: Tx, named: TopicName, topic: Topic, policy: dict[str, Any], statements: list[Any]) -> None:
    attributes = dict(topic.attributes)
    if statements:
        attributes["Policy"] = msgspec.json.encode(policy | {"Statement": statements}).decode()
    else:
        attributes.pop("Policy", None)
    state.put_topic(ctx, tx, named.scope, msgspec.structs.replace(topic, attributes=attributes))


def _policy_of(named: TopicName, topic: Topic) -> dict[str, Any]:
    return read_policy(topic.attributes.get("Policy") or default_policy(named))


@operation("AddPermission")
def add_permission(ctx: Context, tx: Tx, inp: api.AddPermissionInput) -> api.Empty:
    """Add a statement to the topic's policy that lets accounts use actions.

    Raises   NotFound, InvalidParameter.
    """
    named, topic = state.find(ctx, tx, inp.topic_arn)
    if not _LABEL.fullmatch(inp.label):
        raise InvalidParameter.of("Label")
    if not inp.aws_account_id or not all(_ACCOUNT.fullmatch(account) for account in inp.aws_account_id):
        raise InvalidParameter.of("AWSAccountId")
    if not inp.action_name or not all(action in _SHARED_ACTIONS for action in inp.action_name):
        raise InvalidParameter.of("Policy statement action out of service scope!")
    policy = _policy_of(named, topic)
    statements = statements_of(policy)
    if any(statement.get("Sid") == inp.label for statement in statements):
        raise InvalidParameter.of("Statement already exists")
    principals = [f"arn:{named.scope.partition}:iam::{account}:root" for account in inp.aws_account_id]
    actions = [f"SNS:{action}" for action in inp.action_name]
    statement = {
        "Sid": inp.label,
        "Effect": "Allow",
        "Principal": {"AWS": principals[0] if len(principals) == 1 else principals},
        "Action": actions[0] if len(actions) == 1 else actions,
        "Resource": named.arn,
    }
    _keep(ctx, tx, named, topic, policy, [*statements, statement])
    return api.Empty()


@operation("RemovePermission")
def remove_permission(ctx: Context, tx: Tx, inp: api.RemovePermissionInput) -> api.Empty:
    """Remove the statements that have the label; there need be none.

    Raises   NotFound, InvalidParameter.
    """
    named, topic = state.find(ctx, tx, inp.topic_arn)
    policy = _policy_of(named, topic)
    kept = [statement for statement in statements_of(policy) if statement.get("Sid") != inp.label]
    _keep(ctx, tx, named, topic, policy, kept)
    return api.Empty()
