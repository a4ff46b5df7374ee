"""Where the runtime drops what functions print: never waits, never blocks, never grows without bound.

Lines are collected for a moment and written in one command for all functions together, because a commit per line would
cost more than the functions themselves. What cannot be taken is counted and said in the log itself: a gap is never silent.
Lines that are not yet written are lost in a crash, as they are on AWS.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence

from bascule.kernel.clock import Clock
from bascule.kernel.ids import Ids
from bascule.kernel.scope import Scope
from bascule.kernel.store import Outcome, Store, StoreBusy, StoreClosed, Tx
from bascule.services.logs.state import append_events, ensure_stream

log = logging.getLogger("bascule.logs")

#: How long lines are collected before they are written. seconds
COLLECT_S = 0.02
#: After the store had no room, the next try. seconds
BUSY_PAUSE_S = 0.1
#: Lines held in memory at most. count and bytes
LINES_MAX = 50_000
BYTES_MAX = 32 * 1024 * 1024
#: Lines written by one command. count
LINES_PER_COMMAND_MAX = 5_000

StreamKey = tuple[Scope, str, str]
Later = Callable[[float, Callable[[], None]], object]


class LogSink:
    """Writes the output of functions to log groups.

    Takes    later: runs a callback after some seconds on the thread that also calls ``write`` (``loop.call_later``).
    Promise  lines of one stream stay in order; at most one command is under way; the store's completions must run on
             the thread that calls ``write``.
    """

    def __init__(self, store: Store, clock: Clock, ids: Ids, later: Later) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._later = later
        self._waiting: deque[tuple[StreamKey, Sequence[tuple[int, str]]]] = deque()
        self._line_count = 0
        self._byte_count = 0
        self._lost: dict[StreamKey, int] = {}
        self._is_scheduled = False
        self._is_writing = False
        self._idle_callbacks: list[Callable[[], None]] = []
        #: Lines that were not written, since the start. count
        self.lost_count = 0

    @property
    def is_idle(self) -> bool:
        """Whether everything that was written has reached the store."""
        return not self._waiting and not self._lost and not self._is_writing

    def write(self, scope: Scope, group: str, stream: str, events: Sequence[tuple[int, str]]) -> None:
        """Take (at_ms, message) lines of one stream; returns at once."""
        if not events:
            return
        key = (scope, group, stream)
        size = sum(len(message) for _, message in events)
        if self._line_count + len(events) > LINES_MAX or self._byte_count + size > BYTES_MAX:
            self._lose(key, len(events))
        else:
            self._waiting.append((key, events))
            self._line_count += len(events)
            self._byte_count += size
        self._schedule(COLLECT_S)

    def when_idle(self, callback: Callable[[], None]) -> None:
        """Write what is waiting without delay, then call ``callback`` once."""
        self._idle_callbacks.append(callback)
        self._flush()

    def _lose(self, key: StreamKey, count: int) -> None:
        self._lost[key] = self._lost.get(key, 0) + count
        self.lost_count += count

    def _schedule(self, delay_s: float) -> None:
        if not self._is_scheduled and not self._is_writing:
            self._is_scheduled = True
            self._later(delay_s, self._flush)

    def _flush(self) -> None:
        self._is_scheduled = False
        if self._is_writing:
            return
        if self.is_idle:
            self._report_idle()
            return
        batch = self._take()
        self._is_writing = True
        try:
            self._store.submit(lambda tx: self._command(tx, batch), lambda outcome: self._done(batch, outcome))
        except StoreBusy:
            self._is_writing = False
            self._put_back(batch)
            self._schedule(BUSY_PAUSE_S)
        except StoreClosed:
            self._is_writing = False
            self._waiting.clear()
            self._lost.clear()
            self._report_idle()

    def _take(self) -> dict[StreamKey, list[tuple[int, str]]]:
        batch: dict[StreamKey, list[tuple[int, str]]] = {}
        count = 0
        while self._waiting and count < LINES_PER_COMMAND_MAX:
            key, events = self._waiting.popleft()
            batch.setdefault(key, []).extend(events)
            count += len(events)
            self._line_count -= len(events)
            self._byte_count -= sum(len(message) for _, message in events)
        now_ms = self._clock.now_ms()
        for key, lost in self._lost.items():
            message = f"{lost} log lines were lost here: they came faster than they could be written.\n"
            batch.setdefault(key, []).append((now_ms, message))
        self._lost.clear()
        return batch

    def _put_back(self, batch: dict[StreamKey, list[tuple[int, str]]]) -> None:
        for key, events in reversed(batch.items()):
            self._waiting.appendleft((key, events))
            self._line_count += len(events)
            self._byte_count += sum(len(message) for _, message in events)

    def _command(self, tx: Tx, batch: dict[StreamKey, list[tuple[int, str]]]) -> None:
        now_ms = self._clock.now_ms()
        for (scope, group, stream), events in batch.items():
            found = ensure_stream(tx, self._ids, scope, group, stream, now_ms=now_ms)
            append_events(tx, scope, group, found, events, now_ms=now_ms)

    def _done(self, batch: dict[StreamKey, list[tuple[int, str]]], outcome: Outcome) -> None:
        self._is_writing = False
        if outcome.error is not None:
            log.error("log lines of %d streams were not written", len(batch), exc_info=outcome.error)
            for key, events in batch.items():
                self.lost_count += len(events)
                log.debug("lost %d lines of %s %s", len(events), key[1], key[2])
        if self._idle_callbacks:
            self._flush()
        elif self._waiting or self._lost:
            self._schedule(COLLECT_S)

    def _report_idle(self) -> None:
        callbacks, self._idle_callbacks = self._idle_callbacks, []
        for callback in callbacks:
            callback()
