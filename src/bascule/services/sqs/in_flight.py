"""How many messages of a queue may still be received before the in-flight limit.

Counting leased messages at every receive would make a receive as dear as the queue is long. A bound is kept instead: the
last count plus all leases given since can only be too high. Only when it reaches the limit is the queue counted again, so
an answer of "over the limit" is always exact and the usual receive costs no count. The bound is a cache: losing it (a
restart, a transaction rolled back) costs one count and changes no answer.
"""

from __future__ import annotations

from collections import OrderedDict

from bascule.kernel.store import Tx
from bascule.services.sqs import limits
from bascule.services.sqs.model import Queue

_QUEUES_MAX = 10_000
_bounds: OrderedDict[str, int] = OrderedDict()


def allowance(tx: Tx, queue: Queue, *, now_ms: int, count_max: int) -> int:
    """How many of ``count_max`` messages may be received now; 0 at the limit."""
    bound = _bounds.get(queue.storage)
    if bound is None or bound + count_max > limits.IN_FLIGHT_MAX:
        bound = tx.queues.counts(queue.storage, now_ms=now_ms).leased
        _bounds[queue.storage] = bound
        _bounds.move_to_end(queue.storage)
        while len(_bounds) > _QUEUES_MAX:
            _bounds.popitem(last=False)
    return max(0, min(count_max, limits.IN_FLIGHT_MAX - bound))


def received(queue: Queue, count: int) -> None:
    """Messages of the queue were received."""
    bound = _bounds.get(queue.storage)
    if bound is not None:
        _bounds[queue.storage] = bound + count
