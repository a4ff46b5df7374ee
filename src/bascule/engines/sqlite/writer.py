"""The writer: one thread that takes commands from a bounded inbox and commits them in groups.

Rules of the file: nobody is told of success before the group is on disk; a command that fails is undone alone; when SQLite
refuses a whole group (a value it cannot store) the group is run again command by command, to find whose fault it is; when
the disk fails nothing more is accepted, because what came after the failure could not be promised.
"""

from __future__ import annotations

import logging
import queue
import sqlite3
import threading
from collections.abc import Callable
from sqlite3 import Connection
from typing import NamedTuple

from bascule.engines.sqlite.connections import reclaim_space
from bascule.engines.sqlite.session import WriteSession
from bascule.engines.sqlite.transaction import Ports, SqliteTx
from bascule.kernel.store import Outcome, StoreBusy, StoreClosed, Tx

log = logging.getLogger("bascule.store")

#: Commands waiting for the writer. count
INBOX_MAX = 8192
#: Commands committed together. count
GROUP_MAX = 256
#: An idle writer starts giving free pages back after this. seconds
IDLE_SECONDS = 2.0
#: SQLite's answers that mean the disk, not the statement, is at fault: no memory, read-only, I/O, corrupt, full,
#: cannot open, not a database. primary result codes
_DISK_CODES = frozenset({7, 8, 10, 11, 13, 14, 26})


#: A group's outcomes, its signals and what to do after its commit.
Committed = tuple[list[Outcome], frozenset[str], list[Callable[[], None]]]


class Submission(NamedTuple):
    """A command in the inbox. ``is_waited``: a thread blocks on ``done``, so the writer calls it itself, last of its group."""

    command: Callable[[Tx], object]
    done: Callable[[Outcome], None]
    is_waited: bool = False


