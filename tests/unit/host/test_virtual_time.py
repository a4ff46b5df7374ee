"""How time moves through a system of parts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from bascule.host.virtual_time import MORE_TO_PASS, VirtualTime, Worker
from bascule.kernel.clock import SimulatedClock


class Timer:
    """A part that notes when it was due, and follows a plan of gaps."""

    def __init__(self, clock: SimulatedClock, *gaps_ms: int) -> None:
        self._clock = clock
        self._gaps = list(gaps_ms)
        self.due_ms: int | None = clock.now_ms() + self._gaps.pop(0)
        self.rang_ms: list[int] = []
        self.is_idle = True
        clock.on_change(self._look)

    def next_due_ms(self) -> int | None:
        return self.due_ms

    def _look(self) -> None:
        if self.due_ms is not None and self.due_ms <= self._clock.now_ms():
            self.is_idle = False
            asyncio.get_running_loop().call_later(0.001, self._ring)

    def _ring(self) -> None:
        self.rang_ms.append(self._clock.now_ms())
        self.due_ms = self._clock.now_ms() + self._gaps.pop(0) if self._gaps else None
        self.is_idle = True


async def _nothing() -> None:
    await asyncio.sleep(0)


def _run(play: Callable[[SimulatedClock, VirtualTime], Awaitable[None]]) -> None:
    async def playing() -> None:
        clock = SimulatedClock(0)
        await play(clock, VirtualTime(clock, _nothing))

    asyncio.run(playing())


def test_every_due_moment_on_the_way_is_passed_in_order() -> None:
    async def play(clock: SimulatedClock, time: VirtualTime) -> None:
        first, second = Timer(clock, 10, 30, 30), Timer(clock, 25)
        time.add("first", first)
        time.add("second", second)
        assert await time.advance_to(50, clock.jump_to) == []
        assert (first.rang_ms, second.rang_ms) == ([10, 40], [25])
        assert clock.now_ms() == 50
        assert time.next_due_ms() == 70

    _run(play)


def test_time_waits_for_what_runs() -> None:
    async def play(clock: SimulatedClock, time: VirtualTime) -> None:
        running = True
        time.add("function", Worker(lambda: not running))
        time.add("timer", Timer(clock, 10))
        moving = asyncio.ensure_future(time.advance_to(10, clock.jump_to))
        await asyncio.sleep(0.01)
        assert clock.now_ms() == 0
        running = False
        assert await moving == []
        assert clock.now_ms() == 10

    _run(play)


def test_what_never_becomes_quiet_is_named_after_the_time_allowed() -> None:
    async def play(clock: SimulatedClock, time: VirtualTime) -> None:
        time.add("idle", Worker(lambda: True))
        time.add("function", Worker(lambda: False))
        assert await time.settle(0.01) == ["function"]
        assert await time.advance_to(10, clock.jump_to, 0.01) == ["function"]
        assert clock.now_ms() == 0

    _run(play)


def test_more_moments_than_the_time_allowed_are_given_up_on() -> None:
    async def play(clock: SimulatedClock, time: VirtualTime) -> None:
        time.add("beat", Timer(clock, *[1] * 1_000))
        assert await time.advance_to(1_000, clock.jump_to, 0.02) in ([MORE_TO_PASS], ["beat"])
        assert 0 < clock.now_ms() < 1_000

    _run(play)


def test_a_commit_nobody_has_heard_of_is_waited_for() -> None:
    async def playing() -> None:
        clock = SimulatedClock(0)
        timer = Timer(clock, 5)
        timer.due_ms = None
        flushed = 0

        async def flush() -> None:
            nonlocal flushed
            flushed += 1
            if flushed == 1:
                timer.due_ms = 0
                timer._look()

        time = VirtualTime(clock, flush)
        time.add("timer", timer)
        assert await time.settle() == []
        assert timer.rang_ms == [0]

    asyncio.run(playing())
