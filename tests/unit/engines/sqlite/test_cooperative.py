"""The writer on an event loop: commands run on the loop's thread, syncs elsewhere; the promises stay what they were."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bascule.engines.sqlite import SqliteStore, open_store
from bascule.host.async_store import AsyncStore
from bascule.kernel.documents import DocumentKey
from bascule.kernel.queues import NewMessage
from bascule.kernel.scope import Scope
from bascule.kernel.store import Outcome, StoreBusy, StoreClosed, Tx

KEY = DocumentKey("test.kind", Scope(), "", "name")


@pytest.fixture(params=["memory", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqliteStore]:
    opened = open_store(tmp_path / "data" if request.param == "file" else None)
    yield opened
    opened.close()


def _put(number: int) -> Callable[[Tx], int]:
    def command(tx: Tx) -> int:
        tx.queues.put("q", NewMessage(str(number), b"x" * 100, sent_ms=1, due_ms=1))
        return number

    return command


async def _attached(store: SqliteStore) -> AsyncStore:
    loop = asyncio.get_running_loop()
    store.run_on_loop(loop.call_soon, loop.call_soon_threadsafe)
    return AsyncStore(store)


def test_commands_run_on_the_loops_thread_and_are_answered_after_their_sync(store: SqliteStore) -> None:
    async def play() -> None:
        awaitable = await _attached(store)
        threads: list[int] = []

        def command(tx: Tx) -> str:
            threads.append(threading.get_ident())
            tx.documents.put(KEY, b"value")
            return "done"

        assert await awaitable.write(command) == "done"
        assert threads == [threading.get_ident()]
        assert store.read(lambda tx: tx.documents.get(KEY)) == b"value"
        await asyncio.to_thread(store.close)

    asyncio.run(play())


def test_what_was_submitted_before_is_finished_first(store: SqliteStore) -> None:
    async def play() -> None:
        outcomes: list[Outcome] = []
        for number in range(50):
            store.submit(_put(number), outcomes.append)
        awaitable = await _attached(store)
        assert await awaitable.write(lambda tx: tx.queues.counts("q", now_ms=2).ready) == 50
        assert [outcome.value for outcome in outcomes] == list(range(50))
        await asyncio.to_thread(store.close)

    asyncio.run(play())


def test_many_writers_keep_their_order_and_one_that_fails_is_undone_alone(store: SqliteStore) -> None:
    async def play() -> None:
        awaitable = await _attached(store)

        def failing(tx: Tx) -> None:
            tx.queues.put("q", NewMessage("never", b"", sent_ms=1, due_ms=1))
            raise ValueError("undone")

        async def write(number: int) -> int | str:
            try:
                return await awaitable.write(failing if number % 7 == 3 else _put(number))
            except ValueError as error:
                return str(error)

        answers = await asyncio.gather(*(write(number) for number in range(700)))
        assert answers == ["undone" if number % 7 == 3 else number for number in range(700)]
        found = await awaitable.write(
            lambda tx: [message.message_id for message in tx.queues.peek("q", count_max=1000)]
        )
        assert found == [str(number) for number in range(700) if number % 7 != 3]
        await asyncio.to_thread(store.close)

    asyncio.run(play())


def test_commands_from_other_threads_are_taken_too(store: SqliteStore) -> None:
    async def play() -> None:
        await _attached(store)
        assert await asyncio.to_thread(store.write, _put(1)) == 1
        await asyncio.to_thread(store.close)

    asyncio.run(play())


def test_closing_finishes_what_was_submitted_and_refuses_what_comes_after(tmp_path: Path) -> None:
    async def play() -> None:
        store = open_store(tmp_path / "closing")
        awaitable = await _attached(store)
        writes = [asyncio.ensure_future(awaitable.write(_put(number))) for number in range(100)]
        await asyncio.sleep(0)
        await asyncio.to_thread(store.close)
        assert await asyncio.gather(*writes) == list(range(100))
        with pytest.raises(StoreClosed):
            await awaitable.write(_put(101))

    asyncio.run(play())
    again = open_store(tmp_path / "closing")
    assert again.read(lambda tx: tx.queues.counts("q", now_ms=2).ready) == 100
    again.close()


def test_a_full_inbox_is_said_so(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bascule.engines.sqlite.cooperative.INBOX_MAX", 3)

    async def play() -> None:
        await _attached(store)
        for number in range(3):
            store.submit(_put(number), lambda outcome: None)
        with pytest.raises(StoreBusy):
            store.submit(_put(4), lambda outcome: None)
        await asyncio.to_thread(store.close)

    asyncio.run(play())


def test_a_value_that_cannot_be_stored_fails_its_command_only(store: SqliteStore) -> None:
    async def play() -> None:
        awaitable = await _attached(store)

        def unstorable(tx: Tx) -> None:
            tx.queues.put("q", NewMessage("bad", b"", sent_ms=2**70, due_ms=1))

        writes = [asyncio.ensure_future(awaitable.write(command)) for command in (_put(1), unstorable, _put(2))]
        answers = await asyncio.gather(*writes, return_exceptions=True)
        assert answers[0] == 1
        assert isinstance(answers[1], Exception)
        assert answers[2] == 2
        await asyncio.to_thread(store.close)

    asyncio.run(play())


def test_signals_and_actions_come_after_the_sync(store: SqliteStore) -> None:
    async def play() -> None:
        awaitable = await _attached(store)
        heard: list[object] = []
        store.on_signal(heard.append)

        def command(tx: Tx) -> None:
            tx.notify("hello")
            tx.after_commit(lambda: heard.append("acted"))
            tx.documents.put(KEY, b"1")

        await awaitable.write(command)
        assert heard == ["acted", frozenset({"hello"})]
        await asyncio.to_thread(store.close)

    asyncio.run(play())
