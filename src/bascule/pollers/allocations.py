"""Tells the runtime what concurrency is promised to: reservations of functions, and environments to keep initialised.

The store is the truth. All of it is read at the start, so that kept environments come back with the server, and now and then;
in between a signal names what changed. An invocation therefore never reads what other functions have reserved.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Protocol

from bascule.host.async_store import AsyncStore
from bascule.kernel.arns import parse_arn
from bascule.kernel.context import Context
from bascule.kernel.invocation import FunctionVersion, Provision, Provisioned
from bascule.kernel.scope import Scope
from bascule.kernel.store import StoreClosed
from bascule.services.lambda_.allocations import provisions, reservation, reservations
from bascule.services.lambda_.state import CHANGED_SIGNAL, PROVISIONED_SIGNAL

#: Everything is read again this often, signals or not. seconds
POLL_S = 60.0
#: A start that finds that functions were used before prepares them after this long, so that it delays no first answer. seconds
PREPARE_AFTER_S = 1.0
#: ... at most so many of them; one zygote serves all of a runtime. count
PREPARED_MAX = 16


class Allocator(Protocol):
    """The runtime as this module sees it."""

    @property
    def packages_left(self) -> frozenset[str]:
        """Digests of the packages that functions of an earlier server of this data directory were run from."""

    def keep(self, wishes: Sequence[Provision]) -> None:
        """Keep these environments initialised and no others."""

    def kept(self, owner: str) -> Provisioned:
        """What there is of what an owner wished."""

    def reserve(self, reservations: Mapping[tuple[Scope, str], int]) -> None:
        """These functions have reservations and no others."""

    def reserve_one(self, place: tuple[Scope, str], reserved: int | None) -> None:
        """The reservation of one function changed."""

    def prepare(self, function: FunctionVersion) -> None:
        """Start what the function's first invocation needs, in the background."""


class Allocations:
    """The reader of what is promised. Use from one event loop."""

    def __init__(self, store: AsyncStore, runtime: Allocator) -> None:
        self._store = store
        self._runtime = runtime
        self._change_count = 0

    def look(self) -> None:
        """Read everything. Promise: before the first invocation is admitted when called before the server answers."""
        found = self._store.read(reservations)
        self._runtime.reserve(found.reserved)
        self._keep()

    async def run(self) -> None:
        """Run until cancelled."""
        await asyncio.sleep(PREPARE_AFTER_S)
        self._prepare_used()
        while True:
            await asyncio.sleep(POLL_S)
            try:
                await self._poll()
            except StoreClosed:
                return

    async def _poll(self) -> None:
        """Read everything beside the event loop; what changes meanwhile is newer than what is read."""
        change_count = self._change_count
        found = await self._store.read_long(reservations)
        if change_count == self._change_count:
            self._runtime.reserve(found.reserved)
            self._keep()

    def _prepare_used(self) -> None:
        packages = self._runtime.packages_left
        if packages:
            for function in self._store.read(partial(reservations, packages=packages)).used[:PREPARED_MAX]:
                self._runtime.prepare(function)

    def wake(self, signals: frozenset[str]) -> None:
        """Hints that functions or provisioned concurrency changed."""
        must_keep = PROVISIONED_SIGNAL in signals
        for signal in signals:
            if signal.startswith(CHANGED_SIGNAL):
                must_keep = True
                self._change_count += 1
                arn = parse_arn(signal.removeprefix(CHANGED_SIGNAL))
                if arn is not None:
                    name = arn.resource.removeprefix("function:")
                    reserved = self._store.read(partial(reservation, scope=arn.scope, name=name))
                    self._runtime.reserve_one((arn.scope, name), reserved)
        if must_keep:
            self._keep()

    def _keep(self) -> None:
        self._runtime.keep(self._store.read(provisions))

    async def states(self, ctx: Context, owners: list[str]) -> dict[str, Provisioned]:
        """What there is for versions and aliases, by qualified ARN; a performer."""
        return {owner: self._runtime.kept(owner) for owner in owners}
