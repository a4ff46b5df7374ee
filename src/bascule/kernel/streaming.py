"""Answers that begin while the function still runs: the contract between the runtime, the service and the edge.

The service asks for ``StreamedInvocation``; the runtime gives a ``ResponseStream`` as soon as the function has begun to answer,
or an ``InvocationResult`` when it ended without; the service says in ``StreamedOutput`` what becomes of chunks and of the end.
Nothing here waits: whoever sends the answer iterates.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol

import msgspec

from bascule.kernel.invocation import Invocation, InvocationResult


class BrokenOff(Exception):
    """What was begun cannot be completed; the client must see that it has not got everything."""


class StreamedInvocation(msgspec.Struct, frozen=True):
    """An execution whose answer is taken as it comes.

    ``ended`` hears how it ended and how many bytes it streamed, whether or not the caller stayed.
    """

    invocation: Invocation
    ended: Callable[[InvocationResult, int], None]


class ResponseStream(Protocol):
    """The answer of a running function, for one reader. A reader that does not read makes the function wait."""

    @property
    def executed_version(self) -> str:
        """The version that runs: ``$LATEST`` or a number."""

    @property
    def content_type(self) -> str:
        """What the function calls its answer."""

    @property
    def is_complete(self) -> bool:
        """Whether the function has ended its answer by itself and without an error."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """The chunks, in order; ends when no more will come, for whatever reason."""

    def result(self) -> Awaitable[InvocationResult]:
        """How the execution ended. Raises RuntimeUnavailable when the server stops meanwhile."""

    def abandon(self) -> None:
        """Nobody reads on: the function runs to its end and what it writes is dropped. Twice is fine."""


class StreamedOutput(msgspec.Struct, frozen=True):
    """The output of an operation whose model streams events.

    ``head`` is the output struct; ``answer`` is where chunks and the end come from; the functions make an event of each.
    """

    head: object
    answer: ResponseStream | InvocationResult
    of_chunk: Callable[[bytes], object]
    of_end: Callable[[InvocationResult], object]
