"""Reads what an environment prints: a pipe of bytes becomes whole log events.

A line is an event, its line end included; ``\\r`` stays inside a line. A frame (``frames.LOG_MARK``) is an event whatever it
holds. The pipe is always read on, so a function never blocks on its output; one that floods is read slowly and so slowed.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from bascule.runtime.limits import FLOOD_PAUSE_S, LOG_EVENT_BYTES_MAX, PIPE_BYTES
from bascule.runtime.worker.bascule_environment.frames import LOG_HEAD, LOG_MARK

_FRAME_HEAD_BYTES = len(LOG_MARK) + LOG_HEAD.size
#: Every pipe is read into this: one loop, no waiting between.
_scratch = memoryview(bytearray(PIPE_BYTES))


class EventSplitter:
    """Cuts a stream of bytes into log events."""

    def __init__(self) -> None:
        self._rest = b""

    @property
    def has_rest(self) -> bool:
        """Whether something waits for its end."""
        return bool(self._rest)

    def feed(self, chunk: bytes) -> list[str]:
        """The events that are complete now."""
        data = self._rest + chunk if self._rest else chunk
        events: list[str] = []
        while (mark := data.find(LOG_MARK)) >= 0:
            self._lines(data[:mark], events, is_end=True)
            frame = data[mark:]
            if len(frame) < _FRAME_HEAD_BYTES:
                self._rest = frame
                return events
            (length,) = LOG_HEAD.unpack_from(frame, len(LOG_MARK))
            if length > LOG_EVENT_BYTES_MAX:
                data = frame[len(LOG_MARK) :]
                continue
            end = _FRAME_HEAD_BYTES + length
            if len(frame) < end:
                self._rest = frame
                return events
            text = frame[_FRAME_HEAD_BYTES:end].decode("utf-8", "replace")
            events.append(text if text.endswith("\n") else text + "\n")
            data = frame[end:]
        self._rest = self._lines(data, events, is_end=False)
        return events

    def finish(self) -> list[str]:
        """What remains when nothing more will come, for instance a line without an end."""
        events: list[str] = []
        self._lines(self._rest, events, is_end=True)
        self._rest = b""
        return events

    @staticmethod
    def _lines(data: bytes, events: list[str], *, is_end: bool) -> bytes:
        *whole, rest = data.split(b"\n")
        for line in whole:
            while len(line) >= LOG_EVENT_BYTES_MAX:
                events.append(line[:LOG_EVENT_BYTES_MAX].decode("utf-8", "replace"))
                line = line[LOG_EVENT_BYTES_MAX:]
            events.append(line.decode("utf-8", "replace") + "\n")
        while len(rest) >= LOG_EVENT_BYTES_MAX:
            events.append(rest[:LOG_EVENT_BYTES_MAX].decode("utf-8", "replace"))
            rest = rest[LOG_EVENT_BYTES_MAX:]
        if is_end and rest:
            events.append(rest.decode("utf-8", "replace") + "\n")
            return b""
        return rest


class OutputReader:
    """Reads one pipe on the event loop and hands events to ``printed``, which gives False when they are being dropped.

    One that is not ``is_reading`` from the start leaves everything in the pipe until ``begin``.
    """

    def __init__(self, fd: int, printed: Callable[[list[str]], bool], *, is_reading: bool = True) -> None:
        self._fd = fd
        self._printed = printed
        self._splitter = EventSplitter()
        self._loop = asyncio.get_running_loop()
        self._resume: asyncio.TimerHandle | None = None
        self._is_open = True
        os.set_blocking(fd, False)
        if is_reading:
            self.begin()

    def begin(self) -> None:
        """Start to read."""
        if self._is_open:
            self._loop.add_reader(self._fd, self._readable)

    def drain(self) -> None:
        """Read what is in the pipe now, and end an unfinished line: an invocation's output ends with it.

        Bounded: a writer that never stops gets two pipes full.
        """
        for _ in range(4):
            if not self._is_open or self._read() < PIPE_BYTES // 2:
                break
        if self._splitter.has_rest and (rest := self._splitter.finish()):
            self._printed(rest)

    def close(self) -> None:
        """Read what is left and give the pipe up. Twice is fine."""
        if not self._is_open:
            return
        self.drain()
        self._shut()

    def _shut(self) -> None:
        if self._is_open:
            self._is_open = False
            if self._resume is not None:
                self._resume.cancel()
            self._loop.remove_reader(self._fd)
            os.close(self._fd)

    def _readable(self) -> None:
        self._read()

    def _read(self) -> int:
        try:
            count = os.readv(self._fd, (_scratch,))
        except BlockingIOError:
            return 0
        if not count:
            if rest := self._splitter.finish():
                self._printed(rest)
            self._shut()
            return 0
        if not self._printed(self._splitter.feed(bytes(_scratch[:count]))) and self._resume is None:
            self._loop.remove_reader(self._fd)
            self._resume = self._loop.call_later(FLOOD_PAUSE_S, self._read_on)
        return count

    def _read_on(self) -> None:
        self._resume = None
        if self._is_open:
            self._loop.add_reader(self._fd, self._readable)
