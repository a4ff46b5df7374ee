"""The answer of one invocation on its way from the function to its caller, while the function runs.

Bounded at both ends: when more than ``STREAM_BUFFER_BYTES`` wait for the reader, the connection on which the function writes is
not read on, so the function waits in its own write; beyond ``STREAM_BYTES_MAX`` nothing is taken any more.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Protocol

from bascule.kernel.invocation import InvocationResult
from bascule.runtime.limits import STREAM_BUFFER_BYTES, STREAM_BYTES_MAX


class Source(Protocol):
    """Where chunks come from, as far as it can be slowed down."""

    def pause(self) -> None:
        """Take no more from the function."""

    def resume(self) -> None:
        """Go on."""


class ResponseStream:
    """Implements ``kernel.streaming.ResponseStream``; one writer, one reader, one event loop."""

    def __init__(self, executed_version: str) -> None:
        self.executed_version = executed_version
        self.content_type = ""
        self.is_complete = False
        #: What the function has written so far.
        self.written_bytes = 0
        #: Done when the function has begun to answer, or will not any more.
        self.is_decided: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.has_begun = False
        self._source: Source | None = None
        self._chunks: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._news = asyncio.Event()
        self._is_over = False
        self._is_abandoned = False
        self._run: asyncio.Future[InvocationResult]

    def begin(self, content_type: str, source: Source) -> None:
        """The function has begun to answer."""
        self.content_type, self._source, self.has_begun = content_type, source, True
        self._decide()

    def write(self, chunk: bytes) -> bool:
        """Take a chunk. False when the answer is now longer than may be: the chunk was not taken."""
        if self.written_bytes + len(chunk) > STREAM_BYTES_MAX:
            return False
        self.written_bytes += len(chunk)
        if not self._is_abandoned:
            self._chunks.append(chunk)
            self._waiting_bytes += len(chunk)
            if self._waiting_bytes > STREAM_BUFFER_BYTES and self._source is not None:
                self._source.pause()
            self._news.set()
        return True

    def end(self, *, is_complete: bool) -> None:
        """No more chunks will come."""
        if self._is_over:
            return
        self._is_over, self.is_complete = True, is_complete
        source, self._source = self._source, None
        if source is not None:
            # What comes after the answer is somebody else's.
            source.resume()
        self._news.set()

    def follow(self, run: asyncio.Future[InvocationResult]) -> None:
        """Learn of the execution's end, whatever comes of the answer."""
        self._run = run
        run.add_done_callback(self._on_run_over)

    def _on_run_over(self, run: object) -> None:
        self.end(is_complete=False)
        self._decide()

    def _decide(self) -> None:
        if not self.is_decided.done():
            self.is_decided.set_result(None)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """See ``kernel.streaming.ResponseStream``."""
        while True:
            while self._chunks:
                chunk = self._chunks.popleft()
                self._waiting_bytes -= len(chunk)
                if self._waiting_bytes <= STREAM_BUFFER_BYTES // 2 and self._source is not None:
                    self._source.resume()
                yield chunk
            if self._is_over:
                return
            self._news.clear()
            await self._news.wait()

    async def result(self) -> InvocationResult:
        """See ``kernel.streaming.ResponseStream``. Cancelling the caller does not stop the function."""
        return await asyncio.shield(self._run)

    def abandon(self) -> None:
        """See ``kernel.streaming.ResponseStream``."""
        self._is_abandoned = True
        self._chunks.clear()
        self._waiting_bytes = 0
        if self._source is not None:
            self._source.resume()
