"""The queue port: put, lease, extend, release, settle, move, count."""

from __future__ import annotations

import pytest

from bascule.kernel.queues import Lease, NewMessage, QueueCounts
from bascule.kernel.store import Store, Tx

Q = "sqs/one"
OTHER = "sqs/two"
T0 = 1_700_000_000_000


def message(
    name: str, *, due_ms: int = T0, sent_ms: int = T0, body: bytes = b"body", headers: bytes = b""
) -> NewMessage:
    return NewMessage(message_id=name, body=body, sent_ms=sent_ms, due_ms=due_ms, headers=headers)


def put(store: Store, *messages: NewMessage, queue: str = Q) -> list[int]:
    return store.write(lambda tx: [tx.queues.put(queue, one) for one in messages])


def lease(store: Store, *, now_ms: int = T0, lease_ms: int = 1000, count_max: int = 10, queue: str = Q) -> list[Lease]:
    return store.write(lambda tx: tx.queues.lease(queue, now_ms=now_ms, lease_ms=lease_ms, count_max=count_max))


def names(leases: list[Lease]) -> list[str]:
    return [one.message.message_id for one in leases]


def counts(store: Store, now_ms: int = T0, queue: str = Q) -> QueueCounts:
    return store.read(lambda tx: tx.queues.counts(queue, now_ms=now_ms))


def test_a_leased_message_carries_all_that_was_put(store: Store) -> None:
    body, headers = bytes(range(256)), b"\x00\xffheaders"
    [sequence] = put(store, message("m", body=body, headers=headers, sent_ms=T0 - 5))
    [one] = lease(store)
    assert (one.message.sequence, one.message.message_id) == (sequence, "m")
    assert (one.message.body, one.message.headers, one.message.group) == (body, headers, None)
    assert (one.message.sent_ms, one.message.attempt, one.message.first_leased_ms) == (T0 - 5, 1, T0)
    assert one.until_ms == T0 + 1000
    assert store.read(lambda tx: tx.queues.find(Q, sequence)) == one.message


def test_bodies_of_one_lease_are_not_mixed_up(store: Store) -> None:
    bodies = [b"", b"a", b"\x00", b"\xff\xfe", "ä€😀".encode(), b"", b"x" * 70_000]
    put(store, *[message(str(n), body=body, headers=body[::-1]) for n, body in enumerate(bodies)])
    found = lease(store)
    assert [one.message.body for one in found] == bodies
    assert [one.message.headers for one in found] == [body[::-1] for body in bodies]


def test_messages_are_leased_by_due_time_then_in_the_order_of_their_puts(store: Store) -> None:
    early = message("early", sent_ms=T0 - 9, due_ms=T0 - 5)
    put(store, message("late", due_ms=T0 + 5), message("first"), message("second"), early)
    assert names(lease(store, now_ms=T0 + 10)) == ["early", "first", "second", "late"]


def test_a_message_is_not_offered_before_it_is_due(store: Store) -> None:
    put(store, message("m", due_ms=T0 + 100))
    assert lease(store, now_ms=T0 + 99) == []
    assert names(lease(store, now_ms=T0 + 100)) == ["m"]


def test_a_lease_hides_the_message_and_no_more_than_asked_for_is_given(store: Store) -> None:
    put(store, *[message(str(n)) for n in range(5)])
    assert names(lease(store, count_max=3)) == ["0", "1", "2"]
    assert names(lease(store, count_max=3)) == ["3", "4"]
    assert lease(store) == []


def test_expired_lease_is_offered_again_with_attempt_plus_one(store: Store) -> None:
    put(store, message("m"))
    [first] = lease(store, lease_ms=1000)
    assert lease(store, now_ms=T0 + 999) == []
    [second] = lease(store, now_ms=T0 + 1000)
    assert (second.message.attempt, second.message.first_leased_ms) == (2, T0)
    assert second.token != first.token


def test_a_thousand_messages_can_be_leased_at_once(store: Store) -> None:
    put(store, *[message(str(n)) for n in range(1200)])
    found = lease(store, count_max=1000)
    assert names(found) == [str(n) for n in range(1000)]


def test_queues_do_not_see_each_other(store: Store) -> None:
    put(store, message("a"))
    put(store, message("b"), queue=OTHER)
    assert names(lease(store, queue=OTHER)) == ["b"]
    assert names(lease(store)) == ["a"]


