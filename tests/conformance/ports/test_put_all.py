"""Many unordered messages put at once are the same as one after another."""

from __future__ import annotations

from bascule.kernel.queues import NewMessage
from bascule.kernel.store import Store

T0 = 1_700_000_000_000


def test_messages_put_at_once_are_leased_in_order(store: Store) -> None:
    messages = [NewMessage(f"m{n}", b"body %d" % n, T0, T0, b"h", "group") for n in range(600)]
    store.write(lambda tx: tx.queues.put_all("q", messages))
    leases = store.write(lambda tx: tx.queues.lease("q", now_ms=T0, lease_ms=1000, count_max=600))
    assert [(one.message.message_id, one.message.body, one.message.group) for one in leases] == [
        (message.message_id, message.body, "group") for message in messages
    ]


def test_a_message_put_with_others_waits_for_its_own_time_and_never_for_one_before_it_was_sent(store: Store) -> None:
    late, early = NewMessage("late", b"l", T0, T0 + 5000), NewMessage("early", b"e", T0, T0 - 5000)
    store.write(lambda tx: tx.queues.put_all("q", [late, early]))
    leases = store.write(lambda tx: tx.queues.lease("q", now_ms=T0, lease_ms=1000, count_max=10))
    assert [one.message.message_id for one in leases] == ["early"]
    assert store.read(lambda tx: tx.queues.counts("q", now_ms=T0)).delayed == 1
