"""Topics: created, deleted, listed, described and changed."""

from __future__ import annotations

import msgspec

from bascule.api import sns as api
from bascule.kernel.context import Context
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.services.sns import http_rows, limits, state
from bascule.services.sns.addressing import TopicName, read_topic_arn
from bascule.services.sns.errors import InvalidParameter
from bascule.services.sns.model import Topic
from bascule.services.sns.paging import make_token, read_token
from bascule.services.sns.policy import default_policy
from bascule.services.sns.tags import read_tags
from bascule.services.sns.topic_attributes import FIFO_TOPIC, checked, describe, differs, with_attributes

_FIFO_NAME_RULE = (
    "Fifo Topic names must end with .fifo and must be made up of only uppercase and lowercase ASCII letters, numbers, "
    "underscores, and hyphens, and must be between 1 and 256 characters long."
)


def _check_name(name: str, *, is_fifo: bool) -> None:
    if is_fifo and not limits.FIFO_TOPIC_NAME.fullmatch(name):
        raise InvalidParameter.of(_FIFO_NAME_RULE)
    if not is_fifo and not limits.TOPIC_NAME.fullmatch(name):
        raise InvalidParameter.of("Topic Name")


@operation("CreateTopic", refuses=("DataProtectionPolicy",))
def create_topic(ctx: Context, tx: Tx, inp: api.CreateTopicInput) -> api.CreateTopicResponse:
    """Create a topic, or give the ARN of the one that is there.

    Raises   InvalidParameter, also when a topic with this name has other attributes, another kind or other tags.
    Source   CreateTopic API reference; sources.md 2.1.
    """
    given = inp.attributes or {}
    fifo = given.get(FIFO_TOPIC, "false").lower()
    if fifo not in ("true", "false"):
        raise InvalidParameter.of("Attributes", "FifoTopic: must be true or false.")
    is_fifo = fifo == "true"
    _check_name(inp.name, is_fifo=is_fifo)
    attributes = checked(given, is_fifo=is_fifo, is_creation=True)
    tags = read_tags(inp.tags or ())
    named = TopicName(ctx.scope, inp.name)
    found = state.get_topic(tx, named)
    if found is not None:
        if differs(found, attributes):
            raise InvalidParameter.of("Attributes", "Topic already exists with different attributes")
        if tags and tags != found.tags:
            raise InvalidParameter.of("Tags", "Topic already exists with different tags")
        return api.CreateTopicResponse(topic_arn=named.arn)
    topic = Topic(
        uuid=ctx.ids.uuid(),
        name=inp.name,
        created_ms=ctx.now_ms,
        is_fifo=is_fifo,
        attributes=with_attributes({}, attributes),
        tags=tags,
    )
    state.put_topic(ctx, tx, ctx.scope, topic)
    return api.CreateTopicResponse(topic_arn=named.arn)


@operation("DeleteTopic")
def delete_topic(ctx: Context, tx: Tx, inp: api.DeleteTopicInput) -> api.Empty:
    """Delete a topic and its subscriptions; a missing topic is no error.

    Promise  what was published before is still delivered, except over HTTP, where waiting deliveries end.
    Raises   InvalidParameter.
    """
    named = read_topic_arn(inp.topic_arn)
    topic = state.get_topic(tx, named)
    if topic is not None:
        for body in list(state.subscription_bodies(tx, named)):
            subscription = state.decode_subscription(body)
            state.delete_subscription(tx, named, subscription)
            http_rows.close_if_done(tx, subscription.uuid)
        state.delete_topic(tx, named, topic.uuid)
    return api.Empty()


@operation("ListTopics", reads=True)
def list_topics(ctx: Context, tx: Tx, inp: api.ListTopicsInput) -> api.ListTopicsResponse:
    """ARNs of the topics of the account and Region, by name, 100 to a page.

    Raises   InvalidParameter.
    """
    names = state.page_topics(tx, ctx.scope, after=read_token(inp.next_token), count_max=limits.PAGE + 1)
    shown = names[: limits.PAGE]
    return api.ListTopicsResponse(
        topics=[api.Topic(topic_arn=TopicName(ctx.scope, name).arn) for name in shown],
        next_token=make_token(shown[-1]) if len(names) > limits.PAGE else None,
    )


@operation("GetTopicAttributes", reads=True)
def get_topic_attributes(ctx: Context, tx: Tx, inp: api.GetTopicAttributesInput) -> api.GetTopicAttributesResponse:
    """Everything a topic has, and how many subscriptions.

    Raises   NotFound, InvalidParameter.
    """
    named, topic = state.find(ctx, tx, inp.topic_arn)
    confirmed = pending = 0
    for body in state.subscription_bodies(tx, named):
        if state.decode_subscription(body).is_confirmed:
            confirmed += 1
        else:
            pending += 1
    return api.GetTopicAttributesResponse(
        attributes={
            "Policy": default_policy(named),
            **describe(topic),
            "TopicArn": named.arn,
            "Owner": named.scope.account,
            "SubscriptionsConfirmed": str(confirmed),
            "SubscriptionsPending": str(pending),
            "SubscriptionsDeleted": str(topic.subscriptions_deleted),
        }
    )


@operation("SetTopicAttributes")
def set_topic_attributes(ctx: Context, tx: Tx, inp: api.SetTopicAttributesInput) -> api.Empty:
    """Set one attribute; no value or an empty one clears those that have a default.

    Raises   NotFound, InvalidParameter; NotImplementedHere for the archive.
    """
    named, topic = state.find(ctx, tx, inp.topic_arn)
    given = {inp.attribute_name: inp.attribute_value or ""}
    attributes = with_attributes(topic.attributes, checked(given, is_fifo=topic.is_fifo, is_creation=False))
    changed = msgspec.structs.replace(topic, attributes=attributes)
    if (
        changed.message_bytes_max > limits.MESSAGE_BYTES_DEFAULT
        and state.count_subscriptions(tx, named) > limits.LARGE_MESSAGE_SUBSCRIPTIONS_MAX
    ):
        raise InvalidParameter.of(
            "MaximumMessageSize",
            f"a topic with more than {limits.LARGE_MESSAGE_SUBSCRIPTIONS_MAX} subscriptions admits at most "
            f"{limits.MESSAGE_BYTES_DEFAULT} bytes.",
        )
    state.put_topic(ctx, tx, named.scope, changed)
    return api.Empty()