def test_a_settled_message_is_gone(store: Store) -> None:
    [sequence] = put(store, message("m"))
    [one] = lease(store)
    assert store.write(lambda tx: tx.queues.settle(Q, sequence, one.token)) is True
    assert store.write(lambda tx: tx.queues.settle(Q, sequence, one.token)) is False
    assert store.read(lambda tx: tx.queues.find(Q, sequence)) is None
    assert lease(store, now_ms=T0 + 10_000) == []


def test_an_expired_lease_that_nobody_took_over_still_settles(store: Store) -> None:
    [sequence] = put(store, message("m"))
    [one] = lease(store, lease_ms=0)
    assert store.write(lambda tx: tx.queues.settle(Q, sequence, one.token)) is True


def test_only_the_newest_lease_may_settle_extend_or_release(store: Store) -> None:
    [sequence] = put(store, message("m"))
    [stale] = lease(store, lease_ms=10)
    [fresh] = lease(store, now_ms=T0 + 10)
    for token in (stale.token, "", "x", f"{sequence}.", f"{sequence}.-1", f"{sequence + 1}.2", f"{sequence}.0"):
        assert store.write(lambda tx, t=token: tx.queues.settle(Q, sequence, t)) is False
        assert store.write(lambda tx, t=token: tx.queues.extend(Q, sequence, t, until_ms=T0)) is False
        assert store.write(lambda tx, t=token: tx.queues.release(Q, sequence, t, due_ms=T0)) is False
    assert store.write(lambda tx: tx.queues.settle(OTHER, sequence, fresh.token)) is False
    assert store.write(lambda tx: tx.queues.settle(Q, sequence, fresh.token)) is True


def test_settling_without_a_token_removes_whoever_holds_it(store: Store) -> None:
    free, held = put(store, message("free", due_ms=T0 + 9), message("held"))
    lease(store)
    assert store.write(lambda tx: [tx.queues.settle(Q, one, None) for one in (free, held, 999)]) == [True, True, False]
    assert counts(store) == QueueCounts(0, 0, 0, None)


def test_a_lease_can_be_made_longer_and_ended_early(store: Store) -> None:
    [sequence] = put(store, message("m"))
    [one] = lease(store, lease_ms=10)
    assert store.write(lambda tx: tx.queues.extend(Q, sequence, one.token, until_ms=T0 + 500)) is True
    assert lease(store, now_ms=T0 + 499) == []
    assert store.write(lambda tx: tx.queues.extend(Q, sequence, one.token, until_ms=T0)) is True
    assert names(lease(store)) == ["m"]


def test_released_message_is_due_at_the_given_time_with_new_headers(store: Store) -> None:
    [sequence] = put(store, message("m", headers=b"old"))
    [one] = lease(store)
    assert store.write(lambda tx: tx.queues.release(Q, sequence, one.token, due_ms=T0 + 50, headers=b"new")) is True
    assert store.write(lambda tx: tx.queues.release(Q, sequence, one.token, due_ms=T0)) is False
    found = store.read(lambda tx: tx.queues.find(Q, sequence))
    assert found is not None
    assert (found.lease_token, found.headers, found.attempt, found.due_ms) == (None, b"new", 1, T0 + 50)
    assert lease(store, now_ms=T0 + 49) == []
    [again] = lease(store, now_ms=T0 + 50)
    assert (again.message.headers, again.message.attempt) == (b"new", 2)


def test_release_without_headers_keeps_them(store: Store) -> None:
    [sequence] = put(store, message("m", headers=b"old"))
    [one] = lease(store)
    assert store.write(lambda tx: tx.queues.release(Q, sequence, one.token, due_ms=T0)) is True
    assert lease(store)[0].message.headers == b"old"


def test_a_moved_message_keeps_id_body_and_sent_time_and_starts_anew(store: Store) -> None:
    [sequence] = put(store, message("m", sent_ms=T0 - 7, headers=b"h", body=b"payload"))
    lease(store)
    assert store.write(lambda tx: tx.queues.move(Q, sequence, OTHER, due_ms=T0 + 1)) is True
    assert store.write(lambda tx: tx.queues.move(Q, sequence, OTHER, due_ms=T0 + 1)) is False
    [moved] = store.read(lambda tx: tx.queues.peek(OTHER, count_max=5))
    assert moved.sequence > sequence
    assert (moved.message_id, moved.body, moved.headers, moved.sent_ms) == ("m", b"payload", b"h", T0 - 7)
    assert (moved.attempt, moved.first_leased_ms, moved.lease_token, moved.due_ms) == (0, None, None, T0 + 1)
    assert store.read(lambda tx: tx.queues.peek(Q, count_max=5)) == []


