"""Waiting requests, as virtual time sees them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from bascule.host.wait_board import WaitBoard
from bascule.kernel.clock import SimulatedClock


def _run(play: Callable[[SimulatedClock, WaitBoard], Awaitable[None]]) -> None:
    async def playing() -> None:
        clock = SimulatedClock(1_000)
        await play(clock, WaitBoard(clock))

    asyncio.run(playing())


async def _started(board: WaitBoard, until_ms: int, *, is_timed: bool = True) -> asyncio.Task[None]:
    task = asyncio.create_task(board.wait("s", until_ms=until_ms, since_serial=board.serial, is_timed=is_timed))
    await asyncio.sleep(0)
    return task


def test_the_earliest_end_of_a_wait_is_due() -> None:
    async def play(clock: SimulatedClock, board: WaitBoard) -> None:
        assert board.next_due_ms() is None
        tasks = [await _started(board, 5_000), await _started(board, 3_000)]
        assert (board.next_due_ms(), board.is_idle, board.waiter_count) == (3_000, True, 2)
        board.fire(["s"])
        await asyncio.gather(*tasks)
        assert (board.next_due_ms(), board.is_idle) == (None, True)

    _run(play)


def test_a_woken_waiter_is_busy_until_it_has_gone_on() -> None:
    async def play(clock: SimulatedClock, board: WaitBoard) -> None:
        task = await _started(board, 5_000)
        clock.jump_to(5_000)
        assert not board.is_idle
        await task
        assert board.is_idle

    _run(play)


def test_a_wait_without_a_time_of_its_own_does_not_stop_time() -> None:
    async def play(clock: SimulatedClock, board: WaitBoard) -> None:
        task = await _started(board, 5_000, is_timed=False)
        assert (board.next_due_ms(), board.waiter_count) == (None, 1)
        board.wake_all()
        await task

    _run(play)


def test_a_wait_that_has_ended_or_was_signalled_before_does_not_begin() -> None:
    async def play(clock: SimulatedClock, board: WaitBoard) -> None:
        await board.wait("s", until_ms=1_000, since_serial=0)
        board.fire(["s"])
        await board.wait("s", until_ms=9_000, since_serial=0)
        assert board.is_idle

    _run(play)
