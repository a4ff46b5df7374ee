"""The store alone: rows per second by commands in flight and messages per command, and a lease-and-settle loop.

``python -m bench.store`` prints one line per case, on a temporary directory of this machine's disk, synced as in production.
``--busy`` adds a thread that never rests, as an event loop under load does: it shows what the interpreter lock costs.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from bascule.engines.sqlite import SqliteStore, open_store
from bascule.kernel.documents import DocumentKey
from bascule.kernel.queues import NewMessage
from bascule.kernel.scope import Scope
from bascule.kernel.store import Outcome, StoreBusy, Tx

BODY = b"x" * 512
NOW_MS = 1_700_000_000_000
SECONDS = 1.5
QUEUE = "sqs/4f6c0d9e-0000-4000-8000-000000000001"
MESSAGE = NewMessage(message_id="4f6c0d9e-0000-4000-8000-000000000002", body=BODY, sent_ms=NOW_MS, due_ms=NOW_MS)


def per_second(store: SqliteStore, command: Callable[[Tx], object], *, in_flight: int, rows: int) -> float:
    """Keep ``in_flight`` commands of ``rows`` rows each with the writer for a while; gives rows per second."""
    finished = threading.Event()
    done_count = 0
    started = time.perf_counter()
    end = started + SECONDS
    waiting = in_flight

    def done(outcome: Outcome) -> None:
        nonlocal done_count, waiting
        assert outcome.error is None, outcome.error
        done_count += 1
        if time.perf_counter() < end:
            store.submit(command, done)
            return
        waiting -= 1
        if not waiting:
            finished.set()

    for _ in range(in_flight):
        store.submit(command, done)
    finished.wait()
    return done_count * rows / (time.perf_counter() - started)


def puts(count: int) -> Callable[[Tx], object]:
    """A command that puts ``count`` messages."""

    def command(tx: Tx) -> None:
        queues = tx.queues
        for _ in range(count):
            queues.put(QUEUE, MESSAGE)

    return command


def lease_and_settle(tx: Tx) -> int:
    """Lease ten messages and settle them, as one consumer's two requests would, in one command."""
    leases = tx.queues.lease(QUEUE, now_ms=NOW_MS, lease_ms=30_000, count_max=10)
    assert len(leases) == 10, "the queue ran dry"
    return sum(tx.queues.settle(QUEUE, lease.message.sequence, lease.token) for lease in leases)


def fill(store: SqliteStore, count: int) -> None:
    """Put ``count`` messages."""
    for _ in range(count // 1000):
        store.write(puts(1000))


def measure(name: str, rate: Callable[[SqliteStore], float]) -> None:
    """Run one case on a fresh durable store and print its line."""
    with tempfile.TemporaryDirectory(prefix="bascule-bench-") as folder:
        store = open_store(Path(folder))
        try:
            print(f"{name:<58}{rate(store):>12,.0f} /s", flush=True)
        finally:
            store.close()


def lease_case(store: SqliteStore) -> float:
    """Messages leased and settled per second from a full queue."""
    fill(store, 150_000)
    return per_second(store, lease_and_settle, in_flight=1, rows=10)


def lease_grouped_case(store: SqliteStore) -> float:
    """The same with eight consumers in flight."""
    fill(store, 250_000)
    return per_second(store, lease_and_settle, in_flight=8, rows=10)


def reads(store: SqliteStore, query: Callable[[Tx], object]) -> float:
    """Snapshot reads per second on one thread."""
    count = 0
    started = time.perf_counter()
    while time.perf_counter() < started + SECONDS / 2:
        store.read(query)
        count += 1
    return count / (time.perf_counter() - started)


def document_reads(store: SqliteStore) -> float:
    """Reads of one cached document."""
    key = DocumentKey("bench.thing", Scope(), "", "thing")
    store.write(lambda tx: tx.documents.put(key, BODY))
    return reads(store, lambda tx: tx.documents.get(key))


def message_reads(store: SqliteStore) -> float:
    """Reads of one message by sequence."""
    fill(store, 1000)
    return reads(store, lambda tx: tx.queues.find(QUEUE, 500))


def appends(tx: Tx) -> None:
    """A command that appends one journal-sized record."""
    tx.logs.append("journal", [(NOW_MS, BODY)])


def main(arguments: list[str]) -> None:
    """Print all cases."""
    if "--busy" in arguments:
        threading.Thread(target=_never_rest, daemon=True).start()
    for in_flight, count in ((1, 1), (8, 1), (32, 1), (1, 32), (8, 10), (32, 10)):
        measure(
            f"put: {in_flight} commands in flight, {count} messages each",
            lambda store, a=in_flight, b=count: per_second(store, puts(b), in_flight=a, rows=b),  # type: ignore[misc]
        )
    measure(
        "append: 32 commands in flight, 1 record each", lambda store: per_second(store, appends, in_flight=32, rows=1)
    )
    measure("lease + settle: 1 command of 10 in flight", lease_case)
    measure("lease + settle: 8 commands of 10 in flight", lease_grouped_case)
    measure("read: one cached document", document_reads)
    measure("read: one message", message_reads)


def _never_rest() -> None:
    while True:
        sum(range(200))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except StoreBusy as busy:
        sys.exit(str(busy))
