"""Runs an operation to its end: on a snapshot or on the writer, and again after every wait it asks for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from bascule.edge.connection import Connection
from bascule.host.async_store import AsyncStore
from bascule.host.wait_board import WaitBoard
from bascule.kernel.clock import Clock
from bascule.kernel.context import Context
from bascule.kernel.service import Operation
from bascule.kernel.waiting import Perform, WaitFor

#: Carries out ``Perform.request``; bound by name in ``bascule.app``.
Performer = Callable[[Context, Any], Awaitable[object]]

#: An operation that asks for more waits than this is our bug. count
WAITS_MAX = 10_000


class Dispatcher:
    """The only place where operations are called."""

    def __init__(self, store: AsyncStore, board: WaitBoard, clock: Clock, performers: Mapping[str, Performer]) -> None:
        self._store = store
        self._board = board
        self._clock = clock
        self._performers = performers
        #: Requests that are neither answered nor waiting.
        self.acting_count = 0

    async def run(self, operation: Operation, ctx: Context, given: object, connection: Connection) -> object:
        """Call the operation until it gives an output.

        Gives    the output struct.
        Raises   AwsError as the operation raised it; StoreBusy, StoreClosed; ClientGone during a wait; anything else is
                 our bug.
        Promise  what a write operation wrote is durable before this returns.
        """
        self.acting_count += 1
        try:
            return await self._run(operation, ctx, given, connection)
        finally:
            self.acting_count -= 1

    async def _run(self, operation: Operation, ctx: Context, given: object, connection: Connection) -> object:
        if operation.prepare is not None:
            given = operation.prepare(ctx, given)
        for _ in range(WAITS_MAX):
            serial = self._board.serial
            result = await self._once(operation, ctx, given)
            if isinstance(result, WaitFor):
                self.acting_count -= 1
                try:
                    await self._board.wait(result.signal, until_ms=result.until_ms, since_serial=serial)
                finally:
                    self.acting_count += 1
                connection.check()
                ctx = ctx.resumed(result, now_ms=self._clock.now_ms())
            elif isinstance(result, Perform):
                outcome = await self._perform(ctx, result)
                ctx = ctx.resumed(outcome, now_ms=self._clock.now_ms())
            else:
                return result
        raise AssertionError(f"{operation.name} never came to an end")

    async def _once(self, operation: Operation, ctx: Context, given: object) -> object:
        run = operation.run
        if operation.reads:
            return self._store.read(lambda tx: run(ctx, tx, given))
        return await self._store.write(lambda tx: run(ctx, tx, given))

    async def _perform(self, ctx: Context, perform: Perform) -> object:
        if perform.performer == "write":
            command: Any = perform.request
            return await self._store.write(lambda tx: command(ctx, tx))
        try:
            return await self._performers[perform.performer](ctx, perform.request)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - the operation decides what a failed performer means to the caller
            return error
