"""The queue port against a plain model: any sequence of calls, some of them rolled back, gives what the model gives.

The model keeps messages in a list and knows the rules in their simplest form. Where the port leaves a choice (how many of
which group fill a lease) the model checks that the choice was legal instead of predicting it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bascule.engines.sqlite import open_store
from bascule.kernel.queues import Lease, NewMessage
from bascule.kernel.store import Store, Tx

QUEUES = ("sqs/one", "sqs/two")
#: The first queue is where most happens.
queues = st.sampled_from((*QUEUES[:1] * 4, *QUEUES))
groups = st.sampled_from(["a", "b", None])
delays = st.sampled_from((0, 0, 0, 5, 30))
choice = st.integers(0, 10**6)


class Undo(Exception):
    """Rolls a command back on purpose."""


class Kept:
    """One message of the model."""

    def __init__(self, sequence: int, queue: str, message: NewMessage) -> None:
        self.sequence = sequence
        self.queue = queue
        self.message_id = message.message_id
        self.body = message.body
        self.headers = message.headers
        self.group = message.group if message.is_ordered else None
        self.sent_ms = message.sent_ms
        self.due_ms = message.due_ms
        self.attempt = 0
        self.token: str | None = None
        #: The newest lease's token, also after a release.
        self.last_token: str | None = None


class QueueMachine(RuleBasedStateMachine):
    """Calls the port and the model alike."""

    def __init__(self) -> None:
        super().__init__()
        self.store: Store = open_store(None)
        self.now_ms = 1_000_000
        self.kept: list[Kept] = []
        self.stale: list[tuple[str, int, str]] = []
        self.highest = 0
        self.count = 0

    def teardown(self) -> None:
        self.store.close()

    def write(self, command: Callable[[Tx], Any], *, undo: bool = False) -> Any:
        """Run a command; before it, in the same command order, one that does the same and is rolled back."""
        if undo:

            def and_fail(tx: Tx) -> None:
                command(tx)
                raise Undo

            try:
                self.store.write(and_fail)
            except Undo:
                pass
        return self.store.write(command)

    def of_queue(self, queue: str) -> list[Kept]:
        return [one for one in self.kept if one.queue == queue]

    def is_leased(self, one: Kept) -> bool:
        return one.token is not None and one.due_ms > self.now_ms

    def open_groups(self, queue: str) -> dict[str, list[Kept]]:
        """The ordered groups that may be offered, each with its messages in order up to the first that is not due."""
        by_group: dict[str, list[Kept]] = {}
        for one in self.of_queue(queue):
            if one.group is not None:
                by_group.setdefault(one.group, []).append(one)
        found = {}
        for group, members in by_group.items():
            if any(self.is_leased(one) for one in members):
                continue
            run = []
            for one in members:
                if one.due_ms > self.now_ms:
                    break
                run.append(one)
            if run:
                found[group] = run
        return found

    @rule(queue=queues, what=st.lists(st.tuples(groups, delays), min_size=1, max_size=6), undo=st.booleans())
    def put(self, queue: str, what: list[tuple[str | None, int]], undo: bool) -> None:
        messages = []
        for group, delay_ms in what:
            self.count += 1
            messages.append(
                NewMessage(
                    message_id=f"m{self.count}",
                    body=b"%d" % self.count,
                    headers=b"h" * (self.count % 3),
                    sent_ms=self.now_ms,
                    due_ms=self.now_ms + delay_ms,
                    group=group,
                    is_ordered=group is not None,
                )
            )
        sequences = self.write(lambda tx: [tx.queues.put(queue, one) for one in messages], undo=undo)
        assert sequences == sorted(set(sequences))
        assert sequences[0] > self.highest
        self.highest = sequences[-1]
        self.kept += [Kept(sequence, queue, one) for sequence, one in zip(sequences, messages, strict=True)]

    @precondition(lambda self: self.kept)
    @rule(queue=queues, count_max=st.integers(1, 6), lease_ms=delays, undo=st.booleans())
    def lease(self, queue: str, count_max: int, lease_ms: int, undo: bool) -> None:
        def command(tx: Tx) -> list[Lease]:
            return tx.queues.lease(queue, now_ms=self.now_ms, lease_ms=lease_ms, count_max=count_max)

        free = [one for one in self.of_queue(queue) if one.group is None and one.due_ms <= self.now_ms]
        open_groups = self.open_groups(queue)
        leases = self.write(command, undo=undo)
        assert len(leases) <= count_max
        offers = len(free) + len(open_groups)
        assert len(leases) >= min(count_max, offers)
        by_sequence = {one.sequence: one for one in self.of_queue(queue)}
        given = [by_sequence[lease.message.sequence] for lease in leases]
        free.sort(key=lambda one: (one.due_ms, one.sequence))
        assert [one for one in given if one.group is None] == free[: sum(one.group is None for one in given)]
        for group in {one.group for one in given} - {None}:
            members = [one for one in given if one.group == group]
            assert members == open_groups[str(group)][: len(members)]
        for one, lease in zip(given, leases, strict=True):
            assert (lease.message.message_id, lease.message.body, lease.message.headers) == (
                one.message_id,
                one.body,
                one.headers,
            )
            if one.last_token is not None:
                self.stale.append((queue, one.sequence, one.last_token))
            one.attempt += 1
            one.token = one.last_token = lease.token
            one.due_ms = self.now_ms + lease_ms
            assert (lease.message.attempt, lease.until_ms) == (one.attempt, one.due_ms)

    def has_leases(self) -> bool:
        return any(one.token is not None for one in self.kept)

    def pick(self, number: int, *, leased: bool) -> Kept | None:
        found = [one for one in self.kept if not leased or one.token is not None]
        return found[number % len(found)] if found else None

    @precondition(lambda self: self.kept)
    @rule(number=choice, with_token=st.booleans(), undo=st.booleans())
    def settle(self, number: int, with_token: bool, undo: bool) -> None:
        one = self.pick(number, leased=with_token)
        if one is None:
            return
        token = one.token if with_token else None
        assert self.write(lambda tx: tx.queues.settle(one.queue, one.sequence, token), undo=undo) is True
        self.kept.remove(one)

    @precondition(lambda self: self.stale)
    @rule(number=choice)
    def stale_tokens_do_nothing(self, number: int) -> None:
        queue, sequence, token = self.stale[number % len(self.stale)]
        assert not self.write(lambda tx: tx.queues.settle(queue, sequence, token))
        assert not self.write(lambda tx: tx.queues.extend(queue, sequence, token, until_ms=0))
        assert not self.write(lambda tx: tx.queues.release(queue, sequence, token, due_ms=0))

    @precondition(lambda self: self.has_leases())
    @rule(number=choice, is_release=st.booleans(), delay_ms=st.integers(-5, 30), undo=st.booleans())
    def extend_or_release(self, number: int, is_release: bool, delay_ms: int, undo: bool) -> None:
        one = self.pick(number, leased=True)
        assert one is not None
        due_ms, token = self.now_ms + delay_ms, str(one.token)

        def command(tx: Tx) -> bool:
            if is_release:
                return tx.queues.release(one.queue, one.sequence, token, due_ms=due_ms, headers=b"new")
            return tx.queues.extend(one.queue, one.sequence, token, until_ms=due_ms)

        assert self.write(command, undo=undo) is True
        one.due_ms = max(due_ms, one.sent_ms)
        if is_release:
            one.token, one.headers = None, b"new"

    @precondition(lambda self: len(self.kept) > 6)
    @rule(number=choice, to_queue=queues, delay_ms=delays, undo=st.booleans())
    def move(self, number: int, to_queue: str, delay_ms: int, undo: bool) -> None:
        one = self.pick(number, leased=False)
        assert one is not None
        due_ms = self.now_ms + delay_ms
        assert self.write(lambda tx: tx.queues.move(one.queue, one.sequence, to_queue, due_ms=due_ms), undo=undo)
        self.kept.remove(one)
        one.queue, one.due_ms, one.attempt, one.token, one.last_token = (
            to_queue,
            max(due_ms, one.sent_ms),
            0,
            None,
            None,
        )
        [one.sequence] = [
            found.sequence
            for found in self.store.read(lambda tx: tx.queues.peek(to_queue, count_max=1000))
            if found.message_id == one.message_id
        ]
        assert one.sequence > self.highest
        self.highest = one.sequence
        self.kept.append(one)

    @precondition(lambda self: len(self.kept) > 12)
    @rule(queue=queues, age_ms=delays, undo=st.booleans())
    def expire(self, queue: str, age_ms: int, undo: bool) -> None:
        moment = self.now_ms - age_ms
        gone = [one for one in self.of_queue(queue) if one.sent_ms < moment]
        command: Callable[[Tx], int] = lambda tx: tx.queues.expire(queue, sent_before_ms=moment, count_max=1000)  # noqa: E731
        assert self.write(command, undo=undo) == len(gone)
        self.kept = [one for one in self.kept if one not in gone]

    @rule(step_ms=st.integers(1, 20))
    def time_passes(self, step_ms: int) -> None:
        self.now_ms += step_ms

    @invariant()
    def the_queues_hold_what_the_model_holds(self) -> None:
        for queue in QUEUES:
            expected = self.of_queue(queue)
            found = self.store.read(lambda tx, q=queue: tx.queues.peek(q, count_max=1000))  # type: ignore[misc]
            assert [(one.sequence, one.message_id, one.due_ms, one.attempt, one.lease_token) for one in found] == [
                (one.sequence, one.message_id, one.due_ms, one.attempt, one.token) for one in expected
            ]
            counts = self.store.read(lambda tx, q=queue: tx.queues.counts(q, now_ms=self.now_ms))  # type: ignore[misc]
            leased = sum(self.is_leased(one) for one in expected)
            ready = sum(one.due_ms <= self.now_ms for one in expected)
            assert (counts.ready, counts.leased, counts.delayed) == (ready, leased, len(expected) - ready - leased)
            assert counts.oldest_sent_ms == min((one.sent_ms for one in expected), default=None)

    @invariant()
    def next_due_is_when_something_can_be_leased(self) -> None:
        for queue in QUEUES:
            due_ms = self.store.read(lambda tx, q=queue: tx.queues.next_due_ms(q))  # type: ignore[misc]
            assert (due_ms is None) == (not self.of_queue(queue))
            if due_ms is not None:
                can_lease = bool(self.open_groups(queue)) or any(
                    one.group is None and one.due_ms <= self.now_ms for one in self.of_queue(queue)
                )
                assert (due_ms <= self.now_ms) == can_lease


#: Long runs find more than many short ones here. A failure is not shrunk (that takes minutes): the run is the same every time.
QueueMachine.TestCase.settings = settings(
    max_examples=30,
    stateful_step_count=100,
    deadline=None,
    derandomize=True,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)
TestQueuesAgainstTheModel = QueueMachine.TestCase
