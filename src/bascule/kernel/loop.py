"""Background loops as data, and the host that decides which is due.

A loop is a synchronous ``tick(ctx, tx) -> next_due_ms``: bounded work in one transaction, then the moment it wants to be
called again (None: only when its signal fires or its poll interval passes). The host is pure bookkeeping: ``bascule.app``
drives it with real or simulated time, so that a day of ticks runs in a test in milliseconds.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from bascule.kernel.context import Context
    from bascule.kernel.store import Tx

log = logging.getLogger("bascule.loop")

#: A loop that asks for nothing is still called this often: signals are hints, polling is truth. milliseconds
POLL_MS = 1_000
#: After a crash a loop waits this long before it is called again. milliseconds
CRASH_PAUSE_MS = 1_000


class Loop(msgspec.Struct, frozen=True):
    """A named loop. ``signals`` are the wake-ups it listens to; ``poll_ms`` how often it looks without one."""

    name: str
    tick: Callable[[Context, Tx], int | None]
    signals: frozenset[str] = frozenset()
    poll_ms: int = POLL_MS


class LoopHost:
    """Knows when each loop is due.

    Promise  a loop is never run twice at once; a loop that raises is reported, counted and called again after a pause;
             a due time in the past means now.
    """

    def __init__(self, loops: Iterable[Loop], *, now_ms: int) -> None:
        self._due: dict[str, int] = {}
        #: Due times that a tick asked for; polls are not among them.
        self._wanted: dict[str, int] = {}
        #: Loops that were signalled since their tick began: what the tick saw may be older than the signal.
        self._signalled: set[str] = set()
        self._loops: dict[str, Loop] = {}
        self.crash_count = 0
        for loop in loops:
            assert loop.name not in self._loops, f"loop {loop.name} is declared twice"
            self._loops[loop.name] = loop
            self._due[loop.name] = self._wanted[loop.name] = now_ms

    @property
    def names(self) -> tuple[str, ...]:
        """All loops, in order of registration."""
        return tuple(self._loops)

    def due(self, now_ms: int) -> list[Loop]:
        """Loops to run now, longest overdue first."""
        names = sorted((due, name) for name, due in self._due.items() if due <= now_ms)
        return [self._loops[name] for _, name in names]

    def begin(self, loop: Loop) -> None:
        """A tick of ``loop`` starts now."""
        self._signalled.discard(loop.name)

    def next_due_ms(self) -> int | None:
        """The earliest due time, polls included; None when there is no loop."""
        return min(self._due.values(), default=None)

    def next_wanted_ms(self) -> int | None:
        """The earliest moment that a tick asked for; None when nothing waits for its time. Simulated time jumps to it."""
        return min(self._wanted.values(), default=None)

    def signalled(self, signals: frozenset[str], *, now_ms: int) -> None:
        """Make every loop that listens to one of ``signals`` due at once."""
        for name, loop in self._loops.items():
            if loop.signals & signals:
                self._signalled.add(name)
                self._due[name] = min(self._due[name], now_ms)
                self._wanted[name] = self._due[name]

    def ran(self, loop: Loop, next_due_ms: int | None, *, now_ms: int) -> None:
        """A tick finished and wants to be called at ``next_due_ms``; at once when it was signalled while it ran."""
        if loop.name in self._signalled:
            next_due_ms = now_ms
        if next_due_ms is None:
            self._wanted.pop(loop.name, None)
        else:
            self._wanted[loop.name] = next_due_ms
        poll_due = now_ms + loop.poll_ms
        self._due[loop.name] = poll_due if next_due_ms is None else min(next_due_ms, poll_due)

    def crashed(self, loop: Loop, error: BaseException, *, now_ms: int) -> None:
        """A tick raised: report it and try again after a pause."""
        self.crash_count += 1
        log.error("loop %s crashed and is tried again in %d ms", loop.name, CRASH_PAUSE_MS, exc_info=error)
        self._due[loop.name] = self._wanted[loop.name] = now_ms + CRASH_PAUSE_MS
