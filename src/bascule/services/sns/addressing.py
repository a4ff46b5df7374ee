"""ARNs of topics and subscriptions, and the refusals of what is none."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from bascule.kernel.arns import parse_arn
from bascule.kernel.scope import Scope
from bascule.services.sns.errors import InvalidParameter


class TopicName(NamedTuple):
    """A topic and who owns it."""

    scope: Scope
    name: str

    @property
    def arn(self) -> str:
        """The topic's ARN."""
        return self.scope.arn("sns", self.name)


class SubscriptionName(NamedTuple):
    """A subscription and the topic it belongs to."""

    topic: TopicName
    uuid: str


def _resource(text: str, parameter: str) -> tuple[Scope, str]:
    count = len(text.split(":"))
    if count < 6:
        raise InvalidParameter.of(parameter, f"An ARN must have at least 6 elements, not {count}")
    arn = parse_arn(text)
    if arn is None or arn.service != "sns":
        raise InvalidParameter.of(parameter)
    return arn.scope, arn.resource


@lru_cache(maxsize=4096)
def read_topic_arn(text: str, parameter: str = "TopicArn") -> TopicName:
    """The topic an ARN names. Raises InvalidParameter."""
    scope, name = _resource(text, parameter)
    if ":" in name:
        raise InvalidParameter.of(parameter)
    return TopicName(scope, name)


@lru_cache(maxsize=4096)
def read_subscription_arn(text: str) -> SubscriptionName:
    """The subscription an ARN names. Raises InvalidParameter."""
    scope, resource = _resource(text, "SubscriptionArn")
    name, separator, uuid = resource.partition(":")
    if not separator or not uuid or ":" in uuid:
        raise InvalidParameter.of("SubscriptionArn")
    return SubscriptionName(TopicName(scope, name), uuid)
