"""How many messages of a queue are ready, leased and delayed, without reading a long queue.

How many there are at all is kept (``message_count``); what is not due yet is counted, and the rest is ready. What is counted
is bounded: a queue within the bounds is counted exactly, and beyond them the answer is an estimate, as SQS's own counts are.
"""

from __future__ import annotations

from bascule.engines.sqlite.session import Session
from bascule.engines.sqlite.statements import load_statements

_SQL = load_statements("queues")
#: Messages not due yet that are counted; more than may be in flight in an SQS queue, so those are counted exactly. count
LATER_MAX = 130_000
#: Messages counted of ordered groups, of those due, and of the expired by state and at all; about 20 ms each at most. count
ORDERED_MAX = 50_000
DUE_MAX = 50_000
EXPIRED_MAX = 10_000
SENT_MAX = 250_000


def counted(session: Session, queue: str, *, now_ms: int, sent_after_ms: int) -> tuple[int, int, int]:
    """(ready, leased, delayed) of the messages sent after ``sent_after_ms``.

    Gives    exact numbers while at most ``LATER_MAX`` messages are not due, ``ORDERED_MAX`` are in ordered groups and
             ``EXPIRED_MAX`` have expired and are still there. Beyond: of many that are not due, as many leased as among those
             counted; of many in ordered groups, those that nobody looked at are ready; of many expired, those that nobody
             looked at were ready or are not yet left out.
    """
    named = {
        "queue": queue,
        "now_ms": now_ms,
        "sent_after_ms": sent_after_ms,
        "later_max": LATER_MAX,
        "ordered_max": ORDERED_MAX,
        "due_max": DUE_MAX,
        "expired_max": EXPIRED_MAX,
        "sent_max": SENT_MAX,
    }

    def ask(name: str) -> tuple[int, ...]:
        return tuple(map(int, session.rows(_SQL[name], named).fetchone()))

    if not (kept := session.rows(_SQL["count"], named).fetchone()):
        return 0, 0, 0
    total = kept[0]
    later, leased = ask("count_later")
    ordered, behind_later, behind_leased = ask("count_ordered")
    if later == LATER_MAX:
        (due,) = ask("count_due")
        if due < DUE_MAX:
            leased, later = leased * (total - ordered - due) // later, total - ordered - due
    if ordered == ORDERED_MAX:
        behind_leased = max(0, ask("count_ordered_leased")[0] - leased)
        behind_later = max(behind_later, behind_leased)
    later, leased = later + behind_later, leased + behind_leased
    if sent_after_ms > 0:
        expired, expired_leased, expired_delayed = ask("count_expired")
        leased -= expired_leased
        later -= expired_leased + expired_delayed
        total -= ask("count_sent_by")[0] if expired == EXPIRED_MAX else expired
    return max(0, total - later), max(0, leased), max(0, later - leased)