def test_a_move_may_change_the_headers(store: Store) -> None:
    [sequence] = put(store, message("m", headers=b"h"))
    assert store.write(lambda tx: tx.queues.move(Q, sequence, OTHER, due_ms=T0, headers=b"why")) is True
    assert lease(store, queue=OTHER)[0].message.headers == b"why"


def test_sequences_increase_over_all_queues_and_are_never_given_twice(store: Store) -> None:
    given = put(store, message("a"), message("b")) + put(store, message("c"), queue=OTHER)
    store.write(lambda tx: tx.queues.purge(OTHER, count_max=10))
    given += put(store, message("d"))
    assert given == sorted(set(given))


def test_peek_shows_messages_by_sequence_and_touches_none(store: Store) -> None:
    put(store, message("late", due_ms=T0 + 99, sent_ms=T0 + 3), message("leased", sent_ms=T0 + 2), message("last"))
    lease(store, count_max=1)
    shown = store.read(lambda tx: tx.queues.peek(Q, count_max=10))
    assert [one.message_id for one in shown] == ["late", "leased", "last"]
    rest = store.read(lambda tx: tx.queues.peek(Q, count_max=1, after_sequence=shown[0].sequence))
    assert rest == shown[1:2]
    assert counts(store).leased == 1


def test_counts_tell_ready_leased_and_delayed_apart(store: Store) -> None:
    assert counts(store) == QueueCounts(0, 0, 0, None)
    put(store, message("a", sent_ms=T0 - 50), message("b"), message("c"), message("later", due_ms=T0 + 100))
    lease(store, count_max=1, lease_ms=50)
    assert counts(store) == QueueCounts(ready=2, leased=1, delayed=1, oldest_sent_ms=T0 - 50)
    assert counts(store, T0 + 50) == QueueCounts(ready=3, leased=0, delayed=1, oldest_sent_ms=T0 - 50)
    assert counts(store, T0 + 100) == QueueCounts(ready=4, leased=0, delayed=0, oldest_sent_ms=T0 - 50)


def test_expired_messages_are_neither_given_nor_counted(store: Store) -> None:
    put(store, message("old", sent_ms=T0 - 10), message("older", sent_ms=T0 - 20), message("young", sent_ms=T0 - 9))
    found = store.read(lambda tx: tx.queues.counts(Q, now_ms=T0, sent_after_ms=T0 - 10))
    assert found == QueueCounts(1, 0, 0, T0 - 9)
    leases = store.write(lambda tx: tx.queues.lease(Q, now_ms=T0, lease_ms=9, count_max=9, sent_after_ms=T0 - 10))
    assert names(leases) == ["young"]


def test_expire_removes_what_was_sent_before_a_moment(store: Store) -> None:
    put(store, *[message(str(n), sent_ms=T0 + n) for n in (5, 1, 3, 2, 4)])
    assert store.write(lambda tx: tx.queues.expire(Q, sent_before_ms=T0 + 4, count_max=2)) == 2
    assert store.write(lambda tx: tx.queues.expire(Q, sent_before_ms=T0 + 4, count_max=2)) == 1
    assert store.write(lambda tx: tx.queues.expire(Q, sent_before_ms=T0 + 4, count_max=2)) == 0
    assert names(lease(store, now_ms=T0 + 5)) == ["4", "5"]


def test_no_message_is_due_before_it_was_sent(store: Store) -> None:
    [sequence] = put(store, message("m", due_ms=T0 - 5))
    assert store.read(lambda tx: tx.queues.next_due_ms(Q)) == T0
    [one] = lease(store)
    assert store.write(lambda tx: tx.queues.extend(Q, sequence, one.token, until_ms=0))
    assert store.read(lambda tx: tx.queues.next_due_ms(Q)) == T0
    [one] = lease(store)
    assert store.write(lambda tx: tx.queues.release(Q, sequence, one.token, due_ms=0))
    assert store.write(lambda tx: tx.queues.move(Q, sequence, OTHER, due_ms=0))
    assert store.read(lambda tx: tx.queues.next_due_ms(OTHER)) == T0


