"""The queue port with ordered groups: strict order within a group, freedom between groups."""

from __future__ import annotations

from bascule.kernel.queues import Lease, NewMessage
from bascule.kernel.store import Store, Tx

Q = "sqs/fifo"
DLQ = "sqs/dead"
T0 = 1_700_000_000_000


def message(group: str, name: str, *, due_ms: int = T0, sent_ms: int = T0, is_ordered: bool = True) -> NewMessage:
    return NewMessage(
        message_id=group + name, body=b"", sent_ms=sent_ms, due_ms=due_ms, group=group, is_ordered=is_ordered
    )


def put(store: Store, *messages: NewMessage, queue: str = Q) -> list[int]:
    return store.write(lambda tx: [tx.queues.put(queue, one) for one in messages])


def lease(
    store: Store, *, now_ms: int = T0, count_max: int = 10, lease_ms: int = 1000, queue: str = Q, sent_after_ms: int = 0
) -> list[Lease]:
    def command(tx: Tx) -> list[Lease]:
        return tx.queues.lease(
            queue, now_ms=now_ms, lease_ms=lease_ms, count_max=count_max, sent_after_ms=sent_after_ms
        )

    return store.write(command)


def names(leases: list[Lease]) -> list[str]:
    return [one.message.message_id for one in leases]


def settle(store: Store, *leases: Lease) -> None:
    def command(tx: Tx) -> None:
        for one in leases:
            assert tx.queues.settle(Q, one.message.sequence, one.token)

    store.write(command)


def test_a_group_with_a_leased_message_is_not_offered_to_anyone(store: Store) -> None:
    put(store, message("a", "1"), message("a", "2"), message("b", "1"))
    first = lease(store, count_max=1)
    assert names(first) == ["a1"]
    assert names(lease(store)) == ["b1"]
    settle(store, *first)
    assert names(lease(store)) == ["a2"]


def test_several_of_one_group_may_be_leased_in_one_call_in_their_order(store: Store) -> None:
    put(store, *[message("a", str(n)) for n in range(6)])
    assert names(lease(store, count_max=4)) == ["a0", "a1", "a2", "a3"]
    assert lease(store) == []


def test_groups_share_a_lease_call_and_each_keeps_its_order(store: Store) -> None:
    put(store, *[message(group, str(n)) for n in range(3) for group in "abc"])
    leased = names(lease(store, count_max=9))
    assert sorted(leased) == sorted(f"{group}{n}" for n in range(3) for group in "abc")
    for group in "abc":
        assert [name for name in leased if name[0] == group] == [f"{group}{n}" for n in range(3)]


def test_as_many_of_one_group_as_possible_are_leased_before_another_group_is_begun(store: Store) -> None:
    put(store, *[message(group, str(n)) for n in range(3) for group in "abc"])
    assert names(lease(store, count_max=2)) == ["a0", "a1"]
    assert sorted(names(lease(store, count_max=4))) == ["b0", "b1", "b2", "c0"]


def test_a_delayed_message_blocks_the_later_ones_of_its_group(store: Store) -> None:
    put(store, message("a", "1", due_ms=T0 + 100), message("a", "2"), message("b", "1"))
    assert names(lease(store)) == ["b1"]
    assert names(lease(store, now_ms=T0 + 100)) == ["a1", "a2"]


def test_a_delayed_message_in_the_middle_ends_the_run_of_its_group(store: Store) -> None:
    put(store, message("a", "1"), message("a", "2", due_ms=T0 + 100), message("a", "3"))
    first = lease(store)
    assert names(first) == ["a1"]
    settle(store, *first)
    assert lease(store) == []
    assert names(lease(store, now_ms=T0 + 100)) == ["a2", "a3"]


def test_a_later_message_that_was_due_earlier_still_comes_later(store: Store) -> None:
    put(store, message("a", "1", due_ms=T0 + 50), message("a", "2", due_ms=T0), message("b", "1", due_ms=T0 + 10))
    assert names(lease(store, now_ms=T0 + 60)) == ["b1", "a1", "a2"]


def test_an_expired_lease_opens_the_group_from_its_first_message(store: Store) -> None:
    put(store, message("a", "1"), message("a", "2"), message("a", "3"))
    leased = lease(store, count_max=2, lease_ms=100)
    assert names(leased) == ["a1", "a2"]
    again = lease(store, now_ms=T0 + 100)
    assert names(again) == ["a1", "a2", "a3"]
    assert [one.message.attempt for one in again] == [2, 2, 1]


