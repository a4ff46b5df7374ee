"""Counts of queues: kept by every way a message comes and goes, and estimated where a queue is too long to look at."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from bascule.engines.sqlite import SqliteStore, counting, open_store
from bascule.engines.sqlite.schema import migrations
from bascule.kernel.queues import NewMessage, QueueCounts
from bascule.kernel.store import Tx

Q, OTHER = "q", "other"
T0 = 1_700_000_000_000


def message(name: str, *, due_ms: int = T0, sent_ms: int = T0, group: str | None = None) -> NewMessage:
    return NewMessage(name, b"", sent_ms, due_ms, group=group, is_ordered=group is not None)


def put(store: SqliteStore, *messages: NewMessage) -> None:
    store.write(lambda tx: [tx.queues.put(Q, one) for one in messages])


def counts(store: SqliteStore, now_ms: int = T0, sent_after_ms: int = 0) -> tuple[int, int, int]:
    found: QueueCounts = store.read(lambda tx: tx.queues.counts(Q, now_ms=now_ms, sent_after_ms=sent_after_ms))
    return found.ready, found.leased, found.delayed


def kept(store: SqliteStore) -> dict[str, int]:
    return dict(store.writer._connection.execute("SELECT queue, count FROM message_count"))


def lease(store: SqliteStore, count_max: int, now_ms: int = T0) -> None:
    store.write(lambda tx: tx.queues.lease(Q, now_ms=now_ms, lease_ms=1_000, count_max=count_max))


class Undo(Exception):
    pass


def lease_and_settle(tx: Tx) -> None:
    [one] = tx.queues.lease(Q, now_ms=T0, lease_ms=9, count_max=1)
    assert tx.queues.settle(Q, one.message.sequence, one.token)


#: How messages go, and how many of four are left.
WAYS: dict[str, tuple[Callable[[Tx], object], int]] = {
    "settled by a lease": (lease_and_settle, 3),
    "settled without one": (lambda tx: tx.queues.settle(Q, tx.queues.peek(Q, count_max=1)[0].sequence, None), 3),
    "moved": (lambda tx: tx.queues.move(Q, tx.queues.peek(Q, count_max=1)[0].sequence, OTHER, due_ms=T0), 3),
    "moved into the same queue": (
        lambda tx: tx.queues.move(Q, tx.queues.peek(Q, count_max=1)[0].sequence, Q, due_ms=T0),
        4,
    ),
    "expired": (lambda tx: tx.queues.expire(Q, sent_before_ms=T0 + 1, count_max=3), 1),
    "purged": (lambda tx: tx.queues.purge(Q, count_max=2), 2),
    "settled twice": (lambda tx: (tx.queues.settle(Q, 1, None), tx.queues.settle(Q, 1, None)), 3),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("group", [None, "g"])
def test_however_a_message_goes_the_number_stays_right(way: str, group: str | None) -> None:
    store = open_store(None)
    put(store, *[message(str(n), group=group) for n in range(4)])
    command, left = WAYS[way]

    def undone(tx: Tx) -> None:
        tx.queues.put(Q, message("more", group=group))
        command(tx)
        raise Undo

    with pytest.raises(Undo):
        store.write(undone)
    assert sum(counts(store)) == 4
    store.write(command)
    assert sum(counts(store)) == left
    assert kept(store).get(OTHER, 0) == (way == "moved")
    store.close()


def test_a_purged_queue_leaves_nothing_behind() -> None:
    store = open_store(None)
    put(store, message("1"))
    assert store.write(lambda tx: tx.queues.purge(Q, count_max=10)) == 1
    assert kept(store) == {}
    store.close()


def test_a_database_of_an_older_program_is_counted_once(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    put(store, message("1"), message("2"))
    store.close()
    [database] = tmp_path.glob("*.db")
    connection = sqlite3.connect(database)
    assert "message_count" in migrations()[1]
    connection.executescript("DROP TABLE message_count; PRAGMA user_version = 1;")
    connection.close()
    again = open_store(tmp_path)
    assert counts(again) == (2, 0, 0)
    again.close()


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> SqliteStore:
    """A store that takes ten messages for very many."""
    for name in ("LATER_MAX", "ORDERED_MAX", "DUE_MAX", "EXPIRED_MAX", "SENT_MAX"):
        monkeypatch.setattr(counting, name, 10)
    return open_store(None)


def test_of_very_many_that_are_not_due_the_sum_is_right_and_the_shares_are_guessed(short: SqliteStore) -> None:
    put(short, *[message(str(n)) for n in range(20)], *[message(f"d{n}", due_ms=T0 + 2_000) for n in range(20)])
    lease(short, 15)
    assert counts(short) == (5, 35, 0)  # the ten that are due first are leased, so all seem to be
    assert counts(short, T0 + 1_500) == (30, 0, 10)  # many are ready and many delayed: what nobody looked at is ready
    short.close()


def test_of_very_many_in_ordered_groups_those_that_nobody_looked_at_are_ready(short: SqliteStore) -> None:
    put(short, *[message(str(n), group="g") for n in range(40)])
    assert counts(short) == (40, 0, 0)
    lease(short, 6)
    assert counts(short) == (34, 6, 0)
    short.close()


def test_of_very_many_expired_ones_some_still_count(short: SqliteStore) -> None:
    put(short, *[message(str(n), sent_ms=T0 - 5) for n in range(40)], message("young"))
    assert counts(short, sent_after_ms=T0 - 5) == (31, 0, 0)
    short.close()
