"""The attributes of a subscription: which exist, what they may be, and how they are shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from bascule.kernel.arns import parse_arn
from bascule.kernel.errors import NotImplementedHere
from bascule.services.sns import limits
from bascule.services.sns.addressing import TopicName
from bascule.services.sns.delivery_policy import read_of_subscription, show_for_subscription
from bascule.services.sns.errors import InvalidParameter
from bascule.services.sns.filter_policy import ATTRIBUTES, DIALECTS, check_policy
from bascule.services.sns.model import Subscription, Topic

_NAMES = frozenset(
    {
        "RawMessageDelivery",
        "FilterPolicy",
        "FilterPolicyScope",
        "RedrivePolicy",
        "DeliveryPolicy",
        "SubscriptionRoleArn",
        "ReplayPolicy",
    }
)
RAW_PROTOCOLS = frozenset({"sqs", "http", "https", "firehose"})
HTTP_PROTOCOLS = frozenset({"http", "https"})
_DEAD_LETTER = "deadLetterTargetArn"


class Naming(msgspec.Struct, frozen=True):
    """How refusals name an attribute: Subscribe and SetSubscriptionAttributes differ."""

    prefix: str = ""
    unknown: str = "AttributeName"

    def of(self, name: str) -> str:
        """The name of a parameter as the refusal shows it."""
        return f"{self.prefix}{name}"


IN_SUBSCRIBE = Naming("Attributes Reason: ", "Attributes")
IN_SET = Naming()


def checked(
    kept: Mapping[str, str],
    given: Mapping[str, str],
    named: TopicName,
    protocol: str,
    endpoint: str,
    naming: Naming,
) -> dict[str, str]:
    """The attributes of a subscription after some were set.

    Gives    no entry for what was cleared: an empty text clears, and ``{}`` clears a policy.
    Raises   InvalidParameter; NotImplementedHere for replays.
    """
    after = {**kept, **given}
    for name, text in given.items():
        if name not in _NAMES:
            raise InvalidParameter.of(naming.unknown, f"Unknown attribute: {name}" if naming.prefix else "")
        if name == "ReplayPolicy":
            raise NotImplementedHere(
                "Bascule does not implement the subscription attribute ReplayPolicy yet; leave it out."
            )
        if name == "RawMessageDelivery":
            after[name] = _read_raw(text, protocol, naming)
        elif name == "RedrivePolicy":
            _check_redrive(text, named, protocol == "sqs" and endpoint.endswith(".fifo"), naming)
        elif name == "DeliveryPolicy" and text:
            if protocol not in HTTP_PROTOCOLS:
                raise InvalidParameter.of(
                    naming.of("Delivery protocol [" + protocol + "] does not support delivery policies.")
                )
            read_of_subscription(text, naming.of("DeliveryPolicy"))
        elif name == "FilterPolicyScope" and text not in DIALECTS:
            raise InvalidParameter.of(
                naming.of(
                    f"FilterPolicyScope: Invalid value [{text}]. Please use either MessageBody or MessageAttributes"
                )
            )
    if after.get("FilterPolicy") and ("FilterPolicy" in given or "FilterPolicyScope" in given):
        check_policy(after["FilterPolicy"], after.get("FilterPolicyScope", ATTRIBUTES), naming.of("FilterPolicy"))
    return {name: text for name, text in after.items() if text and not _is_cleared(name, text)}


def _is_cleared(name: str, text: str) -> bool:
    return name in ("FilterPolicy", "RedrivePolicy", "DeliveryPolicy") and text.strip() == "{}"


def _read_raw(text: str, protocol: str, naming: Naming) -> str:
    value = text.lower()
    if value not in ("true", "false"):
        raise InvalidParameter.of(naming.of(f"RawMessageDelivery: Invalid value [{text}]. Must be true or false."))
    if value == "true" and protocol not in RAW_PROTOCOLS:
        raise InvalidParameter.of(naming.of(f"Delivery protocol [{protocol}] does not support raw message delivery."))
    return value


def _check_redrive(text: str, named: TopicName, is_fifo: bool, naming: Naming) -> None:
    if not text or _is_cleared("RedrivePolicy", text):
        return
    parameter = naming.of("RedrivePolicy")
    policy: Any
    try:
        policy = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        policy = None
    if not isinstance(policy, dict):
        raise InvalidParameter.of(f"{parameter}: failed to parse JSON.")
    if policy.keys() != {_DEAD_LETTER}:
        raise InvalidParameter.of(f"{parameter}: the only attribute is {_DEAD_LETTER}.")
    target = policy[_DEAD_LETTER]
    arn = parse_arn(target) if isinstance(target, str) else None
    if arn is None or arn.service != "sqs":
        raise InvalidParameter.of(f"{parameter}: {_DEAD_LETTER} is an invalid arn")
    if arn.scope != named.scope:
        raise InvalidParameter.of(f"{parameter}: {_DEAD_LETTER} must be of the account and Region of the subscription")
    if arn.resource.endswith(".fifo") != is_fifo:
        kind = "FIFO" if is_fifo else "standard"
        raise InvalidParameter.of(f"{parameter}: must use a {kind} queue as DLQ for a subscription of a {kind} queue")


def dead_letter_arn(subscription: Subscription) -> str | None:
    """The dead-letter queue of a subscription, or None."""
    text = subscription.attributes.get("RedrivePolicy")
    return None if text is None else str(msgspec.json.decode(text)[_DEAD_LETTER])


def filter_limit_reached(bodies_with_filter: int) -> bool:
    """Whether a topic may have no further filter policy."""
    return bodies_with_filter >= limits.FILTER_POLICIES_PER_TOPIC_MAX


def describe(subscription: Subscription, topic: Topic) -> dict[str, str]:
    """What GetSubscriptionAttributes shows."""
    attributes = subscription.attributes
    shown = {
        "SubscriptionArn": subscription.arn,
        "TopicArn": subscription.topic_arn,
        "Owner": subscription.owner,
        "Protocol": subscription.protocol,
        "Endpoint": subscription.endpoint,
        "PendingConfirmation": _flag(not subscription.is_confirmed),
        "ConfirmationWasAuthenticated": _flag(subscription.is_confirmed and subscription.was_authenticated),
        "SubscriptionPrincipal": f"arn:aws:iam::{subscription.owner}:root",
        "RawMessageDelivery": "false",
        **attributes,
    }
    if "FilterPolicy" in attributes:
        shown.setdefault("FilterPolicyScope", ATTRIBUTES)
    else:
        shown.pop("FilterPolicyScope", None)
    if subscription.protocol in HTTP_PROTOCOLS:
        shown["EffectiveDeliveryPolicy"] = show_for_subscription(
            topic.attributes.get("DeliveryPolicy", ""), attributes.get("DeliveryPolicy", "")
        )
    return shown


def _flag(value: bool) -> str:
    return "true" if value else "false"
