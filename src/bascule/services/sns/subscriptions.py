"""Subscriptions once they exist: listed, described, changed and ended."""

from __future__ import annotations

import msgspec

from bascule.api import sns as api
from bascule.kernel.context import Context
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.services.sns import confirmation, envelope, http_rows, limits, state
from bascule.services.sns.addressing import SubscriptionName, TopicName, read_subscription_arn
from bascule.services.sns.errors import AuthorizationError, FilterPolicyLimitExceeded, InvalidParameter, NotFound
from bascule.services.sns.model import Subscription, Topic
from bascule.services.sns.paging import make_token, read_token
from bascule.services.sns.subscribe import count_filter_policies
from bascule.services.sns.subscription_attributes import (
    HTTP_PROTOCOLS,
    IN_SET,
    checked,
    describe,
    filter_limit_reached,
)


def _find(tx: Tx, arn: str) -> tuple[SubscriptionName, Topic, Subscription]:
    named = read_subscription_arn(arn)
    topic = state.get_topic(tx, named.topic)
    subscription = None if topic is None else state.get_subscription(tx, named.topic, named.uuid)
    if topic is None or subscription is None:
        raise NotFound("Subscription does not exist")
    return named, topic, subscription


@operation("Unsubscribe")
def unsubscribe(ctx: Context, tx: Tx, inp: api.UnsubscribeInput) -> api.Empty:
    """End a subscription; one that does not exist is no error. Works unsigned: it is what UnsubscribeURL does.

    An HTTP end point whose subscription an unsigned request ends is told, with a link that brings it back.
    Raises   InvalidParameter; AuthorizationError for an unsigned request when the confirmation asked for signed ones.
    """
    try:
        named, topic, subscription = _find(tx, inp.subscription_arn)
    except NotFound:
        return api.Empty()
    if not ctx.access_key:
        if subscription.is_protected:
            raise AuthorizationError
        if subscription.protocol in HTTP_PROTOCOLS and subscription.is_confirmed:
            confirmation.ask(ctx, tx, topic, subscription, envelope.UNSUBSCRIBE_CONFIRMATION)
    state.delete_subscription(tx, named.topic, subscription)
    http_rows.close_if_done(tx, subscription.uuid)
    counted = msgspec.structs.replace(topic, subscriptions_deleted=topic.subscriptions_deleted + 1)
    state.put_topic(ctx, tx, named.topic.scope, counted)
    return api.Empty()


def _describe_short(subscription: Subscription) -> api.Subscription:
    return api.Subscription(
        subscription_arn=subscription.arn if subscription.is_confirmed else "PendingConfirmation",
        owner=subscription.owner,
        protocol=subscription.protocol,
        endpoint=subscription.endpoint,
        topic_arn=subscription.topic_arn,
    )


@operation("ListSubscriptionsByTopic", reads=True)
def list_subscriptions_by_topic(
    ctx: Context, tx: Tx, inp: api.ListSubscriptionsByTopicInput
) -> api.ListSubscriptionsByTopicResponse:
    """Subscriptions of a topic, 100 to a page.

    Raises   NotFound, InvalidParameter.
    """
    named, _ = state.find(ctx, tx, inp.topic_arn)
    found = state.page_subscriptions(tx, named, after=read_token(inp.next_token), count_max=limits.PAGE + 1)
    shown = found[: limits.PAGE]
    return api.ListSubscriptionsByTopicResponse(
        subscriptions=[_describe_short(subscription) for subscription in shown],
        next_token=make_token(shown[-1].uuid) if len(found) > limits.PAGE else None,
    )


@operation("ListSubscriptions", reads=True)
def list_subscriptions(ctx: Context, tx: Tx, inp: api.ListSubscriptionsInput) -> api.ListSubscriptionsResponse:
    """Subscriptions of all topics of the account and Region, by topic, 100 to a page.

    Raises   InvalidParameter.
    Differs  a subscription is listed in the account of its topic, on AWS in that of its subscriber.
    """
    topic_name, _, after = read_token(inp.next_token).partition("/")
    found: list[Subscription] = []
    names = [topic_name] if topic_name else []
    while len(found) <= limits.PAGE:
        if not names:
            names = state.page_topics(tx, ctx.scope, after=topic_name, count_max=limits.PAGE)
            if not names:
                break
        topic_name = names.pop(0)
        room = limits.PAGE + 1 - len(found)
        found += state.page_subscriptions(tx, TopicName(ctx.scope, topic_name), after=after, count_max=room)
        after = ""
    shown = found[: limits.PAGE]
    more = None
    if len(found) > limits.PAGE:
        last = shown[-1]
        more = make_token(f"{last.topic_arn.rpartition(':')[2]}/{last.uuid}")
    return api.ListSubscriptionsResponse(
        subscriptions=[_describe_short(subscription) for subscription in shown], next_token=more
    )


@operation("GetSubscriptionAttributes", reads=True)
def get_subscription_attributes(
    ctx: Context, tx: Tx, inp: api.GetSubscriptionAttributesInput
) -> api.GetSubscriptionAttributesResponse:
    """Everything a subscription has.

    Raises   NotFound, InvalidParameter.
    """
    _, topic, subscription = _find(tx, inp.subscription_arn)
    return api.GetSubscriptionAttributesResponse(attributes=describe(subscription, topic))


@operation("SetSubscriptionAttributes")
def set_subscription_attributes(ctx: Context, tx: Tx, inp: api.SetSubscriptionAttributesInput) -> api.Empty:
    """Set one attribute; no value, an empty one or ``{}`` clears a policy. It holds for the next message.

    Raises   NotFound, InvalidParameter, FilterPolicyLimitExceeded.
    """
    named, topic, subscription = _find(tx, inp.subscription_arn)
    given = {inp.attribute_name: inp.attribute_value or ""}
    if inp.attribute_name == "SubscriptionRoleArn" and subscription.protocol != "firehose":
        raise InvalidParameter.of("AttributeName")
    after = checked(subscription.attributes, given, named.topic, subscription.protocol, subscription.endpoint, IN_SET)
    is_first = "FilterPolicy" in after and "FilterPolicy" not in subscription.attributes
    if is_first and filter_limit_reached(count_filter_policies(tx, named.topic)):
        raise FilterPolicyLimitExceeded
    state.put_subscription(tx, named.topic, msgspec.structs.replace(subscription, attributes=after))
    state.put_topic(ctx, tx, named.topic.scope, topic)
    return api.Empty()
