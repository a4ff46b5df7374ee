"""A writer that runs commands on the thread of an event loop and leaves only the sync to a thread of its own.

Why: in CPython two busy threads pass the interpreter back and forth, and each statement of a writer thread may wait long to
get it back. A server that is an event loop anyway runs its commands between two requests, where nobody competes; while the
group is synced, which needs no interpreter, the loop goes on with requests (docs/decisions/0005).

Rules of the file. The session and its connection belong to one side at a time: to the loop while a group is run and flushed, to
the thread while it is synced or space is given back. ``_is_taken`` says that they are not free; only the loop's thread changes
it. Until ``attach`` the writer is an ordinary one.
"""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections import deque
from collections.abc import Callable

from bascule.engines.sqlite.connections import reclaim_space
from bascule.engines.sqlite.writer import GROUP_MAX, IDLE_SECONDS, INBOX_MAX, Committed, Submission, Writer, log
from bascule.kernel.store import Outcome, StoreBusy, StoreClosed

Later = Callable[[Callable[[], None]], object]

#: How long ``close`` waits for the loop to finish what was submitted. seconds
CLOSE_WAIT_S = 30.0


class CooperativeWriter(Writer):
    """``Writer`` for a process whose main thread is an event loop."""

    _soon: Later | None = None
    _soon_from_afar: Later

    def attach(self, call_soon: Later, call_soon_threadsafe: Later) -> None:
        """From now on run commands on the calling thread, which is the loop's. What was submitted before is finished first."""
        with self._gate:
            self._pending: deque[Submission] = deque()
            self._syncs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
            self._is_taken = False
            self._is_turn_due = False
            self._drained = threading.Event()
            self._loop_thread = threading.get_ident()
            self._soon_from_afar = call_soon_threadsafe
            self._soon = call_soon
            self._inbox.put(None)
        self.thread.join()
        self.thread = threading.Thread(target=self._run_syncs, name="bascule-sync", daemon=True)
        self.thread.start()

    def submit(self, submission: Submission) -> None:
        if self._soon is None:
            super().submit(submission)
            return
        with self._gate:
            if self._refusal is not None:
                raise StoreClosed(self._refusal)
            if len(self._pending) >= INBOX_MAX:
                raise StoreBusy(StoreBusy.__doc__)
            self._pending.append(submission)
            if self._is_turn_due:
                return
            self._is_turn_due = True
        if threading.get_ident() == self._loop_thread:
            self._soon(self._turn)
        else:
            self._soon_from_afar(self._turn)

    def close(self) -> None:
        if self._soon is None:
            super().close()
            return
        with self._gate:
            is_first = not self._is_closing
            self._is_closing = True
            self._refusal = self._refusal or "The store is closed."
        if is_first:
            self._soon_from_afar(self._turn)
            if not self._drained.wait(CLOSE_WAIT_S):
                log.error("the store was closed before all commands were done: the event loop does not run")
            self._syncs.put(None)
        self.thread.join()

    # -- on the loop's thread ----------------------------------------------------------------------------------------

    def _turn(self) -> None:
        """Run what is pending as one group, unless the session is taken; its return brings the next turn."""
        if self._is_taken:
            return
        with self._gate:
            self._is_turn_due = False
            group = [self._pending.popleft() for _ in range(min(GROUP_MAX, len(self._pending)))]
            is_over = self._is_closing and not group
        if is_over:
            self._drained.set()
        elif group:
            self._run_group(group)

    def _run_group(self, group: list[Submission]) -> None:
        if self._refusal is not None and not self._is_closing:
            self._deliver(group, *self._refused(group))
            self._next_turn()
            return
        try:
            outcomes = [self._run_command(submission.command, False) for submission in group]
            self._session.flush_group(is_synced_apart=True)
        except Exception as error:  # noqa: BLE001 - the loop's top: whatever it was, the group is undone and answered
            self._finish(group, *self._recover(group, error))
            return
        if not self._session.is_begun:
            self._finish(group, outcomes, *self._session.commit())
            return
        self._is_taken = True
        self._syncs.put(lambda: self._sync(group, outcomes))

    def _synced(self, group: list[Submission], committed: Committed | Exception) -> None:
        self._is_taken = False
        if isinstance(committed, Exception):
            committed = self._recover(group, committed)
        self._finish(group, *committed)

    def _finish(self, group: list[Submission], *committed: object) -> None:
        outcomes, signals, actions = committed
        self._deliver(group, outcomes, signals, actions)  # type: ignore[arg-type]  # the parts of a ``Committed``
        self._next_turn()

    def _next_turn(self) -> None:
        """Go on at once with what came meanwhile: its callers have waited for the sync already."""
        assert self._soon is not None
        with self._gate:
            if not self._pending and not self._is_closing:
                return
            self._is_turn_due = True
        self._soon(self._turn)

    def _idle(self) -> None:
        """Nothing was synced for a while: lend the session to the thread, which gives free pages back."""
        if self._is_taken or self._pending or self._refusal is not None:
            return
        self._is_taken = True
        self._syncs.put(self._give_back)

    def _returned(self) -> None:
        self._is_taken = False
        self._next_turn()

    # -- on the thread -----------------------------------------------------------------------------------------------

    def _run_syncs(self) -> None:
        is_idle = False
        while True:
            try:
                sync = self._syncs.get(timeout=None if is_idle else IDLE_SECONDS)
            except queue.Empty:
                is_idle = True
                self._soon_from_afar(self._idle)
                continue
            if sync is None:
                return
            sync()
            is_idle = sync == self._give_back

    def _sync(self, group: list[Submission], outcomes: list[Outcome]) -> None:
        try:
            committed: Committed | Exception = (outcomes, *self._session.commit())
        except Exception as error:  # noqa: BLE001 - the group's failure is dealt with on the loop's thread
            committed = error
        self._soon_from_afar(lambda: self._synced(group, committed))

    def _give_back(self) -> None:
        try:
            while self._refusal is None and not self._pending and reclaim_space(self._connection):
                pass
        except sqlite3.Error as error:
            log.warning("free space stays in the database for now: %s", error)
        self._soon_from_afar(self._returned)
