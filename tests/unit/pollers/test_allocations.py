"""What the runtime is told of reservations and kept environments: at the start, at a signal, and now and then."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from bascule.api import lambda_ as api
from bascule.host.async_store import AsyncStore
from bascule.kernel.invocation import FunctionVersion, Provision, Provisioned
from bascule.kernel.scope import Scope
from bascule.pollers import allocations
from bascule.pollers.allocations import Allocations
from tests.unit.services.lambda_.desk import Desk, package


class Told:
    """A runtime that remembers what it was told."""

    def __init__(self) -> None:
        self.packages_left: frozenset[str] = frozenset()
        self.reserved: dict[tuple[Scope, str], int | None] = {}
        self.kept_counts: list[int] = []
        self.prepared: list[str] = []

    def keep(self, wishes: Sequence[Provision]) -> None:
        self.kept_counts.append(sum(wish.count for wish in wishes))

    def kept(self, owner: str) -> Provisioned:
        return Provisioned(ready=len(owner))

    def reserve(self, reservations: Mapping[tuple[Scope, str], int]) -> None:
        self.reserved = dict(reservations)

    def reserve_one(self, place: tuple[Scope, str], reserved: int | None) -> None:
        self.reserved[place] = reserved

    def prepare(self, function: FunctionVersion) -> None:
        self.prepared.append(function.name)


@pytest.fixture
def desk() -> Desk:
    """A desk with a function that has a reservation and two provisioned environments."""
    made = Desk()
    made.create("shop", publish=True)
    made.call("PutFunctionConcurrency", function_name="shop", reserved_concurrent_executions=5)
    made.call(
        "PutProvisionedConcurrencyConfig", function_name="shop", qualifier="1", provisioned_concurrent_executions=2
    )
    return made


def test_everything_is_told_at_the_start(desk: Desk) -> None:
    told = Told()
    Allocations(AsyncStore(desk.store), told).look()
    assert (told.reserved, told.kept_counts) == ({(desk.scope, "shop"): 5}, [2])


def test_signal_tells_of_the_function_it_names(desk: Desk) -> None:
    told = Told()
    watching = Allocations(AsyncStore(desk.store), told)
    desk.store.on_signal(watching.wake)
    desk.call("PutFunctionConcurrency", function_name="shop", reserved_concurrent_executions=7)
    assert told.reserved == {(desk.scope, "shop"): 7}
    desk.call("DeleteProvisionedConcurrencyConfig", function_name="shop", qualifier="1")
    assert told.kept_counts[-1] == 0
    desk.call("DeleteFunction", function_name="shop")
    assert told.reserved == {(desk.scope, "shop"): None}


def test_lost_signals_cost_time_only_and_used_functions_are_prepared(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(allocations, "POLL_S", 0.001)
    monkeypatch.setattr(allocations, "PREPARE_AFTER_S", 0.0)
    desk.create("plain", code=api.FunctionCode(zip_file=package("x = 1\n")))
    told = Told()
    told.packages_left = frozenset({desk.store.blobs.put(package("x = 1\n"))})

    async def until_told() -> None:
        running = asyncio.ensure_future(Allocations(AsyncStore(desk.store), told).run())
        while not told.reserved:
            await asyncio.sleep(0)
        running.cancel()

    asyncio.run(until_told())
    assert told.prepared == ["plain"]
    assert (told.reserved, told.kept_counts[0]) == ({(desk.scope, "shop"): 5}, 2)


def test_state_is_asked_of_the_runtime(desk: Desk) -> None:
    watching = Allocations(AsyncStore(desk.store), Told())
    assert asyncio.run(watching.states(desk.context(), ["ab"])) == {"ab": Provisioned(ready=2)}
