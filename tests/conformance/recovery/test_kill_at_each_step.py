"""A process killed at any step of a group: what it acknowledged is there, and no command is there by half."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bascule.engines.sqlite import open_store
from bascule.kernel.queues import NewMessage
from bascule.kernel.scope import Scope
from bascule.kernel.store import Store
from tests.conformance.recovery.child import COMMANDS_PER_ROUND, LOG, NOW_MS, QUEUE, ROUNDS

REPOSITORY = Path(__file__).parents[3]
POINTS = [
    ("command_run", 20),
    ("commands_run", 2),
    ("BEGIN", 2),
    ("SAVEPOINT", 3),
    ("INSERT INTO message", 3),
    ("UPDATE message", 3),
    ("ROLLBACK TO", 1),
    ("RELEASE", 4),
    ("flushed", 2),
    ("INSERT OR REPLACE INTO document", 4),
    ("INSERT INTO record", 3),
    ("DELETE FROM message", 3),
    ("UPDATE progress", 2),
    ("COMMIT", 1),
    ("COMMIT", 3),
    ("committed", 1),
    ("committed", 3),
    ("never", 1),
]


def run_child(folder: Path, point: str, nth: int) -> dict[int, str]:
    """Let the child live and die; gives its acknowledged commands and their answers."""
    child = subprocess.run(
        [sys.executable, "-m", "tests.conformance.recovery.child", str(folder), point, str(nth)],
        capture_output=True,
        cwd=REPOSITORY,
        check=False,
        timeout=60,
    )
    lines = child.stdout.decode().splitlines()
    if point == "never":
        assert child.returncode == 0, child.stderr.decode()
        assert lines.pop() == "end"
    else:
        assert child.returncode == -signal.SIGKILL, (point, child.returncode, child.stderr.decode())
    return {int(number): answer for number, answer in (line.split() for line in lines)}


def check(store: Store, answers: dict[int, str]) -> set[int]:
    """Everything acknowledged is there and every command is there whole or not at all; gives the commands there."""
    names = {name for name, _ in store.read(lambda tx: tx.documents.page("recovery.done", Scope(), "", count_max=9999))}
    settled = {
        name for name, _ in store.read(lambda tx: tx.documents.page("recovery.settled", Scope(), "", count_max=9999))
    }
    records = [one.body.decode() for one in store.read(lambda tx: tx.logs.read(LOG, count_max=9999))]
    messages = store.read(lambda tx: tx.queues.peek(QUEUE, count_max=9999))
    assert sorted(records) == sorted(names)
    assert len(set(records)) == len(records)
    assert [one.message_id for one in messages] == sorted(names - settled, key=int)
    assert settled <= names
    for number, answer in answers.items():
        assert (str(number) in names) == (answer == "kept"), (number, answer)
    return {int(name) for name in names}


@pytest.mark.parametrize(("point", "nth"), POINTS, ids=lambda value: str(value).replace(" ", "-"))
def test_after_a_kill_the_acknowledged_is_there_and_nothing_by_half(tmp_path: Path, point: str, nth: int) -> None:
    answers = run_child(tmp_path / "data", point, nth)
    store = open_store(tmp_path / "data")
    try:
        kept = check(store, answers)
        before = [one.sequence for one in store.read(lambda tx: tx.queues.peek(QUEUE, count_max=9999))]
        records = store.read(lambda tx: tx.logs.read_back(LOG, count_max=1))
        message = NewMessage(message_id="9999", body=b"", sent_ms=NOW_MS, due_ms=NOW_MS)
        sequence = store.write(lambda tx: tx.queues.put(QUEUE, message))
        assert sequence > max([*before, *[one.sequence for one in records]], default=0)
        if point == "never":
            assert len(kept) == sum(number % 7 != 6 for number in range(ROUNDS * COMMANDS_PER_ROUND))
    finally:
        store.close()


def test_a_write_ahead_log_cut_anywhere_leaves_a_prefix_of_the_commands(tmp_path: Path) -> None:
    """What a power failure may leave: the log's tail is missing or torn. Commands survive in order, each whole."""
    answers = run_child(tmp_path / "data", "committed", 6)
    database = tmp_path / "data" / "bascule.db"
    log = (tmp_path / "data" / "bascule.db-wal").read_bytes()
    assert len(log) > 20_000
    counts: set[int] = set()
    for cut in range(0, len(log), max(1, len(log) // 23)):
        folder = tmp_path / f"cut-{cut}"
        folder.mkdir()
        shutil.copy(database, folder / "bascule.db")
        (folder / "bascule.db-wal").write_bytes(log[:cut] + b"\xa5" * 512)
        store = open_store(folder)
        try:
            kept = check(store, {})
        finally:
            store.close()
        assert sorted(kept) == [number for number in range(max(kept, default=-1) + 1) if number % 7 != 6]
        counts.add(len(kept))
    assert len(counts) > 2
    assert max(counts) <= len(answers) + COMMANDS_PER_ROUND
