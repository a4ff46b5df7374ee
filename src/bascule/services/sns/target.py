"""What a topic accepts from ``delivery``: rule targets, destinations and dead letters are published to it."""

from __future__ import annotations

from bascule.kernel.arns import Arn
from bascule.kernel.context import Context
from bascule.kernel.delivery import Accepted, Delivery, Refused
from bascule.kernel.store import Tx
from bascule.policies import check_delivery
from bascule.services.sns import state
from bascule.services.sns.addressing import TopicName
from bascule.services.sns.content import DEFAULT, Attribute, Content
from bascule.services.sns.fan_out import Cause
from bascule.services.sns.publish import publish_content


class TopicTarget:
    """The owner of ``arn:aws:sns:...`` ARNs."""

    def accept(self, ctx: Context, tx: Tx, delivery: Delivery, arn: Arn) -> Accepted:
        """Publish the payload; attributes become message attributes; subscribers' copies join the sender's story.

        Gives    the message id.
        Raises   Refused NO_RESOURCE when the topic does not exist; INVALID_PARAMETER for a FIFO topic, for text that is
                 empty, no UTF-8 or too long; NO_PERMISSIONS when the topic's policy forbids it. None is worth a retry.
        Promise  exactly once, with the sender's transaction.
        """
        named = TopicName(arn.scope, arn.resource)
        topic = state.get_topic(tx, named)
        if topic is None:
            raise Refused("NO_RESOURCE", "Topic does not exist")
        policy = topic.attributes.get("Policy")
        check_delivery(ctx.settings, delivery, policy, action="sns:Publish", resource=delivery.target_arn)
        if topic.is_fifo:
            raise Refused("INVALID_PARAMETER", "FIFO topics are not supported as targets.")
        if delivery.parameters:
            unknown = sorted(delivery.parameters)
            raise Refused("INVALID_PARAMETER", f"A topic does not understand the target parameters {unknown}.")
        try:
            text = delivery.payload.decode()
        except UnicodeDecodeError:
            raise Refused("INVALID_PARAMETER", "The message is not UTF-8.") from None
        attributes = {name: Attribute(kind, value) for name, (kind, value) in delivery.attributes.items()}
        size = len(delivery.payload) + sum(
            len(name) + len(kind) + len(value.encode()) for name, (kind, value) in delivery.attributes.items()
        )
        if not text:
            raise Refused("INVALID_PARAMETER", "Invalid parameter: Empty message")
        if size > topic.message_bytes_max:
            raise Refused("INVALID_PARAMETER", "Invalid parameter: Message too long")
        cause = Cause(delivery.event_id, delivery.hops + 1, delivery.trace_header)
        content = Content({DEFAULT: text}, attributes=attributes, size_bytes=size)
        return Accepted(publish_content(ctx, tx, named, topic, content, cause).message_id)
