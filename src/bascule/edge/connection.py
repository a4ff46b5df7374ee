"""The client's side of a request while it waits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any


class ClientGone(Exception):
    """The client closed the connection before it could be answered."""


class Connection:
    """Tells whether the client still listens. Watching costs a task, so it starts with the first wait, not before."""

    def __init__(self, receive: Callable[[], Awaitable[MutableMapping[str, Any]]]) -> None:
        self._receive = receive
        self._watch: asyncio.Task[None] | None = None

    @staticmethod
    def none() -> Connection:
        """A connection that never goes away: in-process callers have none."""

        async def never() -> MutableMapping[str, Any]:
            await asyncio.Event().wait()
            raise AssertionError("nobody sets it")

        return Connection(never)

    async def _until_gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    def watch(self) -> None:
        """Start to notice that the client goes away."""
        if self._watch is None:
            self._watch = asyncio.ensure_future(self._until_gone())

    def check(self) -> None:
        """Raise ``ClientGone`` when it went away since ``watch``: nobody would get what is found now."""
        if self._watch is not None and self._watch.done():
            raise ClientGone

    def close(self) -> None:
        """Stop watching."""
        if self._watch is not None:
            self._watch.cancel()
