"""What was lost: the last deliveries that ended nowhere, on disk, for ``bascule dlq lost``.

The story of an event says it, too; but a record of a direct invocation, or a message that was published, has no story, and a loss
that only a counter and a line of the log know of is as good as silent. Bounded: old losses make room for new ones.
"""

from __future__ import annotations

import msgspec

from bascule.delivery.limits import LOSSES_KEPT, LOSSES_TRIMMED_AFTER, MESSAGE_MAX
from bascule.kernel.delivery import Delivery, Refused
from bascule.kernel.store import Tx

LOG = "delivery/lost"


class Lost(msgspec.Struct, frozen=True):
    """A delivery that ended nowhere. ``reason``: why no dead letter is left of it."""

    at_ms: int
    origin: str
    source_arn: str
    target_arn: str
    code: str
    message: str
    reason: str
    event_id: str
    bytes: int
    #: How the payload begins.
    body: str


_encode = msgspec.msgpack.Encoder().encode
_lost = msgspec.msgpack.Decoder(Lost).decode
#: Bytes of the payload that are kept. A record names its request in them. bytes
_BODY_KEPT = 512


class Losses:
    """Writes and reads what was lost; the engine owns the only one."""

    def __init__(self) -> None:
        self._since_trim = 0

    def add(self, tx: Tx, at_ms: int, delivery: Delivery, refused: Refused, reason: str) -> None:
        """Keep one more, in the transaction that decides that it is lost."""
        lost = Lost(
            at_ms=at_ms,
            origin=delivery.origin,
            source_arn=delivery.source_arn,
            target_arn=delivery.target_arn,
            code=refused.code,
            message=refused.message[:MESSAGE_MAX],
            reason=reason,
            event_id=delivery.event_id,
            bytes=len(delivery.payload),
            body=delivery.payload[:_BODY_KEPT].decode("utf-8", "replace"),
        )
        tx.logs.append(LOG, ((at_ms, _encode(lost)),))
        self._since_trim += 1
        if self._since_trim >= LOSSES_TRIMMED_AFTER:
            self._since_trim = 0
            kept = tx.logs.read_back(LOG, count_max=LOSSES_KEPT)
            tx.logs.trim(LOG, before_ms=kept[-1].at_ms)

    def last(self, tx: Tx, count_max: int) -> list[Lost]:
        """The newest first."""
        return [_lost(record.body) for record in tx.logs.read_back(LOG, count_max=count_max)]
