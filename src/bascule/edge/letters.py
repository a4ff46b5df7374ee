"""What a message of a dead-letter queue says about itself: pure reading of its body and of what travels beside it.

Four kinds tell where they come from: those that a delivery ended in (attributes of the sender), those that a queue gave up
(a mark of that queue), records of failed invocations, and notifications of a topic. A function's dead letter carries its error
and nothing about the function.
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

import msgspec

from bascule.kernel.queues import StoredMessage
from bascule.services.sqs.model import unpack_headers

#: Attributes that name the sender of a dead letter -> the kind of sender.
SENDERS = {"RULE_ARN": "rule", "SCHEDULE_ARN": "schedule", "SOURCE_ARN": "delivery"}


class _Envelope(msgspec.Struct):
    """What makes a body an event."""

    id: str
    source: str
    detail_type: str = msgspec.field(name="detail-type")


class _RequestContext(msgspec.Struct, rename="camel"):
    function_arn: str
    condition: str
    approximate_invoke_count: int = 0


class DestinationRecord(msgspec.Struct, rename="camel"):
    """The record of a failed invocation, as destinations receive it."""

    request_context: _RequestContext
    request_payload: msgspec.Raw
    response_payload: msgspec.Raw = msgspec.Raw(b"")


class NotificationAttribute(msgspec.Struct, rename="pascal"):
    """An attribute of a published message."""

    type: str
    value: str


class Notification(msgspec.Struct, rename="pascal"):
    """A topic's message as subscribers receive it."""

    message_id: str
    topic_arn: str
    message: str
    unsubscribe_url: str = msgspec.field(name="UnsubscribeURL")
    message_attributes: dict[str, NotificationAttribute] = {}

    @property
    def subscription_arn(self) -> str:
        """Whose copy it is."""
        return parse_qs(urlsplit(self.unsubscribe_url).query).get("SubscriptionArn", [""])[-1]


class Letter(NamedTuple):
    """What travels beside a body: text attributes, and the queue that gave the message up, if one did."""

    attributes: dict[str, str]
    dead_letter_source: str

    @property
    def sender(self) -> str | None:
        """The attribute that names who sent it; None when no delivery ended in it."""
        if "TARGET_ARN" not in self.attributes:
            return None
        return next((name for name in SENDERS if name in self.attributes), None)

    @property
    def is_of_function(self) -> bool:
        """Whether it is the dead letter of a function."""
        return "RequestID" in self.attributes and "ErrorCode" in self.attributes


_envelope = msgspec.json.Decoder(_Envelope).decode
_record = msgspec.json.Decoder(DestinationRecord).decode
_notification = msgspec.json.Decoder(Notification).decode


def letter_of(message: StoredMessage) -> Letter:
    """What travels beside the body of a message."""
    headers = unpack_headers(message.headers)
    attributes = {
        name: value.decode("utf-8", "replace")
        for name, (kind, value) in headers.attributes.items()
        if not kind.startswith("Binary")
    }
    return Letter(attributes, headers.dead_letter_source)


def record_in(body: bytes) -> DestinationRecord | None:
    """The destination record that a body is; None when it is none."""
    try:
        return _record(body)
    except msgspec.MsgspecError:
        return None


def notification_in(body: bytes) -> Notification | None:
    """The notification that a body is; None when it is none."""
    try:
        return _notification(body)
    except msgspec.MsgspecError:
        return None


def event_id_of(body: bytes) -> str:
    """The id of the event that a body is or was made for: bare, in a record or in a notification; empty when there is none."""
    record = record_in(body)
    notification = notification_in(body) if record is None else None
    if record is not None:
        body = bytes(record.request_payload)
    elif notification is not None:
        body = notification.message.encode()
    try:
        return _envelope(body).id
    except msgspec.MsgspecError:
        return ""
