"""The store itself: isolation, order, roll-back, snapshots, signals and what runs after a commit."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from bascule.kernel.documents import DocumentKey
from bascule.kernel.queues import NewMessage
from bascule.kernel.scope import Scope
from bascule.kernel.store import Outcome, Store, StoreBusy, StoreClosed, Tx

A = DocumentKey("test.thing", Scope(), "", "a")
B = DocumentKey("test.thing", Scope(), "", "b")
Q = "sqs/one"
T0 = 1_700_000_000_000
MESSAGE = NewMessage(message_id="m", body=b"body", sent_ms=T0, due_ms=T0)


class Refused(Exception):
    """A command's own failure."""


def held_group(store: Store, commands: list[Callable[[Tx], object]]) -> list[Outcome]:
    """Run ``commands`` as one group: they are submitted while the writer is busy with a first one."""
    gate = threading.Event()
    entered = threading.Event()
    finished = threading.Event()
    outcomes: list[Outcome] = []

    def first(tx: Tx) -> None:
        entered.set()
        assert gate.wait(10)

    def done(outcome: Outcome) -> None:
        outcomes.append(outcome)
        if len(outcomes) == len(commands):
            finished.set()

    store.submit(first, lambda outcome: None)
    assert entered.wait(10)
    for command in commands:
        store.submit(command, done)
    gate.set()
    assert finished.wait(10)
    return outcomes


def write_everything(tx: Tx) -> str:
    tx.documents.put(A, b"changed")
    tx.documents.delete(B)
    tx.queues.put(Q, MESSAGE)
    tx.logs.append("log", [(T0, b"record")])
    tx.queues.deduplicate(Q, "key", message_id="m", sequence=1, now_ms=T0, keep_ms=100)
    tx.notify("signal")
    return "value"


def refuse(after: Callable[[Tx], object]) -> Callable[[Tx], object]:
    def command(tx: Tx) -> None:
        after(tx)
        raise Refused

    return command


def look_at_everything(tx: Tx) -> None:
    assert tx.queues.counts(Q, now_ms=T0).ready
    assert tx.logs.read("log")
    assert tx.documents.page("test.thing", Scope(), "")


def write_and_look(tx: Tx) -> str:
    value = write_everything(tx)
    look_at_everything(tx)
    return value


def state(store: Store) -> tuple[object, ...]:
    return store.read(
        lambda tx: (
            tx.documents.get(A),
            tx.documents.get(B),
            tx.documents.page("test.thing", Scope(), ""),
            len(tx.queues.peek(Q, count_max=99)),
            [one.body for one in tx.logs.read("log")],
            tx.queues.duplicate_of(Q, "key", now_ms=T0),
        )
    )


def test_write_gives_the_commands_value(store: Store) -> None:
    assert store.write(lambda tx: 7) == 7
    assert store.write(write_everything) == "value"


@pytest.mark.parametrize("work", [write_everything, write_and_look], ids=["buffered", "sent"])
def test_a_command_that_raises_leaves_nothing_behind(store: Store, work: Callable[[Tx], object]) -> None:
    store.write(lambda tx: tx.documents.put(B, b"kept"))
    before = state(store)
    heard: list[frozenset[str]] = []
    store.on_signal(heard.append)
    ran: list[str] = []

    def command(tx: Tx) -> None:
        work(tx)
        tx.after_commit(lambda: ran.append("action"))
        raise Refused

    with pytest.raises(Refused):
        store.write(command)
    assert state(store) == before
    assert (heard, ran) == ([], [])


@pytest.mark.parametrize("first", [write_everything, write_and_look], ids=["first buffered", "first sent"])
@pytest.mark.parametrize("second", [write_everything, write_and_look], ids=["second buffered", "second sent"])
def test_a_command_that_fails_inside_a_group_is_undone_alone(
    store: Store, first: Callable[[Tx], object], second: Callable[[Tx], object]
) -> None:
    store.write(lambda tx: tx.documents.put(B, b"gone at the end"))
    outcomes = held_group(
        store,
        [
            refuse(second),
            first,
            refuse(second),
            refuse(write_everything),
            lambda tx: tx.documents.put(B, b"after"),
            refuse(look_at_everything),
            first,
            refuse(first),
        ],
    )
    assert [type(one.error) for one in outcomes] == [
        Refused,
        type(None),
        Refused,
        Refused,
        type(None),
        Refused,
        type(None),
        Refused,
    ]
    assert outcomes[1].value == "value"
    assert state(store) == (b"changed", None, [("a", b"changed")], 2, [b"record", b"record"], ("m", 1))


