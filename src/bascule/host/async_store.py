"""The store for code that runs on the event loop.

A write is answered after its group is on disk, and a group of a thousand writes costs one wake-up: the composition root has
the store run commands and callbacks on the loop (``run_on_loop``). Reads run at once on the calling thread: a snapshot read of
a few rows is cheaper than a thread hop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from bascule.kernel.store import Outcome, Store, Tx

T = TypeVar("T")


class AsyncStore:
    """Awaitable writes and direct reads of a ``Store``."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def write(self, command: Callable[[Tx], T]) -> T:
        """Run ``command`` in a write transaction; gives its value once it is durable, or raises its exception."""
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        def done(outcome: Outcome) -> None:
            if answer.done():
                return
            if outcome.error is not None:
                answer.set_exception(outcome.error)
            else:
                answer.set_result(outcome.value)  # type: ignore[arg-type]  # the command's own value

        self.store.submit(command, done)
        return await answer

    def read(self, query: Callable[[Tx], T]) -> T:
        """Run a short ``query`` on a snapshot now."""
        return self.store.read(query)

    async def read_long(self, query: Callable[[Tx], T]) -> T:
        """Run a ``query`` that may touch many rows in a worker thread."""
        return await asyncio.to_thread(self.store.read, query)