class Writer:
    """Owns the writing connection through its session, and the only thread that writes."""

    def __init__(self, session: WriteSession, connection: Connection) -> None:
        self._session = session
        self._connection = connection
        self._ports = Ports(session)
        self._inbox: queue.SimpleQueue[Submission | None] = queue.SimpleQueue()
        self._gate = threading.Lock()
        self._refusal: str | None = None
        self._is_closing = False
        self._run_soon: Callable[[Callable[[], None]], object] | None = None
        self._listener: Callable[[frozenset[str]], None] | None = None
        self.thread = threading.Thread(target=self._run, name="bascule-writer", daemon=True)
        self.thread.start()

    def submit(self, submission: Submission) -> None:
        """Put a command in the inbox. Raises StoreBusy, StoreClosed."""
        with self._gate:
            if self._refusal is not None:
                raise StoreClosed(self._refusal)
            if self._inbox.qsize() >= INBOX_MAX:
                raise StoreBusy(StoreBusy.__doc__)
            self._inbox.put(submission)

    def set_completions(self, run_soon: Callable[[Callable[[], None]], object]) -> None:
        self._run_soon = run_soon

    def on_signal(self, listener: Callable[[frozenset[str]], None]) -> None:
        self._listener = listener

    def close(self) -> None:
        """Finish the inbox and end the thread; twice is fine."""
        with self._gate:
            if not self._is_closing:
                self._is_closing = True
                self._refusal = self._refusal or "The store is closed."
                self._inbox.put(None)
        if threading.current_thread() is not self.thread:
            self.thread.join()

    def reached(self, step: str) -> None:
        """Called between the steps of a group; recovery tests override it to die there."""

    def _run(self) -> None:
        is_open = True
        while is_open:
            group: list[Submission] = []
            item = self._next()
            while item is not None:
                group.append(item)
                if len(group) == GROUP_MAX:
                    break
                try:
                    item = self._inbox.get_nowait()
                except queue.Empty:
                    break
            is_open = item is not None
            if group:
                self._commit_group(group)

    def _next(self) -> Submission | None:
        """Wait for a command; after a pause, use the time to make the file smaller."""
        try:
            return self._inbox.get(timeout=IDLE_SECONDS)
        except queue.Empty:
            self._reclaim()
            return self._inbox.get()

    def _reclaim(self) -> None:
        try:
            while self._refusal is None and self._inbox.empty() and reclaim_space(self._connection):
                self.reached("reclaimed")
        except sqlite3.Error as error:
            log.warning("free space stays in the database for now: %s", error)

    def _commit_group(self, group: list[Submission]) -> None:
        if self._refusal is not None and not self._is_closing:
            self._deliver(group, *self._refused(group))
            return
        try:
            outcomes, signals, actions = self._attempt(group, is_isolated=False)
        except Exception as error:  # noqa: BLE001 - the loop's top: whatever it was, the group is undone and answered
            outcomes, signals, actions = self._recover(group, error)
        self._deliver(group, outcomes, signals, actions)

    def _recover(self, group: list[Submission], error: Exception) -> Committed:
        """Undo a group that could not be committed; unless the disk failed, run its commands again one by one.

        Without a disk failure SQLite refused something that was buffered, and only the command it came from shall fail.
        """
        try:
            if _is_disk_failure(error):
                raise error
            log.warning("a group of %d commands is run again one by one: %r", len(group), error)
            self._session.roll_back()
            return self._attempt(group, is_isolated=True)
        except Exception as failure:  # noqa: BLE001 - the disk, or our bug: nothing more can be promised
            return self._fail(group, failure)

    def _fail(self, group: list[Submission], error: Exception) -> Committed:
        """The disk failed: keep what is there, answer nobody with success, accept nothing more."""
        log.error("the store stops, because it cannot write: %s", error)
        with self._gate:
            self._refusal = f"The store stopped because it cannot write: {error}."
        try:
            self._session.roll_back()
        except sqlite3.Error as again:
            log.error("and the group could not be rolled back, which the next opening does: %s", again)
        return self._refused(group)

    def _refused(self, group: list[Submission]) -> Committed:
        return [Outcome(error=StoreClosed(self._refusal)) for _ in group], frozenset(), []

    def _attempt(self, group: list[Submission], *, is_isolated: bool) -> Committed:
        outcomes = [self._run_command(submission.command, is_isolated) for submission in group]
        self.reached("commands_run")
        self._session.flush_group()
        self.reached("flushed")
        signals, actions = self._session.commit()
        self.reached("committed")
        return outcomes, signals, actions

    def _run_command(self, command: Callable[[Tx], object], is_isolated: bool) -> Outcome:
        session = self._session
        session.begin_command()
        tx = SqliteTx(self._ports)
        failure: BaseException | None = None
        value: object = None
        try:
            value = command(tx)
            if is_isolated:
                session.see()
        except BaseException as error:  # noqa: BLE001 - the command's failure is its caller's answer
            failure = error
        finally:
            tx.end()
        if failure is None:
            self.reached("command_run")
            session.keep_command()
            return Outcome(value)
        if _is_disk_failure(failure):
            raise failure
        session.undo_command()
        return Outcome(error=failure)

    def _deliver(
        self,
        group: list[Submission],
        outcomes: list[Outcome],
        signals: frozenset[str],
        actions: list[Callable[[], None]],
    ) -> None:
        answers = [(one.done, outcome) for one, outcome in zip(group, outcomes, strict=True) if not one.is_waited]
        listener = self._listener if signals else None

        def complete() -> None:
            for done, outcome in answers:
                _call(done, outcome)
            for action in actions:
                _call(action)
            if listener is not None:
                _call(listener, signals)

        if self._run_soon is None:
            complete()
        elif answers or actions or listener is not None:
            _call(self._run_soon, complete)
        if len(answers) < len(group):
            for submission, outcome in zip(group, outcomes, strict=True):
                if submission.is_waited:
                    submission.done(outcome)


def _call(function: Callable[..., object], *arguments: object) -> None:
    """Run a callback; one that raises is reported and does not take the others' answers with it."""
    try:
        function(*arguments)
    except Exception as error:  # noqa: BLE001 - somebody else's callback; the writer must go on
        log.error("a completion of the store failed: %r", error)


def _is_disk_failure(error: BaseException) -> bool:
    return isinstance(error, sqlite3.Error) and (getattr(error, "sqlite_errorcode", 0) & 0xFF) in _DISK_CODES