def test_a_released_first_message_waits_for_the_rest_of_its_group_that_is_leased(store: Store) -> None:
    put(store, message("a", "1"), message("a", "2"), message("b", "1"))
    first, _second = lease(store, count_max=3, lease_ms=500)[:2]
    assert store.write(lambda tx: tx.queues.release(Q, first.message.sequence, first.token, due_ms=T0))
    found = {one.message_id: one for one in store.read(lambda tx: tx.queues.peek(Q, count_max=9))}
    assert [name for name, one in found.items() if one.lease_token is None] == ["a1"]
    assert lease(store, now_ms=T0 + 499) == []
    assert store.read(lambda tx: tx.queues.next_due_ms(Q)) == T0 + 500
    assert "a1" in names(lease(store, now_ms=T0 + 500))


def test_settling_out_of_order_keeps_the_group_closed_until_the_last_lease_ends(store: Store) -> None:
    put(store, message("a", "1"), message("a", "2"), message("a", "3"))
    first, second = lease(store, count_max=2)
    settle(store, second)
    assert lease(store) == []
    settle(store, first)
    assert names(lease(store)) == ["a3"]


def test_leasing_and_settling_in_one_command_hands_the_group_on(store: Store) -> None:
    put(store, message("a", "1"), message("a", "2"))

    def command(tx: Tx) -> list[str]:
        [one] = tx.queues.lease(Q, now_ms=T0, lease_ms=10, count_max=1)
        assert tx.queues.settle(Q, one.message.sequence, one.token)
        tx.queues.put(Q, message("a", "3"))
        return names(tx.queues.lease(Q, now_ms=T0, lease_ms=10, count_max=9))

    assert store.write(command) == ["a2", "a3"]


def test_however_the_first_message_goes_the_next_takes_its_place(store: Store) -> None:
    sequences = put(store, *[message("a", str(n), sent_ms=T0 + n) for n in range(5)])
    assert store.write(lambda tx: tx.queues.settle(Q, sequences[0], None))
    assert store.write(lambda tx: tx.queues.move(Q, sequences[1], DLQ, due_ms=T0))
    assert store.write(lambda tx: tx.queues.expire(Q, sent_before_ms=T0 + 3, count_max=10)) == 1
    assert names(lease(store, now_ms=T0 + 4)) == ["a3", "a4"]


def test_purging_part_of_a_group_leaves_the_rest_leasable(store: Store) -> None:
    put(store, *[message("a", str(n)) for n in range(5)])
    assert store.write(lambda tx: tx.queues.purge(Q, count_max=3)) == 3
    assert len(lease(store)) == 2


def test_an_expired_message_does_not_block_its_group(store: Store) -> None:
    put(store, message("a", "1", sent_ms=T0 - 100, due_ms=T0 + 900), message("a", "2"), message("a", "3"))
    assert names(lease(store, sent_after_ms=T0 - 50)) == ["a2", "a3"]


def test_a_moved_message_joins_the_end_of_its_group_in_the_other_queue(store: Store) -> None:
    first, second = put(store, message("a", "1"), message("a", "2"))
    put(store, message("a", "0"), queue=DLQ)
    for sequence in (second, first):
        assert store.write(lambda tx, s=sequence: tx.queues.move(Q, s, DLQ, due_ms=T0))
    assert names(lease(store, queue=DLQ)) == ["a0", "a2", "a1"]
    assert lease(store) == []


def test_a_message_moved_within_its_queue_goes_to_the_end_of_its_group(store: Store) -> None:
    first, _ = put(store, message("a", "1"), message("a", "2"))
    assert store.write(lambda tx: tx.queues.move(Q, first, Q, due_ms=T0))
    assert names(lease(store)) == ["a2", "a1"]


def test_the_same_group_in_two_queues_is_two_groups(store: Store) -> None:
    put(store, message("a", "1"))
    put(store, message("a", "2"), queue=DLQ)
    lease(store)
    assert names(lease(store, queue=DLQ)) == ["a2"]


def test_unordered_messages_with_a_group_do_not_wait_for_each_other(store: Store) -> None:
    put(store, message("a", "1", is_ordered=False), message("a", "2", is_ordered=False))
    assert names(lease(store, count_max=1)) == ["a1"]
    [second] = lease(store, count_max=1)
    assert (second.message.message_id, second.message.group) == ("a2", "a")


def test_counts_include_the_messages_behind_the_first_of_a_group(store: Store) -> None:
    put(store, *[message("a", str(n)) for n in range(4)], message("a", "late", due_ms=T0 + 5), message("b", "1"))
    lease(store, count_max=1)
    found = store.read(lambda tx: tx.queues.counts(Q, now_ms=T0))
    assert (found.ready, found.leased, found.delayed) == (4, 1, 1)