def test_commands_run_in_the_order_submitted_and_see_each_others_writes(store: Store) -> None:
    def add(number: int) -> Callable[[Tx], bytes]:
        def command(tx: Tx) -> bytes:
            value = (tx.documents.get(A) or b"") + str(number).encode()
            tx.documents.put(A, value)
            return value

        return command

    outcomes = held_group(store, [add(n) for n in range(9)])
    assert outcomes[-1].value == b"012345678"
    assert [one.value for one in outcomes] == [b"012345678"[: n + 1] for n in range(9)]


def test_a_message_put_in_a_group_is_leased_and_settled_by_its_next_commands(store: Store) -> None:
    def lease(tx: Tx) -> int:
        return len(tx.queues.lease(Q, now_ms=T0, lease_ms=10, count_max=1))

    def settle(tx: Tx) -> bool:
        [one] = tx.queues.peek(Q, count_max=1)
        return tx.queues.settle(Q, one.sequence, one.lease_token)

    outcomes = held_group(
        store,
        [
            lambda tx: tx.queues.put(Q, MESSAGE),
            refuse(lease),
            lease,
            refuse(settle),
            lease,
            settle,
            lambda tx: tx.queues.counts(Q, now_ms=T0).leased,
        ],
    )
    assert [one.value for one in outcomes[1:]] == [None, 1, None, 0, True, 0]


def test_a_lease_that_was_rolled_back_was_never_given(store: Store) -> None:
    [sequence] = store.write(lambda tx: [tx.queues.put(Q, MESSAGE)])
    tokens: list[str] = []

    def command(tx: Tx) -> None:
        tokens.extend(one.token for one in tx.queues.lease(Q, now_ms=T0, lease_ms=10, count_max=1))
        raise Refused

    with pytest.raises(Refused):
        store.write(command)
    assert store.write(lambda tx: tx.queues.settle(Q, sequence, tokens[0])) is False
    assert store.read(lambda tx: tx.queues.counts(Q, now_ms=T0)).ready == 1


def test_what_the_engine_cannot_store_fails_its_own_command_only(store: Store) -> None:
    bad = NewMessage(message_id="\ud800", body=b"", sent_ms=T0, due_ms=T0)
    outcomes = held_group(
        store,
        [
            lambda tx: tx.queues.put(Q, MESSAGE),
            lambda tx: tx.queues.put(Q, bad),
            lambda tx: tx.logs.append("log", [(2**70, b"")]),
            lambda tx: tx.queues.put(Q, MESSAGE),
        ],
    )
    assert [one.error is None for one in outcomes] == [True, False, False, True]
    assert store.read(lambda tx: tx.queues.counts(Q, now_ms=T0)).ready == 2
    assert store.write(lambda tx: 1) == 1


def test_a_snapshot_does_not_move_while_it_is_read(store: Store) -> None:
    store.write(write_everything)

    def query(tx: Tx) -> tuple[object, ...]:
        first = (tx.documents.get(A), len(tx.queues.peek(Q, count_max=99)))
        store.write(lambda other: (other.documents.put(A, b"moved"), other.queues.put(Q, MESSAGE)))
        second = (tx.documents.get(A), len(tx.queues.peek(Q, count_max=99)))
        return first, second, tx.documents.page("test.thing", Scope(), "")

    first, second, page = store.read(query)
    assert first == second == (b"changed", 1)
    assert page == [("a", b"changed")]


def test_documents_read_from_memory_belong_to_one_state(store: Store) -> None:
    """Two documents that always change together are never seen apart, wherever the bodies come from."""
    store.write(lambda tx: (tx.documents.put(A, b"0"), tx.documents.put(B, b"0")))
    runs = 0

    def query(tx: Tx) -> tuple[bytes | None, bytes | None]:
        nonlocal runs
        runs += 1
        first = tx.documents.get(A)
        if runs == 1:
            store.write(lambda other: (other.documents.put(A, b"1"), other.documents.put(B, b"1")))
        return first, tx.documents.get(B)

    first, second = store.read(query)
    assert first == second


def test_a_read_sees_nothing_that_is_not_committed(store: Store) -> None:
    store.write(lambda tx: tx.documents.put(A, b"old"))
    seen: list[object] = []
    finished = threading.Event()

    def read() -> None:
        seen.append(state(store))
        finished.set()

    def command(tx: Tx) -> None:
        write_and_look(tx)
        threading.Thread(target=read).start()
        assert finished.wait(10)

    store.write(command)
    assert seen == [(b"old", None, [("a", b"old")], 0, [], None)]


