"""The statements: every one uses an index, and large queues cost what small ones cost."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator

import pytest

from bascule.engines.sqlite import SqliteStore, open_store
from bascule.engines.sqlite.statements import CHUNK_ROWS, load_statements, many_rows
from bascule.kernel.queues import NewMessage
from bascule.kernel.store import Tx

T0 = 1_700_000_000_000
#: Scans that are the point: the one-row table, the rows of a parameter, and intermediate results.
MAY_SCAN = re.compile(r"SCAN (progress|json_each|touched|leased|due|free|CONSTANT|\d+)\b|SCAN \(subquery-\d+\)")
STATEMENTS = [
    (port, name, sql)
    for port in ("documents", "queues", "logs", "session")
    for name, sql in load_statements(port).items()
]


@pytest.fixture(scope="module")
def memory() -> Iterator[SqliteStore]:
    store = open_store(None)
    yield store
    store.close()


@pytest.mark.parametrize(("port", "name", "sql"), STATEMENTS, ids=[f"{port}.{name}" for port, name, _ in STATEMENTS])
def test_no_statement_scans_a_table(memory: SqliteStore, port: str, name: str, sql: str) -> None:
    parameters: object = dict.fromkeys(re.findall(r":(\w+)", sql), "[]") or ("[]",) * sql.count("?")
    connection = memory.writer._session._connection
    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", parameters)]
    scans = [step for step in plan if step.startswith("SCAN ") and not MAY_SCAN.match(step)]
    assert not scans, plan


@pytest.mark.parametrize("name", ["count_later", "count_ordered", "count_due", "count_sent_by", "oldest_sent"])
def test_counting_reads_indexes_without_their_table(memory: SqliteStore, name: str) -> None:
    sql = load_statements("queues")[name]
    parameters: object = dict.fromkeys(re.findall(r":(\w+)", sql), "") or ("",) * sql.count("?")
    connection = memory.writer._session._connection
    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", parameters)]
    searches = [step for step in plan if step.startswith("SEARCH")]
    assert searches
    assert all("USING COVERING INDEX" in step for step in searches), plan


def test_rows_of_any_count_become_one_statement_of_a_prepared_size() -> None:
    statements = many_rows("INSERT INTO t (a, b)\nVALUES (?, ?)\nON CONFLICT (a) DO NOTHING")
    assert tuple(statements) == CHUNK_ROWS
    assert statements[2] == "INSERT INTO t (a, b)\nVALUES (?, ?), (?, ?)\nON CONFLICT (a) DO NOTHING"


def fastest_ms(work: Callable[[], object], *, tries: int = 7) -> float:
    """The quickest of several runs: what the work costs when nothing disturbs it."""
    best = float("inf")
    for _ in range(tries):
        started = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - started)
    return best * 1000


def fill(store: SqliteStore, queue: str, count: int, group: Callable[[int], str | None]) -> None:
    def command(tx: Tx) -> None:
        for number in range(count):
            name = group(number)
            tx.queues.put(
                queue,
                NewMessage(
                    message_id=str(number),
                    body=b"body",
                    sent_ms=T0,
                    due_ms=T0,
                    group=name,
                    is_ordered=name is not None,
                ),
            )

    store.write(command)


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("one unordered queue", lambda number: None),
        ("10,000 groups", lambda number: f"g{number % 10_000}"),
        ("one group", lambda number: "g"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_queue_of_50_000_costs_what_one_of_500_costs(name: str, group: Callable[[int], str | None]) -> None:
    """Not a benchmark: a scan would make the large queue about a hundred times slower, and ten is the alarm."""
    store = open_store(None)
    fill(store, "small", 500, group)
    fill(store, "large", 50_000, group)
    now_ms = T0

    def cycle(queue: str) -> Callable[[], object]:
        def command(tx: Tx) -> None:
            nonlocal now_ms
            now_ms += 1
            leases = tx.queues.lease(queue, now_ms=now_ms, lease_ms=0, count_max=10, sent_after_ms=T0 - 1)
            assert len(leases) == 10
            first, second = leases[:2]
            assert tx.queues.extend(queue, second.message.sequence, second.token, until_ms=now_ms)
            assert tx.queues.release(queue, second.message.sequence, second.token, due_ms=now_ms)
            assert tx.queues.settle(queue, first.message.sequence, first.token)
            tx.queues.find(queue, second.message.sequence)
            tx.queues.next_due_ms(queue)
            tx.queues.expire(queue, sent_before_ms=T0, count_max=10)

        return lambda: store.write(command)

    small, large = fastest_ms(cycle("small")), fastest_ms(cycle("large"))
    store.close()
    assert large < 10 * small + 1, (small, large)


def test_counting_a_large_queue_costs_what_a_small_one_costs() -> None:
    store = open_store(None)
    fill(store, "large", 100_000, lambda number: None)
    fill(store, "small", 1_000, lambda number: None)

    def counting(queue: str) -> float:
        return fastest_ms(lambda: store.read(lambda tx: tx.queues.counts(queue, now_ms=T0)))

    small, large = counting("small"), counting("large")
    peeking = fastest_ms(lambda: store.read(lambda tx: tx.queues.peek("large", count_max=10)), tries=3)
    store.close()
    assert large < 5 * small + 1, (small, large)
    assert peeking < 500, peeking


def test_a_lease_does_not_look_at_expired_messages_one_by_one() -> None:
    store = open_store(None)
    fill(store, "expired", 50_000, lambda number: None)
    put = NewMessage(message_id="new", body=b"", sent_ms=T0 + 1, due_ms=T0 + 1)
    store.write(lambda tx: tx.queues.put("expired", put))

    def lease(tx: Tx) -> None:
        [found] = tx.queues.lease("expired", now_ms=T0 + 2, lease_ms=0, count_max=10, sent_after_ms=T0)
        assert found.message.message_id == "new"

    cost = fastest_ms(lambda: store.write(lease))
    store.close()
    assert cost < 3, cost
