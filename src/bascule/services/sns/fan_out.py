"""From a published message to its subscribers, inside one transaction.

Subscribers in this store (queues, functions) accept through the courier at once; HTTP subscribers get a durable row each;
what nobody here can carry (e-mail, text messages, push) ends loudly as a failed delivery: dead letter, or lost.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from bascule.kernel.context import Context
from bascule.kernel.delivery import Delivery, Refused, RetryPolicy
from bascule.kernel.store import Tx
from bascule.services.sns import envelope, http_rows, limits
from bascule.services.sns.addressing import TopicName
from bascule.services.sns.content import Content
from bascule.services.sns.filter_policy import attributes_event
from bascule.services.sns.model import Topic
from bascule.services.sns.signing import Signed, sign
from bascule.services.sns.subscribers import Subscriber, subscribers_of

ORIGIN = "subscription"
_MANAGED_RETRY = RetryPolicy(retries_max=limits.MANAGED_RETRIES_MAX, age_max_ms=limits.MANAGED_AGE_MAX_MS)
_FILTERED = "sns.NumberOfNotificationsFilteredOut"


class Cause(NamedTuple):
    """What made a message be published, when it was a delivery: its story goes on."""

    event_id: str = ""
    hops: int = 0
    trace_header: str | None = None


NO_CAUSE = Cause()


class Message(NamedTuple):
    """A message that a topic has taken. ``sequence`` on FIFO topics only."""

    message_id: str
    content: Content
    sequence: str = ""


class _Publication:
    """One message on its way to all subscribers; signs and encodes each text at most once."""

    def __init__(self, ctx: Context, tx: Tx, named: TopicName, topic: Topic, message: Message, cause: Cause) -> None:
        self.ctx = ctx
        self.tx = tx
        self.named = named
        self.topic = topic
        self.topic_arn = named.arn
        self.message = message
        self.cause = cause
        self._fields: dict[str, tuple[dict[str, str], Signed | None]] = {}
        self._attributes_event: bytes | None = None
        self._has_attributes_event = False

    def passes(self, to: Subscriber) -> bool:
        """Whether the subscriber wants the message; counts when not."""
        if to.pattern is None:
            return True
        count = self.ctx.metrics.count
        content = self.message.content
        if to.is_about_attributes:
            if not self._has_attributes_event:
                self._attributes_event = attributes_event(content.attributes)
                self._has_attributes_event = True
            event, reason = self._attributes_event, "MessageAttributes" if content.attributes else "NoMessageAttributes"
            if event is None:
                reason = "InvalidAttributes"
        else:
            event, reason = content.text_for(to.subscription.protocol).encode("utf-8", "surrogatepass"), "MessageBody"
        if event is not None and to.pattern.matches(event):
            return True
        count(_FILTERED, self.topic_arn)
        count(f"{_FILTERED}-{reason}", self.topic_arn)
        return False

    def members(self, to: Subscriber) -> dict[str, str]:
        """The members of the envelope for a subscriber, in order."""
        fields, signed = self._signed_fields(to.subscription.protocol)
        return envelope.signed_members(fields, signed, to.subscription.base_url, to.unsubscribe_url)

    def _signed_fields(self, protocol: str) -> tuple[dict[str, str], Signed | None]:
        content = self.message.content
        key = protocol if protocol in content.texts else ""
        kept = self._fields.get(key)
        if kept is not None:
            return kept
        fields = {"Type": envelope.NOTIFICATION, "MessageId": self.message.message_id}
        if self.message.sequence:
            fields["SequenceNumber"] = self.message.sequence
        fields["TopicArn"] = self.topic_arn
        if content.subject is not None:
            fields["Subject"] = content.subject
        fields["Message"] = content.text_for(protocol)
        fields["Timestamp"] = envelope.timestamp(self.ctx.now_ms)
        signed = None if self.topic.is_fifo else sign(self.tx, self.topic.signature_version, fields)
        self._fields[key] = (fields, signed)
        return fields, signed

    def enveloped(self, to: Subscriber) -> bytes:
        """The whole envelope for a queue or an HTTP endpoint."""
        return envelope.laid_out(self.members(to), self.message.content.attributes)

    def raw(self, to: Subscriber) -> bytes:
        """The message alone."""
        return self.message.content.text_for(to.subscription.protocol).encode("utf-8", "surrogatepass")

    def delivery(
        self,
        to: Subscriber,
        payload: bytes,
        *,
        parameters: dict[str, str] | None = None,
        attributes: dict[str, tuple[str, str]] | None = None,
        dead_letter_payload: bytes | None = None,
    ) -> Delivery:
        """The delivery of a payload to a subscriber."""
        return Delivery(
            delivery_id=self.ctx.ids.uuid(),
            scope=self.named.scope,
            origin=ORIGIN,
            source_arn=self.topic_arn,
            target_arn=to.subscription.endpoint,
            payload=payload,
            created_ms=self.ctx.now_ms,
            parameters=parameters or {},
            attributes=attributes or {},
            event_id=self.cause.event_id,
            retry=_MANAGED_RETRY,
            dead_letter_arn=to.dead_letter_arn,
            dead_letter_payload=dead_letter_payload,
            hops=self.cause.hops,
            trace_header=self.cause.trace_header,
        )


def _to_queue(publication: _Publication, to: Subscriber) -> None:
    content = publication.message.content
    parameters: dict[str, str] = {}
    if content.group:
        parameters["MessageGroupId"] = content.group
    if content.deduplication_id and to.subscription.endpoint.endswith(".fifo"):
        parameters["MessageDeduplicationId"] = content.deduplication_id
    ctx, tx = publication.ctx, publication.tx
    if not to.subscription.is_raw:
        ctx.courier.send(ctx, tx, publication.delivery(to, publication.enveloped(to), parameters=parameters))
        return
    attributes = {name: (data_type, text) for name, (data_type, text) in content.attributes.items()}
    delivery = publication.delivery(to, publication.raw(to), parameters=parameters, attributes=attributes)
    if len(attributes) > limits.RAW_ATTRIBUTES_MAX:
        _end(publication, delivery, f"A queue takes at most {limits.RAW_ATTRIBUTES_MAX} attributes with a message.")
        return
    ctx.courier.send(ctx, tx, delivery)


def _to_function(publication: _Publication, to: Subscriber) -> None:
    members = publication.members(to)
    attributes = publication.message.content.attributes
    payload = envelope.function_event(to.arn, members, attributes)
    letter = envelope.laid_out(members, attributes) if to.dead_letter_arn else None
    ctx = publication.ctx
    ctx.courier.send(ctx, publication.tx, publication.delivery(to, payload, dead_letter_payload=letter))


def _to_http(publication: _Publication, to: Subscriber) -> None:
    is_raw = to.subscription.is_raw
    body = publication.raw(to) if is_raw else publication.enveloped(to)
    row = http_rows.Row(
        kind=envelope.NOTIFICATION,
        message_id=publication.message.message_id,
        is_raw=is_raw,
        event_id=publication.cause.event_id,
        trace_header=publication.cause.trace_header or "",
        hops=publication.cause.hops,
    )
    http_rows.put(publication.ctx, publication.tx, to.subscription, row, body)


def _to_nobody(publication: _Publication, to: Subscriber) -> None:
    _end(
        publication,
        publication.delivery(to, publication.enveloped(to)),
        f"Bascule delivers nothing over the protocol {to.subscription.protocol}.",
    )


def _end(publication: _Publication, delivery: Delivery, reason: str) -> None:
    publication.ctx.courier.fail(publication.ctx, publication.tx, delivery, Refused("INVALID_PARAMETER", reason))


_SEND: dict[str, Callable[[_Publication, Subscriber], None]] = {
    "sqs": _to_queue,
    "lambda": _to_function,
    "http": _to_http,
    "https": _to_http,
}


def fan_out(ctx: Context, tx: Tx, named: TopicName, topic: Topic, message: Message, cause: Cause = NO_CAUSE) -> None:
    """Hand a message to every subscriber that wants it.

    Promise  in this transaction, for each of them: accepted, kept for retries, dead letter, or recorded as lost.
    """
    ctx.metrics.count("sns.NumberOfMessagesPublished", named.arn)
    ctx.metrics.count("sns.PublishSize", named.arn, message.content.size_bytes)
    subscribers = subscribers_of(tx, named, topic)
    if not subscribers:
        return
    publication = _Publication(ctx, tx, named, topic, message, cause)
    for to in subscribers:
        if publication.passes(to):
            _SEND.get(to.subscription.protocol, _to_nobody)(publication, to)
