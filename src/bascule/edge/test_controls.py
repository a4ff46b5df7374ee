"""End points that steer a server under test: its clock, its faults, and waiting until it is quiet. Only with ``--test``.

``POST /_bascule/clock``, ``POST /_bascule/settle`` and ``/_bascule/faults`` do not exist on other servers. How far the clock
is ahead is kept in the store, written before time moves: a server that is started again never finds itself in the past of
what it has written.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar
from urllib.parse import parse_qs

import msgspec

from bascule.edge.connection import Connection
from bascule.edge.internal import Internal, json_answer, wrong_body
from bascule.host.async_store import AsyncStore
from bascule.host.virtual_time import VirtualTime
from bascule.kernel.clock import SteerableClock
from bascule.kernel.documents import Collection
from bascule.kernel.scope import Scope
from bascule.kernel.store import Store
from bascule.protocol import HttpAnswer, HttpRequest

F = TypeVar("F", bound=msgspec.Struct)

#: How far one request may move time: ten years. seconds
ADVANCE_S_MAX = 315_360_000.0
#: Real time that settling and advancing may take. seconds
TIMEOUT_S_DEFAULT = 20.0
ADVANCE_TIMEOUT_S_DEFAULT = 60.0
TIMEOUT_S_MAX = 3_600.0
#: How often, and how long, a fault may be asked for. count, milliseconds
TIMES_MAX = 1_000_000
DELAY_MS_MAX = 86_400_000


class ClockState(msgspec.Struct, frozen=True):
    """How a server's time differs from real time."""

    ahead_ms: int
    frozen_ms: int | None = None


_states = Collection("test.clock", ClockState)
_CLOCK = "clock"


class ClockForm(msgspec.Struct, forbid_unknown_fields=True):
    """What ``POST /_bascule/clock`` takes; done in this order: freeze, advance, resume."""

    freeze: bool = False
    advance_s: float = 0.0
    resume: bool = False
    timeout_s: float = ADVANCE_TIMEOUT_S_DEFAULT


class SettleForm(msgspec.Struct, forbid_unknown_fields=True):
    """What ``POST /_bascule/settle`` takes."""

    timeout_s: float = TIMEOUT_S_DEFAULT


class FaultForm(msgspec.Struct, forbid_unknown_fields=True):
    """What ``POST /_bascule/faults`` takes."""

    target: str
    error: str
    times: int = 1
    delay_ms: int = 0
    at: str = "delivery"


class FaultBook(Protocol):
    """The faults of the delivery engine."""

    def put(self, target: str, error: str, *, times: int, delay_ms: int = 0, at: str = "delivery") -> None:
        """Have tries of a target fail; ValueError, one sentence, for what cannot be."""

    def listed(self) -> list[Any]:
        """What is still to be given, as structs."""

    def clear(self, target: str | None = None) -> int:
        """End faults."""


class _Refused(Exception):
    """The request cannot be carried out; the message is one sentence."""


def restore_clock(store: Store, clock: SteerableClock) -> None:
    """Set a clock that nobody has read yet to where the server's time was left."""
    state = store.read(lambda tx: _states.get(tx.documents, Scope(), _CLOCK))
    if state is not None:
        clock.restore(ahead_ms=state.ahead_ms, frozen_ms=state.frozen_ms)


