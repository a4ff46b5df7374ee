"""The log of one execution environment: one stream, platform lines and printed lines in order, bounded per invocation.

Events are collected and passed on together: at the end of a short invocation, and at each look of the watch during a long one.
So a warm invocation costs one call of the sink, and a slow one can still be followed live.
"""

from __future__ import annotations

from bascule.kernel.clock import Clock
from bascule.kernel.scope import Scope
from bascule.runtime.limits import LOG_BYTES_MAX, LOG_EVENT_OVERHEAD_BYTES, LOG_TAIL_BYTES
from bascule.runtime.ports import LogSink


class EnvironmentLog:
    """Collects events of one log stream.

    Promise  what a function prints beyond ``LOG_BYTES_MAX`` in one invocation is dropped and said so once; platform lines
             are never dropped.
    """

    def __init__(self, sink: LogSink, clock: Clock, scope: Scope, group: str, stream: str) -> None:
        self.stream = stream
        self._sink = sink
        self._clock = clock
        self._scope = scope
        self._group = group
        self._events: list[tuple[int, str]] = []
        self._budget_bytes = LOG_BYTES_MAX
        self._tail: str | None = None
        self._is_collecting = False

    def begin(self, wants_tail: bool) -> None:
        """A new invocation: its own budget and, if asked for, its own tail."""
        self._is_collecting = True
        self._budget_bytes = LOG_BYTES_MAX
        self._tail = "" if wants_tail else None

    def say(self, messages: list[str]) -> None:
        """Platform lines."""
        now_ms = self._clock.now_ms()
        for message in messages:
            self._events.append((now_ms, message))
            if self._tail is not None:
                self._tail += message

    def printed(self, messages: list[str]) -> bool:
        """Lines of the function; False when its budget is used up, so that the reader may slow down."""
        if self._tail is not None:
            self._tail = (self._tail + "".join(messages))[-LOG_TAIL_BYTES:]
        if self._budget_bytes <= 0:
            return False
        now_ms = self._clock.now_ms()
        for message in messages:
            self._events.append((now_ms, message))
            self._budget_bytes -= len(message) + LOG_EVENT_OVERHEAD_BYTES
            if self._budget_bytes <= 0:
                notice = f"[Bascule] Output of this invocation beyond {LOG_BYTES_MAX} bytes was dropped.\n"
                self._events.append((now_ms, notice))
                break
        if not self._is_collecting:
            self.flush()
        return self._budget_bytes > 0

    def flush(self) -> None:
        """Pass collected events on."""
        if self._events:
            events, self._events = self._events, []
            self._sink.write(self._scope, self._group, self.stream, events)

    def end(self) -> None:
        """The invocation is over; what a thread prints from now on goes out at once."""
        self._is_collecting = False
        self.flush()

    def tail(self) -> bytes:
        """The last 4 KB of this invocation's lines; empty when they were not asked for."""
        return b"" if self._tail is None else self._tail.encode()[-LOG_TAIL_BYTES:]
