"""A process that works on a store and kills itself at a chosen point; the test beside it looks at what is left.

``python child.py DIRECTORY POINT NTH``: POINT is a step of the writer (``committed``) or the beginning of a statement
(``INSERT INTO message``); the process dies when it comes there for the NTH time. Each acknowledged command is a line of
output, written at once. The production code knows nothing of this: the writer's step method is overridden, and statements
are seen through SQLite's own trace.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from sqlite3 import Connection

from bascule.engines.sqlite.directory import DataDirectory
from bascule.engines.sqlite.session import WriteSession
from bascule.engines.sqlite.store import SqliteStore
from bascule.engines.sqlite.writer import Writer
from bascule.kernel.documents import DocumentKey
from bascule.kernel.queues import NewMessage
from bascule.kernel.scope import Scope
from bascule.kernel.store import Outcome, Tx

QUEUE = "sqs/one"
LOG = "log"
NOW_MS = 1_700_000_000_000
ROUNDS = 8
COMMANDS_PER_ROUND = 12


def key(kind: str, name: object) -> DocumentKey:
    """Where the workload keeps its documents."""
    return DocumentKey(f"recovery.{kind}", Scope(), "", str(name))


class Refused(Exception):
    """Commands that are meant to fail."""


def command(number: int, tx: Tx) -> None:
    """Everything a command can do, so that a half of it can be told from the whole."""
    tx.documents.put(key("done", number), b"%d" % number)
    tx.queues.put(QUEUE, NewMessage(message_id=str(number), body=b"x" * 3000, sent_ms=NOW_MS, due_ms=NOW_MS))
    tx.logs.append(LOG, [(NOW_MS, b"%d" % number)])
    if number % 3 == 0:
        for one in tx.queues.lease(QUEUE, now_ms=NOW_MS, lease_ms=1000, count_max=1):
            assert tx.queues.settle(QUEUE, one.message.sequence, one.token)
            tx.documents.put(key("settled", one.message.message_id), b"")
    if number % 4 == 0:
        tx.documents.page("recovery.done", Scope(), "", count_max=1)
    if number % 7 == 6:
        [held] = tx.queues.peek(QUEUE, count_max=1)
        assert tx.queues.settle(QUEUE, held.sequence, None)
        raise Refused


class DyingWriter(Writer):
    """Dies when it reaches the chosen point for the chosen time."""

    def __init__(self, session: WriteSession, connection: Connection) -> None:
        self.point, self.left = sys.argv[2], int(sys.argv[3])
        connection.set_trace_callback(self.reached)
        super().__init__(session, connection)

    def reached(self, step: str) -> None:
        if step.startswith(self.point):
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Submit rounds of commands, each round at once so that it forms groups; then end in good order."""
    store = SqliteStore(DataDirectory(Path(sys.argv[1])), is_durable=True, make_writer=DyingWriter)
    for start in range(0, ROUNDS * COMMANDS_PER_ROUND, COMMANDS_PER_ROUND):
        left = threading.Semaphore(0)

        def done(outcome: Outcome, number: int, left: threading.Semaphore) -> None:
            answer = "kept" if outcome.error is None else type(outcome.error).__name__
            os.write(1, f"{number} {answer}\n".encode())
            left.release()

        for number in range(start, start + COMMANDS_PER_ROUND):
            store.submit(
                lambda tx, n=number: command(n, tx),  # type: ignore[misc]
                lambda outcome, n=number, s=left: done(outcome, n, s),  # type: ignore[misc]
            )
        for _ in range(COMMANDS_PER_ROUND):
            left.acquire()
    store.close()
    os.write(1, b"end\n")


if __name__ == "__main__":
    main()
