"""What all pollers have in common: waking, polling, waiting for time, one bad lane, and the stop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

import pytest

from bascule.host.async_store import AsyncStore
from bascule.host.contexts import Contexts
from bascule.host.poller import Poller
from bascule.kernel.queues import NewMessage, StoredMessage
from bascule.kernel.store import Tx
from tests.unit.pollers.test_async_invocations import on_a_loop
from tests.unit.services.lambda_.desk import Desk

START_MS = 1_700_000_000_000
log = logging.getLogger("bascule.tests.poller")


class _Lane:
    def __init__(self, key: str) -> None:
        self.key = key
        self.is_stale = True
        self.is_busy = False
        self.due_ms: int | None = None
        self.looked_ms: list[int] = []

    def __str__(self) -> str:
        return self.key

    def next_due_ms(self) -> int | None:
        return self.due_ms


class _Counting(Poller[_Lane]):
    """Lanes ``a`` and ``b``; a look at a lane counts. A lane named in ``broken`` cannot be looked at."""

    step_failed = "a step failed"
    lane_stuck = "%s is stuck"
    closed_first = "closed first"

    def __init__(self, store: AsyncStore, contexts: Contexts) -> None:
        super().__init__(store, contexts, log)
        self.broken: set[str] = set()
        self.steps: list[str] = []

    def _scan(self) -> None:
        for key in ("a", "b"):
            if key not in self._lanes:
                self._lanes[key] = _Lane(key)
                self._pump(self._lanes[key])

    def _heard(self, signals: frozenset[str]) -> None:
        for key in signals:
            self._pump_stale(self._lanes[key])

    def _advance(self, lane: _Lane) -> None:
        if lane.key in self.broken:
            raise RuntimeError("cannot be looked at")
        lane.is_stale = False
        lane.due_ms = None
        lane.looked_ms.append(self._clock.now_ms() - START_MS)

    async def _give_up(self) -> None:
        self.steps.append("gave up")
        await self._write(lambda tx: tx.queues.put("given-up", NewMessage("1", b"", START_MS, START_MS)))

    def set_due(self, key: str, due_ms: int) -> None:
        self._set_due(self._lanes[key], due_ms)

    def do(self, name: str, until: asyncio.Event) -> None:
        self._spawn(self._wait(name, until))

    async def _wait(self, name: str, until: asyncio.Event) -> None:
        try:
            await until.wait()
            if name == "fails":
                raise RuntimeError("no")
        finally:
            self.steps.append(name)

    def looks(self, key: str) -> list[int]:
        return self._lanes[key].looked_ms


def _given_up(tx: Tx) -> Sequence[StoredMessage]:
    return tx.queues.peek("given-up", count_max=10)


class _Running:
    """``async with``: a poller on a private store, run as a task."""

    def __init__(self) -> None:
        desk = Desk()
        self.clock = desk.clock
        self.store = desk.store
        self.poller = _Counting(AsyncStore(self.store), desk.contexts)

    async def __aenter__(self) -> _Running:
        loop = asyncio.get_running_loop()
        self.store.set_completions(loop.call_soon_threadsafe)
        self.task = loop.create_task(self.poller.run())
        await self.turn()
        return self

    async def turn(self) -> None:
        for _ in range(8):
            await asyncio.sleep(0)

    async def pass_time(self, duration_ms: int) -> None:
        self.clock.advance(duration_ms)
        await self.turn()

    async def __aexit__(self, *_: object) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        self.store.close()


@on_a_loop
async def test_a_lane_is_looked_at_when_it_is_found_when_it_is_signalled_when_it_is_due_and_by_every_poll() -> None:
    async with _Running() as running:
        poller = running.poller
        assert poller.looks("a") == [0]
        poller.wake(frozenset({"a"}))
        poller.set_due("a", START_MS + 300)
        assert poller.next_due_ms() == START_MS + 300
        await running.turn()
        await running.pass_time(299)
        await running.pass_time(1)
        await running.pass_time(700)
        assert poller.looks("a") == [0, 0, 300, 1_000]
        assert poller.looks("b") == [0, 1_000]


@on_a_loop
async def test_a_due_moment_that_comes_nearer_ends_the_sleep() -> None:
    async with _Running() as running:
        running.poller.set_due("a", START_MS + 900)
        await running.turn()
        running.poller.set_due("a", START_MS + 100)
        assert not running.poller.is_idle
        await running.turn()
        assert running.poller.is_idle
        await running.pass_time(100)
        assert running.poller.looks("a") == [0, 100]


@on_a_loop
async def test_a_lane_that_cannot_be_advanced_is_reported_tried_again_and_stops_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with _Running() as running:
        running.poller.broken = {"a"}
        with caplog.at_level(logging.ERROR):
            running.poller.wake(frozenset({"a", "b"}))
        assert "a is stuck" in caplog.text
        assert running.poller.looks("b") == [0, 0]
        assert not running.poller.is_idle
        running.poller.broken = set()
        await running.pass_time(1_000)
        assert running.poller.looks("a") == [0, 1_000]
        assert running.poller.is_idle


@on_a_loop
async def test_a_task_counts_as_busy_and_one_that_fails_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    async with _Running() as running:
        end = asyncio.Event()
        running.poller.do("fails", end)
        await running.turn()
        assert not running.poller.is_idle
        end.set()
        with caplog.at_level(logging.ERROR):
            await running.turn()
        assert running.poller.is_idle
        assert "a step failed" in caplog.text


@on_a_loop
async def test_a_stop_cancels_tasks_then_gives_up_what_is_held_and_nothing_wakes_it_any_more() -> None:
    async with _Running() as running:
        running.poller.do("task", asyncio.Event())
        await running.turn()
        running.task.cancel()
        await asyncio.gather(running.task, return_exceptions=True)
        assert running.poller.steps == ["task", "gave up"]
        assert [message.message_id for message in running.store.read(_given_up)] == ["1"]
        running.poller.wake(frozenset({"a"}))
        assert running.poller.looks("a") == [0]
        assert not running.poller.is_idle


@on_a_loop
async def test_a_store_that_was_closed_first_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    async with _Running() as running:
        running.store.close()
        with caplog.at_level(logging.INFO):
            running.task.cancel()
            await asyncio.gather(running.task, return_exceptions=True)
        assert [record.message for record in caplog.records] == ["closed first"]
