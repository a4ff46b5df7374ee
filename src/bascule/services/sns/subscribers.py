"""The subscribers of a topic, prepared: filter policies compiled, dead-letter queues read. Frozen values, replaced whole.

Subscribers are kept in memory beside the revision of the topic they were read for. A topic shows a new, unique revision
whenever it or one of its subscriptions changes, so one cached document read tells whether they still hold, inside whatever
transaction asks; a change that is rolled back makes its revision unreachable by itself.
"""

from __future__ import annotations

from functools import lru_cache

import msgspec

from bascule.kernel.store import Tx
from bascule.patterns import Pattern
from bascule.services.sns import limits, state
from bascule.services.sns.addressing import TopicName
from bascule.services.sns.envelope import unsubscribe_url
from bascule.services.sns.filter_policy import ATTRIBUTES, compile_policy
from bascule.services.sns.model import Subscription, Topic
from bascule.services.sns.subscription_attributes import dead_letter_arn


class Subscriber(msgspec.Struct, frozen=True, gc=False):
    """A confirmed subscription, ready to be sent to."""

    subscription: Subscription
    arn: str
    unsubscribe_url: str
    pattern: Pattern | None
    is_about_attributes: bool
    dead_letter_arn: str | None


@lru_cache(maxsize=limits.SUBSCRIBERS_MAX)
def _prepared(body: bytes) -> Subscriber | None:
    """A subscriber from the bytes of its document: a pure function of them. None: not confirmed."""
    subscription = state.decode_subscription(body)
    if not subscription.is_confirmed:
        return None
    scope = subscription.attributes.get("FilterPolicyScope", ATTRIBUTES)
    return Subscriber(
        subscription=subscription,
        arn=subscription.arn,
        unsubscribe_url=unsubscribe_url(subscription.base_url, subscription.arn),
        pattern=compile_policy(subscription.attributes.get("FilterPolicy", ""), scope),
        is_about_attributes=scope == ATTRIBUTES,
        dead_letter_arn=dead_letter_arn(subscription),
    )


_cache: dict[str, tuple[str, tuple[Subscriber, ...]]] = {}


def subscribers_of(tx: Tx, named: TopicName, topic: Topic) -> tuple[Subscriber, ...]:
    """Everybody who has confirmed a subscription to a topic, as this transaction sees it."""
    kept = _cache.get(topic.uuid)
    if kept is not None and kept[0] == topic.revision:
        return kept[1]
    found = tuple(
        subscriber for body in state.subscription_bodies(tx, named) if (subscriber := _prepared(body)) is not None
    )
    while len(_cache) >= limits.ROUTED_TOPICS_MAX and topic.uuid not in _cache:
        _cache.pop(next(iter(_cache)), None)
    _cache[topic.uuid] = (topic.revision, found)
    return found