def test_purge_removes_messages_in_any_state_and_is_bounded(store: Store) -> None:
    put(store, message("a"), message("b"), message("later", due_ms=T0 + 100))
    put(store, message("stays"), queue=OTHER)
    lease(store, count_max=1)
    assert [store.write(lambda tx: tx.queues.purge(Q, count_max=2)) for _ in range(3)] == [2, 1, 0]
    assert counts(store, queue=OTHER).ready == 1


def test_next_due_is_the_earliest_of_due_times_and_ends_of_leases(store: Store) -> None:
    def due() -> int | None:
        return store.read(lambda tx: tx.queues.next_due_ms(Q))

    assert due() is None
    put(store, message("a", due_ms=T0 + 100))
    assert due() == T0 + 100
    put(store, message("b", due_ms=T0 + 50))
    assert due() == T0 + 50
    lease(store, now_ms=T0 + 50, lease_ms=70)
    assert due() == T0 + 100


def test_a_command_sees_what_it_put_leased_and_settled(store: Store) -> None:
    def command(tx: Tx) -> list[object]:
        tx.queues.put(Q, message("a"))
        tx.queues.put(Q, message("b"))
        first = tx.queues.lease(Q, now_ms=T0, lease_ms=10, count_max=1)
        seen: list[object] = [names(first), tx.queues.counts(Q, now_ms=T0)]
        seen.append(tx.queues.settle(Q, first[0].message.sequence, first[0].token))
        seen.append(tx.queues.settle(Q, first[0].message.sequence, first[0].token))
        seen.append([one.message_id for one in tx.queues.peek(Q, count_max=9)])
        seen.append(tx.queues.next_due_ms(Q))
        tx.queues.put(Q, message("c"))
        seen.append(names(tx.queues.lease(Q, now_ms=T0, lease_ms=10, count_max=9)))
        return seen

    assert store.write(command) == [["a"], QueueCounts(1, 1, 0, T0), True, False, ["b"], T0, ["b", "c"]]


def test_a_sent_key_is_a_duplicate_within_its_interval(store: Store) -> None:
    def remember(tx: Tx) -> tuple[str, int] | None:
        tx.queues.deduplicate(Q, "key", message_id="m", sequence=7, now_ms=T0, keep_ms=100)
        return tx.queues.duplicate_of(Q, "key", now_ms=T0)

    assert store.read(lambda tx: tx.queues.duplicate_of(Q, "key", now_ms=T0)) is None
    assert store.write(remember) == ("m", 7)
    assert store.write(lambda tx: tx.queues.duplicate_of(Q, "key", now_ms=T0 + 99)) == ("m", 7)
    assert store.read(lambda tx: tx.queues.duplicate_of(Q, "key", now_ms=T0 + 100)) is None
    assert store.read(lambda tx: tx.queues.duplicate_of(OTHER, "key", now_ms=T0)) is None
    assert store.read(lambda tx: tx.queues.duplicate_of(Q, "other", now_ms=T0)) is None


def test_a_key_sent_again_after_its_interval_counts_anew(store: Store) -> None:
    for number, now_ms in ((1, T0), (2, T0 + 100)):
        store.write(
            lambda tx, n=number, at=now_ms: tx.queues.deduplicate(
                Q, "key", message_id=f"m{n}", sequence=n, now_ms=at, keep_ms=100
            )
        )
    assert store.read(lambda tx: tx.queues.duplicate_of(Q, "key", now_ms=T0 + 150)) == ("m2", 2)


@pytest.mark.parametrize("verb", ["put", "release", "extend", "settle", "move"])
def test_what_can_make_a_message_leasable_signals_its_queue(store: Store, verb: str) -> None:
    [sequence] = put(store, message("m"))
    [one] = lease(store)
    heard: list[frozenset[str]] = []
    store.on_signal(heard.append)
    verbs = {
        "put": lambda tx: tx.queues.put(Q, message("n")),
        "release": lambda tx: tx.queues.release(Q, sequence, one.token, due_ms=T0),
        "extend": lambda tx: tx.queues.extend(Q, sequence, one.token, until_ms=T0),
        "settle": lambda tx: tx.queues.settle(Q, sequence, one.token),
        "move": lambda tx: tx.queues.move(Q, sequence, OTHER, due_ms=T0),
    }
    store.write(verbs[verb])
    store.write(lambda tx: None)
    assert heard
    assert f"queue:{OTHER if verb == 'move' else Q}" in heard[0]