@pytest.mark.parametrize(
    "write",
    [
        lambda tx: tx.documents.put(A, b""),
        lambda tx: tx.documents.delete(A),
        lambda tx: tx.queues.put(Q, MESSAGE),
        lambda tx: tx.queues.put_all(Q, [MESSAGE]),
        lambda tx: tx.queues.deduplicate(Q, "k", message_id="m", sequence=1, now_ms=0, keep_ms=1),
        lambda tx: tx.queues.lease(Q, now_ms=0, lease_ms=0, count_max=1),
        lambda tx: tx.queues.extend(Q, 1, "1.1", until_ms=1),
        lambda tx: tx.queues.release(Q, 1, "1.1", due_ms=1),
        lambda tx: tx.queues.settle(Q, 1, None),
        lambda tx: tx.queues.move(Q, 1, "other", due_ms=1),
        lambda tx: tx.queues.expire(Q, sent_before_ms=1, count_max=1),
        lambda tx: tx.queues.purge(Q, count_max=1),
        lambda tx: tx.logs.append("log", []),
        lambda tx: tx.logs.trim("log", before_ms=1),
        lambda tx: tx.logs.drop("log"),
        lambda tx: tx.notify("signal"),
        lambda tx: tx.after_commit(lambda: None),
    ],
)
def test_a_write_inside_a_read_raises(store: Store, write: Callable[[Tx], object]) -> None:
    with pytest.raises(Exception, match="cannot write"):
        store.read(write)


def test_signals_of_a_group_come_once_after_its_answers(store: Store) -> None:
    heard: list[object] = []
    store.on_signal(heard.append)

    def command(tx: Tx) -> None:
        tx.queues.put(Q, MESSAGE)
        tx.notify("mine")
        tx.after_commit(lambda: heard.append("action"))

    held_group(store, [command, lambda tx: tx.notify("mine"), lambda tx: tx.queues.put("other", MESSAGE)])
    store.write(lambda tx: None)
    assert heard == ["action", frozenset({"mine", f"queue:{Q}", "queue:other"})]


def test_completions_of_a_group_are_one_call_of_the_executor(store: Store) -> None:
    calls: list[Callable[[], None]] = []
    store.set_completions(calls.append)
    answers: list[Outcome] = []
    gate, entered = threading.Event(), threading.Event()

    def first(tx: Tx) -> None:
        entered.set()
        assert gate.wait(10)

    store.submit(first, answers.append)
    assert entered.wait(10)
    for number in range(5):
        store.submit(lambda tx, n=number: n, answers.append)
    gate.set()
    store.write(lambda tx: None)
    assert answers == []
    assert len(calls) <= 3
    for call in calls:
        call()
    assert [one.value for one in answers] == [None, 0, 1, 2, 3, 4]


def test_a_callback_that_raises_does_not_take_the_others_answers_with_it(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    answers: list[Outcome] = []

    def fail(outcome: Outcome) -> None:
        raise Refused

    def both(tx: Tx) -> None:
        store.submit(lambda tx: 1, fail)
        store.submit(lambda tx: 2, answers.append)

    store.write(both)
    store.write(lambda tx: None)
    assert [one.value for one in answers] == [2]
    assert "Refused" in caplog.text


def test_the_inbox_is_bounded(store: Store) -> None:
    gate, entered = threading.Event(), threading.Event()

    def first(tx: Tx) -> None:
        entered.set()
        assert gate.wait(30)

    store.submit(first, lambda outcome: None)
    assert entered.wait(10)

    def flood() -> None:
        for _ in range(1_000_000):
            store.submit(lambda tx: None, lambda outcome: None)

    with pytest.raises(StoreBusy):
        flood()
    gate.set()
    assert store.read(lambda tx: tx.documents.get(A)) is None


def test_closing_finishes_the_inbox_and_then_refuses(store: Store) -> None:
    answers: list[Outcome] = []
    for number in range(300):
        store.submit(lambda tx, n=number: n, answers.append)
    store.close()
    store.close()
    assert [one.value for one in answers] == list(range(300))
    with pytest.raises(StoreClosed):
        store.write(lambda tx: None)
    with pytest.raises(StoreClosed):
        store.read(lambda tx: None)


def test_a_transaction_cannot_be_used_after_its_command(store: Store) -> None:
    kept = store.write(lambda tx: tx)
    with pytest.raises(AssertionError, match="after its command"):
        kept.queues.put(Q, MESSAGE)
