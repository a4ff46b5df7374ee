"""The credentials of functions: one session for each function, shared by its environments, renewed before it ends.

A session is a row in the store, so one for each environment would make every cold start wait for a commit. It is shared while
half of its life is left; an environment is not used any more shortly before its own credentials end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from bascule.kernel.clock import Clock
from bascule.kernel.invocation import FunctionVersion, RoleCredentials, RuntimeUnavailable
from bascule.kernel.scope import Scope
from bascule.kernel.store import StoreBusy, StoreClosed

#: Opens a session for a function; durable when it returns.
OpenSession = Callable[[FunctionVersion], Awaitable[RoleCredentials]]

_Owner = tuple[Scope, str, str]


async def account_credentials(function: FunctionVersion) -> RoleCredentials:
    """What a runtime without sessions gives: the account's number, which stands for its root."""
    return RoleCredentials(access_key=function.scope.account, secret="test", session_token="test")


class _Held:
    """A session that was opened or is being opened, and until when it is given to new environments."""

    __slots__ = ("opening", "share_until_ms")

    def __init__(self, opening: asyncio.Future[RoleCredentials]) -> None:
        self.opening = opening
        self.share_until_ms: int | None = None


class Credentials:
    """Sessions by function and role. Use from one event loop."""

    def __init__(self, open_session: OpenSession, clock: Clock) -> None:
        self._open = open_session
        self._clock = clock
        self._held: dict[_Owner, _Held] = {}

    async def of(self, function: FunctionVersion) -> RoleCredentials:
        """Credentials with at least half of their life before them.

        Raises   RuntimeUnavailable when none can be made now.
        """
        owner = (function.scope, function.name, function.role_arn)
        held = self._held.get(owner)
        if held is None or (held.share_until_ms is not None and self._clock.now_ms() >= held.share_until_ms):
            held = self._held[owner] = _Held(asyncio.ensure_future(self._opened(function, owner)))
            held.opening.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        return await asyncio.shield(held.opening)

    async def _opened(self, function: FunctionVersion, owner: _Owner) -> RoleCredentials:
        asked_ms = self._clock.now_ms()
        try:
            credentials = await self._open(function)
        except BaseException as error:  # raised again below
            self._held.pop(owner, None)
            if isinstance(error, StoreBusy | StoreClosed):
                raise RuntimeUnavailable(f"The function's credentials could not be made: {error}") from error
            raise
        if credentials.expires_ms is not None:
            self._held[owner].share_until_ms = (asked_ms + credentials.expires_ms) // 2
        self._forget_old(asked_ms)
        return credentials

    def _forget_old(self, now_ms: int) -> None:
        ended = [
            owner
            for owner, held in self._held.items()
            if held.share_until_ms is not None and held.share_until_ms <= now_ms
        ]
        for owner in ended:
            del self._held[owner]
