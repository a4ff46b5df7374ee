"""Topic policies: the one every topic begins with, and the checks of what replaces it. Asked when
something is delivered to the topic, not when somebody calls Publish."""

from __future__ import annotations

from typing import Any

import msgspec

from bascule.services.sns.addressing import TopicName
from bascule.services.sns.errors import InvalidParameter

_DEFAULT_ACTIONS = (
    "GetTopicAttributes",
    "SetTopicAttributes",
    "AddPermission",
    "RemovePermission",
    "DeleteTopic",
    "Subscribe",
    "ListSubscriptionsByTopic",
    "Publish",
)


def default_policy(topic: TopicName) -> str:
    """The policy of a topic that was given none: its own account may do everything."""
    statement = {
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": [f"SNS:{action}" for action in _DEFAULT_ACTIONS],
        "Resource": topic.arn,
        "Condition": {"StringEquals": {"AWS:SourceOwner": topic.scope.account}},
    }
    document = {"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]}
    return msgspec.json.encode(document).decode()


def read_policy(text: str) -> dict[str, Any]:
    """A policy document whose statements are sound.

    Raises   InvalidParameter.
    """
    try:
        policy = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        raise InvalidParameter.of("Policy Error: null") from None
    if not isinstance(policy, dict) or not statements_of(policy):
        raise InvalidParameter.of("Policy Error: null")
    for statement in statements_of(policy):
        if not isinstance(statement, dict) or statement.get("Effect") not in ("Allow", "Deny"):
            raise InvalidParameter.of("Policy Error: null")
        actions = statement.get("Action", statement.get("NotAction"))
        for action in actions if isinstance(actions, list) else [actions]:
            if not isinstance(action, str) or not (action == "*" or action.lower().startswith("sns:")):
                raise InvalidParameter.of("Policy statement action out of service scope!")
    return policy


def statements_of(policy: dict[str, Any]) -> list[Any]:
    """The statements of a policy; one may stand without a list."""
    found = policy.get("Statement")
    return found if isinstance(found, list) else [] if found is None else [found]
