"""What SQS itself says of a message, as a receive shows it and as event source mappings hand it on: one rule for both."""

from __future__ import annotations

from collections.abc import Set

from bascule.kernel.queues import StoredMessage
from bascule.kernel.scope import Scope
from bascule.services.sqs.model import Headers, Queue
from bascule.services.sqs.posting import show_sequence

SYSTEM_ATTRIBUTES = frozenset(
    (
        "SenderId",
        "SentTimestamp",
        "ApproximateReceiveCount",
        "ApproximateFirstReceiveTimestamp",
        "SequenceNumber",
        "MessageDeduplicationId",
        "MessageGroupId",
        "AWSTraceHeader",
        "DeadLetterQueueSourceArn",
    )
)


def system_attributes(
    scope: Scope, queue: Queue, message: StoredMessage, headers: Headers, names: Set[str] = SYSTEM_ATTRIBUTES
) -> dict[str, str]:
    """The system attributes of a leased message that are in ``names`` and that it has.

    Source   ReceiveMessage API reference, MessageSystemAttributeNames.
    """
    values = {
        "ApproximateReceiveCount": str(message.attempt),
        "SentTimestamp": str(message.sent_ms),
        "SenderId": headers.sender or scope.account,
        "ApproximateFirstReceiveTimestamp": str(message.first_leased_ms),
    }
    if queue.is_fifo:
        values["SequenceNumber"] = show_sequence(message.sequence) or ""
        values["MessageDeduplicationId"] = headers.deduplication_id
    if message.group is not None:
        values["MessageGroupId"] = message.group
    if headers.trace:
        values["AWSTraceHeader"] = headers.trace
    if headers.dead_letter_source:
        values["DeadLetterQueueSourceArn"] = headers.dead_letter_source
    if names is SYSTEM_ATTRIBUTES:
        return values
    return {name: value for name, value in values.items() if name in names}
