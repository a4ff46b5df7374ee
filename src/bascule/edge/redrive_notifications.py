"""Sends a topic's message, found in a dead-letter queue, to its subscriber again, in the form that subscriber gets."""

from __future__ import annotations

import msgspec

from bascule.edge.letters import Notification
from bascule.kernel.context import Context
from bascule.kernel.delivery import Delivery
from bascule.kernel.queues import StoredMessage
from bascule.kernel.store import Tx
from bascule.services.sns.content import Attribute
from bascule.services.sns.envelope import NOTIFICATION, function_event
from bascule.services.sns.http_rows import Row, put
from bascule.services.sns.model import Subscription

_members = msgspec.json.Decoder(dict[str, object]).decode


def is_http(subscription: Subscription) -> bool:
    """Whether the subscriber is an address outside."""
    return subscription.protocol in ("http", "https")


def send_http(ctx: Context, tx: Tx, subscription: Subscription, notification: Notification | None, body: bytes) -> None:
    """Keep the request for an HTTP subscriber until it is answered; its dead-letter queue stays the same."""
    message_id = ctx.ids.uuid() if notification is None else notification.message_id
    put(ctx, tx, subscription, Row(kind=NOTIFICATION, message_id=message_id, is_raw=notification is None), body)


def as_subscriber_gets_it(
    delivery: Delivery, subscription: Subscription, notification: Notification | None, message: StoredMessage
) -> Delivery:
    """The delivery to a queue or a function: a function gets its event, everybody else what the letter holds."""
    payload = message.body
    if subscription.protocol == "lambda" and notification is not None:
        attributes = {name: Attribute(one.type, one.value) for name, one in notification.message_attributes.items()}
        members = {name: text for name, text in _members(message.body).items() if isinstance(text, str)}
        payload = function_event(subscription.arn, members, attributes)
    return msgspec.structs.replace(
        delivery,
        origin="subscription",
        source_arn=subscription.topic_arn,
        target_arn=subscription.endpoint,
        payload=payload,
    )
