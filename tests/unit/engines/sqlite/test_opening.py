"""Opening and closing: the lock, versions, what is not ours, and stores in memory."""

from __future__ import annotations

import gc
import os
import sqlite3
import threading
from pathlib import Path

import pytest

from bascule.engines.sqlite import (
    DataDirectoryInUse,
    DataDirectoryUnusable,
    SqliteStore,
    StoreVersionError,
    open_store,
    schema,
)
from bascule.kernel.documents import DocumentKey
from bascule.kernel.queues import NewMessage
from bascule.kernel.scope import Scope

KEY = DocumentKey("test.thing", Scope(), "", "a")


def test_what_was_written_is_there_after_reopening(folder: Path) -> None:
    with_store = open_store(folder)
    with_store.write(lambda tx: tx.documents.put(KEY, b"body"))
    with_store.close()
    again = open_store(folder)
    assert again.read(lambda tx: tx.documents.get(KEY)) == b"body"
    again.close()


def test_sequences_go_on_after_reopening_also_when_nothing_is_left(folder: Path) -> None:
    message = NewMessage(message_id="m", body=b"", sent_ms=1, due_ms=1)
    given: list[int] = []
    for _ in range(3):
        store = open_store(folder)
        given.append(store.write(lambda tx: tx.queues.put("q", message)))
        store.write(lambda tx: tx.queues.purge("q", count_max=10))
        store.close()
    assert given == sorted(set(given))


def test_a_second_opener_is_told_who_holds_the_directory(store: SqliteStore, folder: Path) -> None:
    with pytest.raises(DataDirectoryInUse, match=rf"is in use by process {os.getpid()}\.$"):
        open_store(folder)


def test_closing_releases_the_directory(folder: Path) -> None:
    open_store(folder).close()
    open_store(folder).close()


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataDirectoryUnusable, match="cannot be used as a data directory"):
        open_store(tmp_path / "file" / "data")


def test_a_file_that_is_no_database_is_refused_and_the_lock_given_back(folder: Path) -> None:
    folder.mkdir()
    (folder / "bascule.db").write_bytes(b"these are not the bytes of a database" * 100)
    for _ in range(2):
        with pytest.raises(DataDirectoryUnusable, match="not a database"):
            open_store(folder)


def test_a_newer_database_is_refused_in_plain_words(folder: Path) -> None:
    open_store(folder).close()
    connection = sqlite3.connect(folder / "bascule.db")
    connection.execute("PRAGMA user_version = 9999")
    connection.close()
    with pytest.raises(StoreVersionError, match="has version 9999, this program knows versions up to"):
        open_store(folder)


def test_the_database_of_another_program_is_refused(folder: Path) -> None:
    folder.mkdir()
    connection = sqlite3.connect(folder / "bascule.db")
    connection.execute("CREATE TABLE theirs (x)")
    connection.commit()
    connection.close()
    with pytest.raises(StoreVersionError, match="another program"):
        open_store(folder)


def test_an_old_sqlite_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 31, 0))
    with pytest.raises(StoreVersionError, match="too old"):
        open_store(folder)


def test_migrations_are_applied_once_and_in_order(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_store(folder).close()
    texts = schema.migrations()
    added = "CREATE TABLE added (x INTEGER); INSERT INTO added VALUES (1);"
    monkeypatch.setattr(schema, "migrations", lambda: [*texts, added])
    for _ in range(2):
        open_store(folder).close()
    connection = sqlite3.connect(folder / "bascule.db")
    assert connection.execute("SELECT count(*) FROM added").fetchone() == (1,)
    assert connection.execute("PRAGMA user_version").fetchone() == (len(texts) + 1,)
    connection.close()


def test_a_migration_that_fails_leaves_the_version_before_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_store(folder).close()
    texts = schema.migrations()
    monkeypatch.setattr(schema, "migrations", lambda: [*texts, "CREATE TABLE added (x); CREATE TABLE added (x);"])
    with pytest.raises(DataDirectoryUnusable, match="already exists"):
        open_store(folder)
    monkeypatch.undo()
    store = open_store(folder)
    assert store.write(lambda tx: 1) == 1
    store.close()


def test_the_database_is_written_ahead_synced_in_full_and_can_shrink(store: SqliteStore, folder: Path) -> None:
    connection = store.writer._session._connection
    found = {
        name: connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "auto_vacuum", "wal_autocheckpoint", "secure_delete")
    }
    assert found == {
        "journal_mode": "wal",
        "synchronous": 2,
        "auto_vacuum": 2,
        "wal_autocheckpoint": 1000,
        "secure_delete": 0,
    }


def test_stores_in_memory_do_not_see_each_other_and_leave_nothing() -> None:
    one, two = open_store(None), open_store(None)
    folder = one._directory.path
    one.write(lambda tx: tx.documents.put(KEY, b"one"))
    assert two.read(lambda tx: tx.documents.get(KEY)) is None
    assert folder.exists()
    one.close()
    two.close()
    assert not folder.exists()


def test_a_store_in_memory_that_nobody_closed_goes_with_its_last_reference() -> None:
    store = open_store(None)
    folder, thread = store._directory.path, store.writer.thread
    del store
    gc.collect()
    thread.join(10)
    assert not thread.is_alive()
    assert not folder.exists()


def test_reads_of_a_store_in_memory_work_from_other_threads() -> None:
    store = open_store(None)
    store.write(lambda tx: tx.documents.put(KEY, b"body"))
    seen: list[object] = []

    def read() -> None:
        seen.append(store.read(lambda tx: tx.documents.page("test.thing", Scope(), "")))

    threads = [threading.Thread(target=read) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [[("a", b"body")]] * 12
    store.close()
