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
from bascule.kernel.store import Outcome
from bascule.kernel.waiting import Perform, WaitFor

#: Carries out ``Perform.request``; bound by name in ``bascule.app``.
Performer = Callable[[Context, Any], Awaitable[object]]

#: An operation that asks for more waits than this is our bug. count
WAITS_MAX = 10_000


class Dispatcher:
    """The only place where operations are called."""

    def __init__(
        self,
        store: AsyncStore,
        board: WaitBoard,
        clock: Clock,
        performers: Mapping[str, Performer],
        over: Callable[[str, object], None] = lambda performer, outcome: None,
    ) -> None:
        """``over`` hears of each thing performed once its operation has come to an end, whichever."""
        self._over = over
        self._store = store
        self._board = board
        self._clock = clock
        self._performers = performers
        #: Requests that are neither answered nor waiting.
        self.acting_count = 0
        #: Requests that go on after a wait; held here, because the loop holds its tasks weakly.
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(
        self,
        operation: Operation,
        ctx: Context,
        given: object,
        connection: Connection,
        ended: Callable[[Outcome], None],
    ) -> None:
        """Call the operation until it gives an output. Most do at the first call, and need no task for it.

        Takes    ended: called once, perhaps before this returns, with the output or what was raised: AwsError as the operation
                 raised it; StoreBusy, StoreClosed; ClientGone during a wait; anything else is our bug.
        Promise  what a write operation wrote is durable before ``ended`` is called.
        """
        self.acting_count += 1
        serial = self._board.serial

        def called(outcome: Outcome) -> None:
            if outcome.error is None and isinstance(outcome.value, (WaitFor, Perform)):
                going = self._go_on(operation, ctx, given, connection, outcome.value, serial, ended)
                task = asyncio.get_running_loop().create_task(going)
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
                return
            self.acting_count -= 1
            ended(outcome)

        try:
            if operation.prepare is not None:
                given = operation.prepare(ctx, given)
            run = operation.run
            if operation.reads:
                outcome = Outcome(self._store.read(lambda tx: run(ctx, tx, given)))
            else:
                self._store.store.submit(lambda tx: run(ctx, tx, given), called)
                return
        except Exception as error:  # noqa: BLE001 - what an operation raises is its caller's answer
            outcome = Outcome(error=error)
        called(outcome)

    async def run(self, operation: Operation, ctx: Context, given: object, connection: Connection) -> object:
        """The same for those who wait: gives the output, or raises."""
        answer: asyncio.Future[object] = asyncio.get_running_loop().create_future()

        def ended(outcome: Outcome) -> None:
            if answer.done():
                return
            if outcome.error is not None:
                answer.set_exception(outcome.error)
            else:
                answer.set_result(outcome.value)

        self.begin(operation, ctx, given, connection, ended)
        return await answer

    async def _go_on(
        self,
        operation: Operation,
        ctx: Context,
        given: object,
        connection: Connection,
        result: object,
        serial: int,
        ended: Callable[[Outcome], None],
    ) -> None:
        """After a first call that asked for a wait."""
        acts: list[tuple[str, object]] = []
        try:
            for _ in range(WAITS_MAX):
                if isinstance(result, WaitFor):
                    await self._wait(result, serial)
                    connection.check()
                    ctx = ctx.resumed(result, now_ms=self._clock.now_ms())
                elif isinstance(result, Perform):
                    performed = await self._perform(ctx, result)
                    acts.append((result.performer, performed))
                    ctx = ctx.resumed(performed, now_ms=self._clock.now_ms())
                else:
                    outcome = Outcome(result)
                    break
                serial = self._board.serial
                result = await self._once(operation, ctx, given)
            else:
                raise AssertionError(f"{operation.name} never came to an end")
        except Exception as error:  # noqa: BLE001 - what an operation raises is its caller's answer
            outcome = Outcome(error=error)
        finally:
            self.acting_count -= 1
            for performer, performed in acts:
                self._over(performer, performed)
        ended(outcome)

    async def _wait(self, wait: WaitFor, serial: int) -> None:
        self.acting_count -= 1
        try:
            await self._board.wait(wait.signal, until_ms=wait.until_ms, since_serial=serial)
        finally:
            self.acting_count += 1

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
