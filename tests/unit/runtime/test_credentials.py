"""Sessions of functions: shared, renewed at half their life, and what happens when none can be made."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from bascule.kernel.clock import SimulatedClock
from bascule.kernel.invocation import FunctionVersion, RoleCredentials, RuntimeUnavailable
from bascule.kernel.scope import Scope
from bascule.kernel.store import StoreBusy
from bascule.runtime.credentials import Credentials

HOUR_MS = 3_600_000
FUNCTION = FunctionVersion(
    scope=Scope(), name="shop", version="1", revision_id="r", runtime="python3.12", handler="a.b", code_digest="d"
)


class Desk:
    """Opens sessions of twelve hours, named one after the other."""

    def __init__(self) -> None:
        self.clock = SimulatedClock()
        self.opened: list[str] = []
        self.credentials = Credentials(self.open, self.clock)

    async def open(self, function: FunctionVersion) -> RoleCredentials:
        await asyncio.sleep(0)
        self.opened.append(function.name)
        if function.name == "busy":
            raise StoreBusy
        key = f"{function.name}-{len(self.opened)}"
        return RoleCredentials(
            access_key=key, secret="s", session_token="t", expires_ms=self.clock.now_ms() + 12 * HOUR_MS
        )


def test_versions_of_a_function_share_a_session_and_functions_do_not() -> None:
    desk = Desk()

    async def keys() -> list[str]:
        others = (
            msgspec.structs.replace(FUNCTION, version="2"),
            msgspec.structs.replace(FUNCTION, name="other"),
            msgspec.structs.replace(FUNCTION, role_arn="arn:aws:iam::000000000000:role/other"),
        )
        found = await asyncio.gather(*(desk.credentials.of(function) for function in (FUNCTION, *others)))
        return [each.access_key for each in found]

    first, second, *rest = asyncio.run(keys())
    assert first == second
    assert len({first, *rest}) == 3


def test_session_is_renewed_for_new_environments_at_half_its_life() -> None:
    desk = Desk()

    async def keys() -> list[str]:
        found = []
        for hours in (0, 5, 2, 5):
            desk.clock.advance(hours * HOUR_MS)
            found.append((await desk.credentials.of(FUNCTION)).access_key)
        return found

    assert asyncio.run(keys()) == ["shop-1", "shop-1", "shop-2", "shop-2"]


def test_full_store_is_said_and_tried_again() -> None:
    desk = Desk()
    busy = msgspec.structs.replace(FUNCTION, name="busy")

    async def twice() -> None:
        for _ in range(2):
            with pytest.raises(RuntimeUnavailable, match="credentials could not be made"):
                await desk.credentials.of(busy)

    asyncio.run(twice())
    assert desk.opened == ["busy", "busy"]
