"""Subscribe: who may receive what, confirmed at once or after the end point has proved itself."""

from __future__ import annotations

import re
from collections.abc import Mapping

from bascule.api import sns as api
from bascule.kernel.arns import parse_arn
from bascule.kernel.context import Context
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.kernel.waiting import Perform
from bascule.services.sns import confirmation, envelope, limits, state
from bascule.services.sns.addressing import TopicName
from bascule.services.sns.errors import FilterPolicyLimitExceeded, InvalidParameter, SubscriptionLimitExceeded
from bascule.services.sns.model import SigningKey, Subscription, Topic
from bascule.services.sns.signing import PERFORMER
from bascule.services.sns.subscription_attributes import IN_SUBSCRIBE, checked, filter_limit_reached

PENDING = "pending confirmation"
_PROTOCOLS = frozenset({"http", "https", "email", "email-json", "sms", "sqs", "lambda", "application", "firehose"})
#: These prove themselves with a token; the others belong to the same platform.
_CONFIRMED_BY_TOKEN = frozenset({"http", "https", "email", "email-json"})
_PHONE = re.compile(r"\+?[0-9][0-9./ -]{3,18}[0-9]")
#: Protocols whose end points are ARNs -> (ARN service, how the refusal names it).
_BY_ARN = {
    "sqs": ("sqs", "SQS endpoint ARN"),
    "lambda": ("lambda", "Lambda endpoint ARN"),
    "firehose": ("firehose", "Firehose endpoint ARN"),
    "application": ("sns", "Application endpoint arn invalid"),
}


def _check_endpoint(topic: Topic, protocol: str, endpoint: str) -> None:
    if protocol not in _PROTOCOLS:
        raise InvalidParameter(f"Invalid parameter: Amazon SNS does not support this protocol string: {protocol}")
    if not endpoint:
        raise InvalidParameter.of("Endpoint")
    if topic.is_fifo and protocol != "sqs":
        raise InvalidParameter.of(f"Invalid protocol type: {protocol}")
    if protocol in ("http", "https"):
        host = endpoint.partition("://")[2].partition("/")[0]
        if not endpoint.startswith(f"{protocol}://") or not host or any(char <= " " for char in endpoint):
            raise InvalidParameter.of("Endpoint must match the specified protocol")
    elif protocol in _BY_ARN:
        service, name = _BY_ARN[protocol]
        arn = parse_arn(endpoint)
        if arn is None or arn.service != service or not arn.region or not arn.account:
            raise InvalidParameter.of(name)
        if protocol == "sqs" and endpoint.endswith(".fifo") and not topic.is_fifo:
            raise InvalidParameter(
                "Invalid parameter: Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to "
                "standard SNS topics"
            )
    elif protocol == "sms" and not _PHONE.fullmatch(endpoint):
        raise InvalidParameter.of(f"Invalid SMS endpoint: {endpoint}")
    elif protocol.startswith("email") and "@" not in endpoint[1:-1]:
        raise InvalidParameter.of("Email address")


def _check_room(tx: Tx, named: TopicName, topic: Topic, attributes: Mapping[str, str]) -> None:
    is_bounded = topic.message_bytes_max > limits.MESSAGE_BYTES_DEFAULT
    if is_bounded and state.count_subscriptions(tx, named) >= limits.LARGE_MESSAGE_SUBSCRIPTIONS_MAX:
        raise SubscriptionLimitExceeded
    if "FilterPolicy" in attributes and filter_limit_reached(count_filter_policies(tx, named)):
        raise FilterPolicyLimitExceeded


def count_filter_policies(tx: Tx, named: TopicName) -> int:
    """How many subscriptions of a topic have a filter policy."""
    bodies = state.subscription_bodies(tx, named)
    return sum("FilterPolicy" in state.decode_subscription(body).attributes for body in bodies)


@operation("Subscribe")
def subscribe(ctx: Context, tx: Tx, inp: api.SubscribeInput) -> api.SubscribeResponse | Perform:
    """Subscribe an end point to a topic, or give the subscription that it has.

    Gives    the ARN; the text ``pending confirmation`` for end points that must confirm, unless ReturnSubscriptionArn.
    Raises   NotFound, InvalidParameter, FilterPolicyLimitExceeded, SubscriptionLimitExceeded.
    Source   Subscribe API reference; sources.md 2.1.
    Differs  whether a queue or function exists and admits the topic is seen when a message is delivered, as on AWS for
             queues; for functions AWS asks at once.
    """
    named, topic = state.find(ctx, tx, inp.topic_arn)
    endpoint = inp.endpoint or ""
    _check_endpoint(topic, inp.protocol, endpoint)
    attributes = checked({}, inp.attributes or {}, named, inp.protocol, endpoint, IN_SUBSCRIBE)
    if inp.protocol == "firehose" and "SubscriptionRoleArn" not in attributes:
        raise InvalidParameter.of("Attributes", "SubscriptionRoleArn is required for firehose")
    if state.get_signing_key(tx) is None:
        if not isinstance(ctx.resume, SigningKey):
            if isinstance(ctx.resume, Exception):
                raise ctx.resume
            return Perform(PERFORMER, ctx.now_ms)
        state.put_signing_key(tx, ctx.resume)
    found = state.subscription_of_endpoint(tx, named, inp.protocol, endpoint)
    if found is not None:
        if any(found.attributes.get(name) != text for name, text in attributes.items()):
            raise InvalidParameter.of("Attributes", "Subscription already exists with different attributes")
        subscription = found
    else:
        _check_room(tx, named, topic, attributes)
        subscription = Subscription(
            uuid=ctx.ids.uuid(),
            topic_arn=named.arn,
            protocol=inp.protocol,
            endpoint=endpoint,
            owner=ctx.scope.account,
            created_ms=ctx.now_ms,
            base_url=ctx.base_url,
            is_confirmed=inp.protocol not in _CONFIRMED_BY_TOKEN,
            attributes=attributes,
        )
        state.put_subscription(tx, named, subscription)
        state.put_topic(ctx, tx, named.scope, topic)
    if subscription.is_confirmed:
        return api.SubscribeResponse(subscription_arn=subscription.arn)
    confirmation.ask(ctx, tx, topic, subscription, envelope.SUBSCRIPTION_CONFIRMATION)
    return api.SubscribeResponse(subscription_arn=subscription.arn if inp.return_subscription_arn else PENDING)
