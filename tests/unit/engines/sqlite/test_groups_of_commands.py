"""A group of commands: what each one answers and leaves is what it would alone, however much of the group is unsent."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial

import pytest

from bascule.engines.sqlite import SqliteStore, open_store
from bascule.engines.sqlite.writer import Submission
from bascule.kernel.queues import Lease, NewMessage
from bascule.kernel.store import Outcome, Tx

T0 = 1_700_000_000_000
QUEUES = ("a", "b", "dead")
Step = Callable[[Tx, "Holder"], object]


class Failure(Exception):
    """A command that undoes itself."""


class Holder:
    """What one run of a story knows: the leases it was given."""

    def __init__(self) -> None:
        self.leases: list[tuple[str, Lease]] = []


def put(queue: str, count: int, due_ms: int, sent_ms: int, group: str | None) -> Step:
    messages = [
        NewMessage(f"m{n}", b"b" * n, sent_ms, due_ms, group=group, is_ordered=group is not None) for n in range(count)
    ]

    def step(tx: Tx, holder: Holder) -> object:
        if group is None:
            tx.queues.put_all(queue, messages)
        for message in messages if group is not None else ():
            tx.queues.put(queue, message)
        return None

    return step


def lease(queue: str, now_ms: int, lease_ms: int, count_max: int, sent_after_ms: int) -> Step:
    def step(tx: Tx, holder: Holder) -> object:
        found = tx.queues.lease(
            queue, now_ms=now_ms, lease_ms=lease_ms, count_max=count_max, sent_after_ms=sent_after_ms
        )
        holder.leases += [(queue, one) for one in found]
        return [(one.message.message_id, one.message.body, one.message.due_ms, one.message.attempt) for one in found]

    return step


def with_leases(picks: list[int], act: Callable[[Tx, str, Lease], object]) -> Step:
    """``act`` on some of the leases given so far."""

    def step(tx: Tx, holder: Holder) -> object:
        if not holder.leases:
            return None
        return [act(tx, *holder.leases[pick % len(holder.leases)]) for pick in picks]

    return step


def settle(tx: Tx, queue: str, one: Lease) -> bool:
    return tx.queues.settle(queue, one.message.sequence, one.token)


def failing(step: Step) -> Step:
    def undone(tx: Tx, holder: Holder) -> object:
        held = list(holder.leases)
        step(tx, holder)
        holder.leases = held
        raise Failure

    return undone


def story(seed: int, *, is_ordered: bool) -> list[list[Step]]:
    """Groups of steps, drawn at random but the same for the same seed."""
    draw = random.Random(seed)
    now_ms = T0
    groups: list[list[Step]] = []
    for _ in range(draw.randint(4, 12)):
        now_ms += draw.choice((0, 1, 5, 50))
        groups.append([_step(draw, now_ms, is_ordered) for _ in range(draw.randint(1, 9))])
    return groups


def _step(draw: random.Random, now_ms: int, is_ordered: bool) -> Step:
    queue = draw.choice(QUEUES[:2])
    now_ms += draw.choice((0, 0, 0, 1, -1))
    kind = draw.choice(("put", "put", "lease", "lease", "lease", "settle", "settle", "other", "failing"))
    if kind == "failing":
        return failing(_step(draw, now_ms, is_ordered))
    if kind == "put":
        group = draw.choice((None, "g", "h")) if is_ordered else None
        sent_ms = now_ms - draw.choice((0, 0, 0, 40))
        return put(queue, draw.randint(1, 12), now_ms + draw.choice((0, 0, 0, -20, 7)), sent_ms, group)
    if kind == "lease":
        expired_ms = now_ms - draw.choice((100, 100, 30, 10_000))
        return lease(queue, now_ms, draw.choice((30, 30, 1000, 1, 0)), draw.choice((1, 3, 10)), expired_ms)
    picks = [draw.randrange(1000) for _ in range(draw.randint(1, 10))]
    if kind == "settle":
        return with_leases(picks, settle)
    moment_ms = now_ms + draw.choice((0, -30, 9))
    return draw.choice(
        (
            with_leases(picks, lambda tx, name, one: tx.queues.settle(name, one.message.sequence, None)),
            with_leases(
                picks,
                lambda tx, name, one: tx.queues.release(name, one.message.sequence, one.token, due_ms=moment_ms),
            ),
            with_leases(
                picks,
                lambda tx, name, one: tx.queues.extend(name, one.message.sequence, one.token, until_ms=moment_ms),
            ),
            with_leases(
                picks[:2],
                lambda tx, name, one: tx.queues.move(name, one.message.sequence, "dead", due_ms=moment_ms),
            ),
            lambda tx, holder: tx.queues.expire(queue, sent_before_ms=now_ms - 35, count_max=3),
        )
    )


def run(
    store: SqliteStore, groups: list[list[Step]], *, is_grouped: bool, holder: Holder | None = None
) -> list[object]:
    """What each step answered, and what every queue has after each group."""
    holder = holder or Holder()
    told: list[object] = []
    for steps in groups:
        commands = [Submission(partial(_call, step, holder), lambda outcome: None) for step in steps]
        for part in [commands] if is_grouped else [[one] for one in commands]:
            outcomes: list[Outcome] = store.writer._attempt(part, is_isolated=False)[0]
            told += [type(one.error) if one.error is not None else one.value for one in outcomes]
        told.append(store.read(left))
    return told


def _call(step: Step, holder: Holder, tx: Tx) -> object:
    return step(tx, holder)


def left(tx: Tx) -> object:
    return [
        [
            (one.message_id, one.body, one.group, one.sent_ms, one.due_ms, one.attempt, one.first_leased_ms)
            for one in tx.queues.peek(queue, count_max=1000)
        ]
        + [tx.queues.counts(queue, now_ms=T0 + 20)]
        for queue in QUEUES
    ]


@pytest.mark.parametrize("is_ordered", [False, True], ids=["unordered", "with ordered groups"])
@pytest.mark.parametrize("part", range(4))
def test_commands_answer_in_a_group_what_they_answer_alone(part: int, is_ordered: bool) -> None:
    for seed in range(part * 25, part * 25 + 25):
        grouped, alone = open_store(None), open_store(None)
        try:
            first = run(grouped, story(seed, is_ordered=is_ordered), is_grouped=True)
            second = run(alone, story(seed, is_ordered=is_ordered), is_grouped=False)
            assert first == second, seed
        finally:
            grouped.close()
            alone.close()


def test_sends_leases_and_settles_of_eight_callers_are_sent_once(store: SqliteStore) -> None:
    messages = [NewMessage(message_id=str(n), body=b"", sent_ms=T0, due_ms=T0) for n in range(10)]
    holder = Holder()
    take = lease("q", T0, 1000, 10, 0)
    for _ in range(6):
        store.write(lambda tx: tx.queues.put_all("q", messages))
    store.write(lambda tx: [take(tx, holder) for _ in range(3)])
    statements: list[str] = []
    store.writer._session._connection.set_trace_callback(statements.append)
    settled = [with_leases(list(range(start, start + 10)), settle) for start in (0, 10, 20)]
    send = put("q", 10, T0, T0, None)
    steps = [send, take, settled[0], send, take, settled[1], take, settled[2]]
    told = run(store, [steps], is_grouped=True, holder=holder)
    assert [len(one) for one in (told[1], told[4], told[6])] == [10, 10, 10]  # type: ignore[arg-type]  # lists, these
    # The trace names a statement again at each run of its trigger.
    writes = [one.split()[0] for one in dict.fromkeys(statements) if not one.startswith("SELECT")]
    assert writes == ["BEGIN", "INSERT", "INSERT", "UPDATE", "DELETE", "INSERT", "COMMIT"]


def answers(store: SqliteStore, *steps: Step, holder: Holder | None = None) -> list[int]:
    """How many messages each step of a group gave or changed."""
    told = run(store, [list(steps)], is_grouped=True, holder=holder)[:-1]
    return [len(one) if isinstance(one, list) else 0 for one in told]


def test_a_lease_that_is_over_within_the_group_is_given_again(store: SqliteStore) -> None:
    assert answers(store, put("a", 4, T0, T0, None)) == [0]
    short, long = lease("a", T0, 1, 2, 0), lease("a", T0, 1000, 1, 0)
    assert answers(store, short, long, lease("a", T0 + 1, 1000, 10, 0)) == [2, 1, 3]


def test_leases_that_a_failing_command_had_sent_are_not_given_again(store: SqliteStore) -> None:
    assert answers(store, put("a", 4, T0, T0, None)) == [0]
    take = lease("a", T0, 1000, 2, 0)
    looks = failing(lambda tx, holder: tx.queues.expire("a", sent_before_ms=T0, count_max=1))
    assert answers(store, take, looks, take, take) == [2, 0, 2, 0]


def test_where_leases_of_one_group_came_to_is_nothing_to_the_next(store: SqliteStore) -> None:
    holder = Holder()
    take = lease("a", T0 + 9, 1000, 2, 0)
    assert answers(store, put("a", 3, T0, T0, None), holder=holder) == [0]
    assert answers(store, put("a", 1, T0 + 9, T0, None), take, take, holder=holder) == [0, 2, 2]
    back = with_leases(
        [0, 1], lambda tx, name, one: tx.queues.release(name, one.message.sequence, one.token, due_ms=T0)
    )
    assert answers(store, back, holder=holder) == [2]
    assert answers(store, put("a", 1, T0 + 99, T0, None), take, holder=holder) == [0, 2]
