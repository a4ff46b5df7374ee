"""What a dead letter looks like. Which attributes it carries is decided by the origin of the delivery: a table.

A dead letter is itself a delivery (origin ``dead-letter``) with the id of the delivery it stands for, so its story is one
line of the same story. One that has neither an event nor attributes keeps the failure itself, which the journal is told under the
id of the message that it becomes. It has no dead-letter queue of its own: where it fails for good, the payload is lost.
"""

from __future__ import annotations

from collections.abc import Callable

from bascule.delivery.limits import MESSAGE_MAX
from bascule.kernel.delivery import Delivery, Failure, Refused

ORIGIN = "dead-letter"
Attributes = dict[str, tuple[str, str]]


def _attributes(
    sender: str, delivery: Delivery, refused: Refused, retry_count: int, exhausted: str | None
) -> Attributes:
    made: Attributes = {
        sender: ("String", delivery.source_arn),
        "TARGET_ARN": ("String", delivery.target_arn),
        "ERROR_CODE": ("String", refused.code),
        "ERROR_MESSAGE": ("String", refused.message[:MESSAGE_MAX] or refused.code),
        "RETRY_ATTEMPTS": ("String", str(retry_count)),
    }
    if exhausted is not None:
        made["EXHAUSTED_RETRY_CONDITION"] = ("String", exhausted)
    return made


def _of_rule(delivery: Delivery, refused: Refused, retry_count: int, exhausted: str | None) -> Attributes:
    return _attributes("RULE_ARN", delivery, refused, retry_count, exhausted)


def _of_schedule(delivery: Delivery, refused: Refused, retry_count: int, exhausted: str | None) -> Attributes:
    return _attributes("SCHEDULE_ARN", delivery, refused, retry_count, exhausted)


def _of_subscription(delivery: Delivery, refused: Refused, retry_count: int, exhausted: str | None) -> Attributes:
    """A topic redrives the message as it was published, with the attributes of its publisher only."""
    return {}


def _of_any(delivery: Delivery, refused: Refused, retry_count: int, exhausted: str | None) -> Attributes:
    return _attributes("SOURCE_ARN", delivery, refused, retry_count, exhausted)


_BY_ORIGIN: dict[str, Callable[[Delivery, Refused, int, str | None], Attributes]] = {
    "rule": _of_rule,
    "schedule": _of_schedule,
    "subscription": _of_subscription,
}
#: Origins whose dead letters keep their message group: a FIFO subscription has a FIFO dead-letter queue.
_KEEPING_PARAMETERS = frozenset({"subscription"})


def dead_letter_of(
    delivery: Delivery, refused: Refused, *, now_ms: int, retry_count: int, exhausted: str | None
) -> Delivery | None:
    """The dead letter of a delivery that was finally refused, or None when it names no dead-letter queue.

    Gives    the original payload (``dead_letter_payload`` when that differs) with the attributes of the origin; for
             rules those of eventbridge.md 9.5, EXHAUSTED_RETRY_CONDITION only when a limit was reached.
    """
    if not delivery.dead_letter_arn:
        return None
    made = _BY_ORIGIN.get(delivery.origin, _of_any)(delivery, refused, retry_count, exhausted)
    return Delivery(
        delivery_id=delivery.delivery_id,
        scope=delivery.scope,
        origin=ORIGIN,
        source_arn=delivery.source_arn,
        target_arn=delivery.dead_letter_arn,
        payload=delivery.payload if delivery.dead_letter_payload is None else delivery.dead_letter_payload,
        created_ms=now_ms,
        parameters=delivery.parameters if delivery.origin in _KEEPING_PARAMETERS else {},
        attributes={**delivery.attributes, **made},
        event_id=delivery.event_id,
        hops=delivery.hops + 1,
        trace_header=delivery.trace_header,
        failure=None
        if made or delivery.event_id
        else Failure(
            delivery.target_arn, refused.code, refused.message[:MESSAGE_MAX], retry_count + 1, exhausted or ""
        ),
    )
