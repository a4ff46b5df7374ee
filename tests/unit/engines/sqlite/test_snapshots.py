"""Reads while the writer commits: statements spared, and states never mixed."""

from __future__ import annotations

import threading

from bascule.engines.sqlite import SqliteStore
from bascule.engines.sqlite.connections import reclaim_space
from bascule.kernel.documents import DocumentKey
from bascule.kernel.queues import NewMessage
from bascule.kernel.scope import Scope
from bascule.kernel.store import Tx

A = DocumentKey("test.thing", Scope(), "", "a")
B = DocumentKey("test.thing", Scope(), "", "b")


def traced(store: SqliteStore) -> list[str]:
    """The statements of the writer from here on. SQLite traces a statement again for each row its trigger looks at."""
    statements: list[str] = []

    def trace(statement: str) -> None:
        if statement not in statements[-1:]:
            statements.append(statement)

    store.writer._session._connection.set_trace_callback(trace)
    return statements


def test_a_read_of_known_documents_opens_no_connection(store: SqliteStore) -> None:
    store.write(lambda tx: (tx.documents.put(A, b"a"), tx.documents.delete(B)))
    assert store.read(lambda tx: (tx.documents.get(A), tx.documents.get(B))) == (b"a", None)
    opened = len(store._readers._idle)
    for _ in range(3):
        assert store.read(lambda tx: (tx.documents.get(A), tx.documents.get(B))) == (b"a", None)
    assert len(store._readers._idle) == opened <= 1


def test_a_known_document_costs_a_command_no_statement_also_when_absent(store: SqliteStore) -> None:
    store.write(lambda tx: (tx.documents.get(A), tx.documents.get(B)))
    statements = traced(store)
    assert store.write(lambda tx: (tx.documents.get(A), tx.documents.get(B))) == (None, None)
    assert statements == []


def test_a_group_of_puts_is_one_statement_for_the_messages_and_one_for_their_number(store: SqliteStore) -> None:
    message = NewMessage(message_id="m", body=b"body", sent_ms=1, due_ms=1)
    store.write(lambda tx: tx.queues.put("q", message))
    statements = traced(store)
    store.write(lambda tx: [tx.queues.put("q", message) for _ in range(100)])
    assert [one.split()[2] for one in statements if one.startswith("INSERT")] == ["message", "message_count"]
    assert len(statements) == 4
    assert store.read(lambda tx: tx.queues.counts("q", now_ms=1)).ready == 101


def test_a_command_that_puts_and_appends_has_no_savepoint(store: SqliteStore) -> None:
    message = NewMessage(message_id="m", body=b"body", sent_ms=1, due_ms=1)
    store.write(lambda tx: tx.queues.put("q", message))
    statements = traced(store)
    store.write(lambda tx: (tx.queues.put("q", message), tx.logs.append("log", [(1, b"")]), tx.documents.get(A)))
    assert [one.split()[0] for one in statements] == ["SELECT", "BEGIN", "INSERT", "INSERT", "INSERT", "COMMIT"]


def test_lease_and_settle_of_ten_messages_are_four_statements(store: SqliteStore) -> None:
    message = NewMessage(message_id="m", body=b"body", sent_ms=1, due_ms=1)
    store.write(lambda tx: [tx.queues.put("q", message) for _ in range(10)])
    statements = traced(store)

    def command(tx: Tx) -> int:
        leases = tx.queues.lease("q", now_ms=1, lease_ms=10, count_max=10)
        return sum(tx.queues.settle("q", one.message.sequence, one.token) for one in leases)

    assert store.write(command) == 10
    assert [one.split()[0] for one in statements] == ["SELECT", "BEGIN", "UPDATE", "DELETE", "INSERT", "COMMIT"]


def test_readers_never_see_two_documents_apart_while_a_writer_changes_both(store: SqliteStore) -> None:
    store.write(lambda tx: (tx.documents.put(A, b"0"), tx.documents.put(B, b"0")))
    is_over = threading.Event()
    torn: list[tuple[object, ...]] = []

    def query(tx: Tx) -> tuple[object, ...]:
        first = tx.documents.get(A)
        paged = dict(tx.documents.page("test.thing", Scope(), ""))
        return first, tx.documents.get(B), paged["a"], paged["b"]

    def read() -> None:
        while not is_over.is_set():
            seen = store.read(query)
            if len(set(seen)) != 1:
                torn.append(seen)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(300):
        body = b"%d" % number
        store.write(lambda tx, b=body: (tx.documents.put(A, b), tx.documents.put(B, b)))  # type: ignore[misc]
    is_over.set()
    for reader in readers:
        reader.join()
    assert torn == []


def test_an_idle_writer_makes_the_file_smaller(store: SqliteStore) -> None:
    large = NewMessage(message_id="m", body=b"x" * 100_000, sent_ms=1, due_ms=1)
    store.write(lambda tx: [tx.queues.put("q", large) for _ in range(400)])
    connection = store.writer._session._connection

    def pages() -> int:
        return int(connection.execute("PRAGMA page_count").fetchone()[0])

    full = pages()
    store.write(lambda tx: tx.queues.purge("q", count_max=1000))
    assert pages() == full
    store.writer._reclaim()
    assert pages() < full // 2
    assert reclaim_space(connection) is False
