"""The client's side of a request while it waits."""

from __future__ import annotations

from collections.abc import Callable

from bascule.protocol import HttpAnswer, HttpStreamedAnswer

#: Gets the answer to a request; None when nobody waits for it any more.
Answered = Callable[[HttpAnswer | HttpStreamedAnswer | None], None]


class ClientGone(Exception):
    """The client closed the connection before it could be answered."""


class Connection:
    """Tells whether the client still listens. In-process callers have one that never goes away."""

    __slots__ = ("is_gone",)

    def __init__(self) -> None:
        self.is_gone = False

    def check(self) -> None:
        """Raise ``ClientGone`` when it went away: nobody would get what is found now."""
        if self.is_gone:
            raise ClientGone