def _form(request: HttpRequest, kind: type[F]) -> F:
    try:
        return msgspec.json.decode(request.body or b"{}", type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _Refused(wrong_body(request.path, error)) from None


def _bounded(name: str, value: float, most: float) -> float:
    if not 0 <= value <= most:
        raise _Refused(f"{name} must be between 0 and {most:.15g}.")
    return value


class Controls:
    """What steers a server; registered by the composition root. Without a clock that can be steered only faults exist."""

    def __init__(self, clock: SteerableClock | None, time: VirtualTime, faults: FaultBook, store: AsyncStore) -> None:
        self._clock = clock
        self._time = time
        self._faults = faults
        self._store = store
        self._steering = asyncio.Lock()

    def add_to(self, internal: Internal) -> None:
        """Have the end points answered."""
        if self._clock is not None:
            internal.add("GET", "/_bascule/clock", self._show_clock)
            internal.add("POST", "/_bascule/clock", self._steer)
        internal.add("POST", "/_bascule/settle", self._settle)
        internal.add("GET", "/_bascule/faults", self._list_faults)
        internal.add("POST", "/_bascule/faults", self._put_fault)
        internal.add("DELETE", "/_bascule/faults", self._clear_faults)

    def _shown_clock(self) -> dict[str, Any]:
        assert self._clock is not None
        now_ms = self._clock.now_ms()
        return {
            "now_ms": now_ms,
            "now": datetime.fromtimestamp(now_ms / 1000, UTC).isoformat(timespec="milliseconds"),
            "is_frozen": self._clock.is_frozen,
            "ahead_s": self._clock.ahead_ms / 1000,
            "next_due_ms": self._time.next_due_ms(),
        }

    async def _show_clock(self, request: HttpRequest, rest: str, connection: Connection) -> HttpAnswer:
        return json_answer(self._shown_clock())

    async def _steer(self, request: HttpRequest, rest: str, connection: Connection) -> HttpAnswer:
        clock = self._clock
        assert clock is not None
        try:
            form = _form(request, ClockForm)
            advance_ms = round(_bounded("advance_s", form.advance_s, ADVANCE_S_MAX) * 1000)
            timeout_s = _bounded("timeout_s", form.timeout_s, TIMEOUT_S_MAX)
            if not (form.freeze or form.resume or advance_ms):
                raise _Refused('Say what to do: {"freeze": true}, {"advance_s": 86400} or {"resume": true}.')
        except _Refused as refused:
            return json_answer({"message": str(refused)}, 400)
        busy: list[str] = []
        async with self._steering:
            if form.freeze:
                clock.freeze()
            if advance_ms:
                await self._keep(ahead_ms=advance_ms)
                busy = await self._time.advance_to(clock.now_ms() + advance_ms, clock.jump_to, timeout_s)
            if form.resume:
                clock.resume()
            await self._keep()
        if busy:
            message = f"Time could not move on within {timeout_s:g} s, because something is still busy."
            return json_answer({"message": message, "busy": busy, **self._shown_clock()}, 408)
        return json_answer(self._shown_clock())

    async def _keep(self, ahead_ms: int = 0) -> None:
        """Write where the clock stands, ``ahead_ms`` from now."""
        clock = self._clock
        assert clock is not None
        frozen_ms = clock.now_ms() + ahead_ms if clock.is_frozen else None
        state = ClockState(clock.ahead_ms + ahead_ms, frozen_ms)
        await self._store.write(lambda tx: _states.put(tx.documents, Scope(), _CLOCK, state))

    async def _settle(self, request: HttpRequest, rest: str, connection: Connection) -> HttpAnswer:
        try:
            timeout_s = _bounded("timeout_s", _form(request, SettleForm).timeout_s, TIMEOUT_S_MAX)
        except _Refused as refused:
            return json_answer({"message": str(refused)}, 400)
        busy = await self._time.settle(timeout_s)
        if busy:
            message = f"The system was not quiet within {timeout_s:g} s."
            return json_answer({"settled": False, "message": message, "busy": busy}, 408)
        return json_answer({"settled": True, "next_due_ms": self._time.next_due_ms()})

    async def _list_faults(self, request: HttpRequest, rest: str, connection: Connection) -> HttpAnswer:
        return json_answer({"faults": self._faults.listed()})

    async def _put_fault(self, request: HttpRequest, rest: str, connection: Connection) -> HttpAnswer:
        try:
            form = _form(request, FaultForm)
            times = round(_bounded("times", form.times, TIMES_MAX))
            delay_ms = round(_bounded("delay_ms", form.delay_ms, DELAY_MS_MAX))
            if (form.error == "delay") != (delay_ms > 0):
                raise _Refused("delay_ms is for the error 'delay', and 'delay' needs it.")
            self._faults.put(form.target, form.error, times=times, delay_ms=delay_ms, at=form.at)
        except _Refused as refused:
            return json_answer({"message": str(refused)}, 400)
        except ValueError as wrong:
            return json_answer({"message": str(wrong)}, 400)
        return json_answer({"faults": self._faults.listed()})

    async def _clear_faults(self, request: HttpRequest, rest: str, connection: Connection) -> HttpAnswer:
        target = parse_qs(request.query_string).get("target", [None])[-1]
        return json_answer({"cleared": self._faults.clear(target), "faults": self._faults.listed()})
