"""HTTP deliveries that wait for another attempt, for ``bascule retries``."""

from __future__ import annotations

import msgspec

from bascule.kernel.store import Tx
from bascule.services.sns import state
from bascule.services.sns.fan_out import ORIGIN
from bascule.services.sns.http_rows import queue_of, unpack


class WaitingRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request that was refused and will be made again, in the words of a delivery that waits."""

    delivery_id: str
    event_id: str
    source_arn: str
    target_arn: str
    try_count: int
    due_ms: int
    origin: str = ORIGIN
    #: How long it is tried is a matter of attempts, not of time.
    expires_ms: int | None = None
    #: What the end point answered is in the log and the story, not in the row.
    code: str = ""
    message: str = ""


def waiting_requests(tx: Tx, *, count_max: int) -> list[WaitingRequest]:
    """Up to ``count_max`` requests that wait for another attempt, soonest first; of long queues, the oldest."""
    found: list[WaitingRequest] = []
    for subscription in state.lanes(tx):
        for message in tx.queues.peek(queue_of(subscription.uuid), count_max=count_max):
            row = unpack(message.headers)
            if message.lease_token is None and row.failure_count:
                found.append(
                    WaitingRequest(
                        delivery_id=message.message_id,
                        event_id=row.event_id,
                        source_arn=subscription.topic_arn,
                        target_arn=subscription.endpoint,
                        try_count=row.failure_count,
                        due_ms=message.due_ms,
                    )
                )
    return sorted(found, key=lambda one: one.due_ms)[:count_max]
