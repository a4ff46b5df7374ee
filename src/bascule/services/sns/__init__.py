"""SNS: standard and FIFO topics that fan messages out to queues, functions and HTTP end points.

A publish and every copy for a subscriber in this store are one transaction. Filter policies compile into the same matcher
as event patterns; retries, dead letters and stories are the delivery engine's. What goes over HTTP is a durable row that
``bascule.egress`` sends. Known by ARN services: ``sns`` accepts what rules, destinations and dead letters publish.
"""

from __future__ import annotations

from bascule.kernel.service import Service, operations
from bascule.services.sns.confirmation import LOOP, confirm_subscription
from bascule.services.sns.permissions import add_permission, remove_permission
from bascule.services.sns.publish import publish, publish_batch
from bascule.services.sns.subscribe import subscribe
from bascule.services.sns.subscriptions import (
    get_subscription_attributes,
    list_subscriptions,
    list_subscriptions_by_topic,
    set_subscription_attributes,
    unsubscribe,
)
from bascule.services.sns.tags import list_tags_for_resource, tag_resource, untag_resource
from bascule.services.sns.target import TopicTarget
from bascule.services.sns.topics import (
    create_topic,
    delete_topic,
    get_topic_attributes,
    list_topics,
    set_topic_attributes,
)

__all__ = ["SERVICE"]

SERVICE = Service(
    name="sns",
    operations=operations(
        create_topic,
        delete_topic,
        list_topics,
        get_topic_attributes,
        set_topic_attributes,
        subscribe,
        confirm_subscription,
        unsubscribe,
        list_subscriptions,
        list_subscriptions_by_topic,
        get_subscription_attributes,
        set_subscription_attributes,
        publish,
        publish_batch,
        tag_resource,
        untag_resource,
        list_tags_for_resource,
        add_permission,
        remove_permission,
    ),
    targets={"sns": TopicTarget()},
    loops=(LOOP,),
)
