"""Outcomes of asynchronous invocations on their way into the store.

Those that come while a group is being written make the next group, so a burst of short runs costs few transactions. One
that cannot be written does not keep the others of its group back: they are then tried one by one.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from bascule.host.contexts import Contexts
from bascule.kernel.invocation import InvocationResult
from bascule.kernel.store import StoreClosed, Tx
from bascule.pollers.lane import Lane
from bascule.services.lambda_.async_work import settle_work

log = logging.getLogger("bascule.async_invocations")


class Ended(NamedTuple):
    """A run that is over. The token tells its lease from a later one of the same event."""

    lane: Lane
    sequence: int
    token: str
    outcome: InvocationResult | Exception


class Outcomes:
    """What has ended and is not yet written."""

    def __init__(
        self,
        contexts: Contexts,
        write: Callable[[Callable[[Tx], None]], Awaitable[None]],
        settled: Callable[[Lane], None],
    ) -> None:
        """Takes    write: durably, in one transaction; settled: a lane has one event less to hold."""
        self._contexts = contexts
        self._write = write
        self._settled = settled
        self._ended: list[Ended] = []
        self._is_settling = False

    def add(self, ended: Ended) -> bool:
        """Take an outcome in; True when nobody is about to ``settle``, and the caller has to now."""
        self._ended.append(ended)
        is_first, self._is_settling = not self._is_settling, True
        return is_first

    async def settle(self) -> None:
        """Write outcomes until none is left."""
        try:
            while self._ended:
                ended, self._ended = self._ended, []
                await self._settle_group(ended)
        finally:
            self._is_settling = False

    async def _settle_group(self, ended: list[Ended]) -> None:
        try:
            await self._write(self._settling(ended))
        except StoreClosed:
            raise
        except Exception as error:  # one outcome that cannot be written must not keep the others back
            if len(ended) > 1:
                for one in ended:
                    await self._settle_group([one])
                return
            log.error("the outcome of an event of %s was not written; it runs again", ended[0].lane, exc_info=error)
        for one in ended:
            # An event that is due again at once may have been leased anew before this was answered.
            if (held := one.lane.held.get(one.sequence)) is not None and held.event.token == one.token:
                del one.lane.held[one.sequence]
            self._settled(one.lane)

    def _settling(self, ended: list[Ended]) -> Callable[[Tx], None]:
        steps = [
            (self._contexts.make(one.lane.function.scope), one, one.lane.held[one.sequence])
            for one in ended
            if one.sequence in one.lane.held
        ]

        def settle(tx: Tx) -> None:
            for ctx, one, work in steps:
                settle_work(ctx, tx, one.lane.function, work, one.outcome)

        return settle
