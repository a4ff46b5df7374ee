"""The loops that give back the space of what nobody can see."""

from __future__ import annotations

import pytest

from bascule.kernel import limits as kernel_limits
from bascule.services.sqs import limits, state
from tests.unit.services.sqs.desk import Desk


def _stored(desk: Desk, storage: str) -> int:
    return desk.store.read(lambda tx: len(tx.queues.peek(storage, count_max=1000)))


def _storage(desk: Desk, name: str = "orders") -> str:
    queue = desk.store.read(lambda tx: state.get_queue(tx.documents, desk.scope, name))
    assert queue is not None
    return queue.storage


def _discarded(desk: Desk) -> int:
    return desk.store.read(lambda tx: state.discarded.count(tx.documents, state.STORE_SCOPE))


@pytest.mark.parametrize("operation", ["PurgeQueue", "DeleteQueue"])
def test_messages_of_a_purged_or_deleted_queue_leave_no_row_behind(
    desk: Desk, operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel_limits, "REMOVE_STEP_MAX", 4)
    url = desk.queue()
    storage = _storage(desk)
    for number in range(10):
        desk.send(url, str(number), delay_seconds=number)
    desk.receive(url)
    desk.call(operation, queue_url=url)
    assert _stored(desk, storage) == 10
    desk.run_loops()
    assert _stored(desk, storage) == 0
    assert _discarded(desk) == 0


def test_expired_messages_are_removed_within_a_sweep(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_limits, "REMOVE_STEP_MAX", 3)
    monkeypatch.setattr(limits, "SWEEP_QUEUES_MAX", 2)
    for name in ("a", "b", "c", "d", "e"):
        url = desk.queue(name, MessageRetentionPeriod="60")
        for number in range(5):
            desk.send(url, str(number))
    young = desk.queue("young")
    desk.send(young, "stays")
    desk.run_loops()
    desk.run_loops(until_ms=desk.clock.now_ms() + 59_000)
    assert _stored(desk, _storage(desk, "c")) == 5
    desk.run_loops(until_ms=desk.clock.now_ms() + 65_000)
    assert [_stored(desk, _storage(desk, name)) for name in ("a", "b", "c", "d", "e")] == [0] * 5
    assert _stored(desk, _storage(desk, "young")) == 1


def test_names_of_deleted_queues_are_forgotten_after_their_minute(desk: Desk) -> None:
    desk.call("DeleteQueue", queue_url=desk.queue())
    desk.run_loops(until_ms=desk.clock.now_ms() + 130_000)
    assert desk.store.read(lambda tx: state.deleted.get(tx.documents, desk.scope, "orders")) is None


def test_an_idle_service_asks_for_a_tick_a_minute_at_most_but_for_its_signals(desk: Desk) -> None:
    desk.run_loops()
    now_ms = desk.clock.now_ms()
    due = {loop.name: loop.poll_ms for loop in desk.loops.due(now_ms + 59_999)}
    assert set(due) == {"sqs.moves"}
