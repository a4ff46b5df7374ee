"""A disk that fails: nobody is told of success, nothing more is accepted, what was there stays."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from bascule.engines.sqlite import SqliteStore, open_store, writer
from bascule.kernel.documents import DocumentKey
from bascule.kernel.queues import NewMessage
from bascule.kernel.scope import Scope
from bascule.kernel.store import Outcome, StoreClosed

KEY = DocumentKey("test.thing", Scope(), "", "a")
LARGE = NewMessage(message_id="m", body=b"x" * 1_000_000, sent_ms=1, due_ms=1)


def fill_the_disk(store: SqliteStore) -> None:
    """From here on the database cannot grow, which SQLite reports as a full disk."""
    connection = store.writer._session._connection
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")


@pytest.mark.parametrize("is_direct", [False, True], ids=["while flushing", "inside a command"])
def test_a_full_disk_fails_the_group_and_closes_the_store(
    store: SqliteStore, folder: Path, is_direct: bool, caplog: pytest.LogCaptureFixture
) -> None:
    store.write(lambda tx: tx.documents.put(KEY, b"before"))
    fill_the_disk(store)

    def command(tx: object) -> None:
        tx.queues.put("q", LARGE)  # type: ignore[attr-defined]
        if is_direct:
            tx.queues.counts("q", now_ms=1)  # type: ignore[attr-defined]

    with pytest.raises(StoreClosed, match="cannot write"):
        store.write(command)
    with pytest.raises(StoreClosed, match="cannot write"):
        store.write(lambda tx: None)
    assert store.read(lambda tx: tx.documents.get(KEY)) == b"before"
    assert "the store stops" in caplog.text
    store.close()
    again = open_store(folder)
    assert again.read(lambda tx: tx.documents.get(KEY)) == b"before"
    assert again.read(lambda tx: tx.queues.peek("q", count_max=1)) == []
    again.close()


def test_commands_already_in_the_inbox_are_answered_too(store: SqliteStore) -> None:
    fill_the_disk(store)
    answers: list[Outcome] = []

    def first(tx: object) -> None:
        for number in range(5):
            store.submit(lambda tx, n=number: tx.documents.put(KEY, b"%d" % n), answers.append)
        tx.queues.put("q", LARGE)  # type: ignore[attr-defined]

    with pytest.raises(StoreClosed):
        store.write(first)
    store.close()
    assert [type(one.error) for one in answers] == [StoreClosed] * 5


def test_an_error_that_is_not_the_disks_fails_its_command_only(store: SqliteStore) -> None:
    def command(tx: object) -> None:
        store.writer._session.change("SELECT nonsense", ())

    with pytest.raises(sqlite3.OperationalError, match="nonsense"):
        store.write(command)
    assert store.write(lambda tx: 1) == 1


def test_a_failing_reclaim_stops_nothing(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(connection: sqlite3.Connection) -> bool:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(writer, "reclaim_space", fail)
    store.writer._reclaim()
    assert "stays in the database" in caplog.text
    assert store.write(lambda tx: 1) == 1
