"""The log port: append, read both ways, trim, drop."""

from __future__ import annotations

import pytest

from bascule.kernel.store import Store, Tx

LOG = "logs/one"


def append(store: Store, *records: tuple[int, bytes], log: str = LOG) -> None:
    store.write(lambda tx: tx.logs.append(log, records))


def bodies(store: Store, log: str = LOG) -> list[bytes]:
    return [one.body for one in store.read(lambda tx: tx.logs.read(log))]


def test_records_are_read_in_the_order_of_their_appends(store: Store) -> None:
    append(store, (5, b"a"), (3, b"\x00\xff"))
    append(store, (4, b""))
    found = store.read(lambda tx: tx.logs.read(LOG))
    assert [(one.at_ms, one.body) for one in found] == [(5, b"a"), (3, b"\x00\xff"), (4, b"")]
    sequences = [one.sequence for one in found]
    assert sequences == sorted(set(sequences))
    assert sequences[0] > 0


def test_a_reader_goes_on_after_a_sequence_number(store: Store) -> None:
    append(store, *[(n, str(n).encode()) for n in range(10)])
    seen: list[bytes] = []
    after = 0
    while page := store.read(lambda tx, a=after: tx.logs.read(LOG, after=a, count_max=4)):
        seen += [one.body for one in page]
        after = page[-1].sequence
    assert seen == [str(n).encode() for n in range(10)]


def test_a_log_is_read_backwards_from_its_end_or_a_place(store: Store) -> None:
    append(store, (1, b"a"), (2, b"b"), (3, b"c"))
    newest = store.read(lambda tx: tx.logs.read_back(LOG, count_max=2))
    assert [one.body for one in newest] == [b"c", b"b"]
    rest = store.read(lambda tx: tx.logs.read_back(LOG, before=newest[-1].sequence))
    assert [one.body for one in rest] == [b"a"]


def test_logs_do_not_see_each_other(store: Store) -> None:
    append(store, (1, b"a"))
    append(store, (1, b"b"), log="logs/two")
    assert (bodies(store), bodies(store, "logs/two"), bodies(store, "logs/none")) == ([b"a"], [b"b"], [])


def test_trim_removes_records_older_than_a_moment_also_out_of_order(store: Store) -> None:
    append(store, (10, b"a"), (30, b"b"), (20, b"c"), (5, b"d"))
    assert store.write(lambda tx: tx.logs.trim(LOG, before_ms=20)) == 2
    assert bodies(store) == [b"b", b"c"]
    assert store.write(lambda tx: tx.logs.trim(LOG, before_ms=20)) == 0


def test_trim_is_bounded(store: Store) -> None:
    append(store, *[(n, b"") for n in range(10)])
    assert [store.write(lambda tx: tx.logs.trim(LOG, before_ms=9, count_max=5)) for _ in range(3)] == [5, 4, 0]


def test_drop_removes_a_log_whole_and_its_numbers_are_not_given_again(store: Store) -> None:
    append(store, (1, b"a"), (2, b"b"))
    append(store, (1, b"other"), log="logs/two")
    last = store.read(lambda tx: tx.logs.read(LOG))[-1].sequence
    assert store.write(lambda tx: tx.logs.drop(LOG)) == 2
    assert store.write(lambda tx: tx.logs.drop(LOG)) == 0
    append(store, (3, b"c"))
    assert store.read(lambda tx: tx.logs.read(LOG))[0].sequence > last
    assert bodies(store, "logs/two") == [b"other"]


def test_a_command_reads_what_it_appended(store: Store) -> None:
    def command(tx: Tx) -> list[bytes]:
        tx.logs.append(LOG, [(1, b"a")])
        tx.logs.append(LOG, iter([(2, b"b")]))
        return [one.body for one in tx.logs.read(LOG)]

    assert store.write(command) == [b"a", b"b"]


@pytest.mark.parametrize("count", [1, 2, 3, 63, 64, 65, 255, 256, 257, 1000])
def test_any_number_of_records_is_appended_in_order(store: Store, count: int) -> None:
    append(store, *[(n, str(n).encode()) for n in range(count)])
    assert [one.at_ms for one in store.read(lambda tx: tx.logs.read(LOG, count_max=5000))] == list(range(count))


def test_followers_see_every_record_of_a_family_of_logs_once_in_the_order_of_commits(store: Store) -> None:
    assert store.read(lambda tx: tx.logs.position()) == 0
    store.write(lambda tx: tx.logs.append("a/1", [(50, b"first"), (40, b"second")]))
    store.write(lambda tx: tx.logs.append("b", [(1, b"else")]))
    store.write(lambda tx: tx.logs.append("a/2", [(10, b"third")]))
    found = store.read(lambda tx: tx.logs.follow("a/", after=0, count_max=9))
    assert [(log, one.at_ms, one.body) for log, one in found.records] == [
        ("a/1", 50, b"first"),
        ("a/1", 40, b"second"),
        ("a/2", 10, b"third"),
    ]
    assert found.is_end
    assert found.position == store.read(lambda tx: tx.logs.position()) == found.records[-1][1].sequence
    again = store.read(lambda tx: tx.logs.follow("a/", after=found.position, count_max=9))
    assert (again.records, again.position) == ([], found.position)


def test_a_follower_looks_at_no_more_records_than_it_asked_for_and_gets_on(store: Store) -> None:
    store.write(lambda tx: tx.logs.append("b", [(1, b"else")] * 5))
    store.write(lambda tx: tx.logs.append("a", [(1, b"mine")]))
    first = store.read(lambda tx: tx.logs.follow("a", after=0, count_max=4))
    assert (first.records, first.is_end) == ([], False)
    second = store.read(lambda tx: tx.logs.follow("a", after=first.position, count_max=4))
    assert ([one.body for _, one in second.records], second.is_end) == ([b"mine"], True)
