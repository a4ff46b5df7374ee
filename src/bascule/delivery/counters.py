"""Which counter each outcome of a delivery goes to, by the origin of the delivery. A new origin is a new row here.

Names are ``<namespace>.<CloudWatch metric>``; the label is the ARN of the sender. Only one counter is touched for a
delivery that is accepted, because that is the hottest path; the other two that AWS shows are sums:
Invocations = SuccessfulInvocationAttempts + FailedInvocations,
InvocationAttempts = SuccessfulInvocationAttempts + RefusedInvocationAttempts.
"""

from __future__ import annotations

from typing import NamedTuple


class Counters(NamedTuple):
    """Counter names of one origin; a try ends in ``accepted`` or ``refused``, a delivery in ``accepted`` or ``failed``."""

    accepted: str
    refused: str = "delivery.Refused"
    retried: str = "delivery.Retries"
    failed: str = "delivery.Failed"


class DeadLetterCounters(NamedTuple):
    """Counter names of the dead letters of one kind of sender."""

    sent: str = "delivery.SentToDlq"
    failed: str = "delivery.FailedToBeSentToDlq"


#: Deliveries that were cut because their chain of hops was too long. eventbridge.md 17
LOOPS = "events.DeadLetterInvocations"
#: Deliveries that ended nowhere, of any origin.
LOST = "delivery.Lost"
#: Outbox rows that could not be read and were set aside.
UNREADABLE = "delivery.Unreadable"

_ANY = Counters("delivery.Accepted")
_BY_ORIGIN = {
    "rule": Counters(
        "events.SuccessfulInvocationAttempts",
        "events.RefusedInvocationAttempts",
        "events.RetryInvocationAttempts",
        "events.FailedInvocations",
    ),
    "destination": Counters("delivery.Accepted", failed="lambda.DestinationDeliveryFailures"),
    "subscription": Counters("sns.NumberOfNotificationsDelivered", failed="sns.NumberOfNotificationsFailed"),
}
_ANY_DEAD_LETTER = DeadLetterCounters()
_DEAD_LETTERS_BY_SERVICE = {
    "events": DeadLetterCounters("events.InvocationsSentToDlq", "events.InvocationsFailedToBeSentToDlq"),
    "lambda": DeadLetterCounters(failed="lambda.DeadLetterErrors"),
    "sns": DeadLetterCounters(
        "sns.NumberOfNotificationsRedrivenToDlq", "sns.NumberOfNotificationsFailedToRedriveToDlq"
    ),
}


def counters_of(origin: str) -> Counters:
    """The counters of deliveries of ``origin``."""
    return _BY_ORIGIN.get(origin, _ANY)


def dead_letter_counters_of(source_arn: str) -> DeadLetterCounters:
    """The counters of dead letters of the sender ``source_arn``."""
    parts = source_arn.split(":", 3)
    return _DEAD_LETTERS_BY_SERVICE.get(parts[2], _ANY_DEAD_LETTER) if len(parts) > 3 else _ANY_DEAD_LETTER
