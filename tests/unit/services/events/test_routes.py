"""The cache of compiled rules: right after every change, after every roll-back, and between stores that look alike."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from bascule.api import events as api
from bascule.kernel.context import Context
from bascule.kernel.store import Tx
from bascule.services.events import routes as routes_module
from bascule.services.events.names import BusName
from bascule.services.events.routes import BusRoutes, routes_of
from bascule.services.events.rules import put_rule
from tests.unit.services.events.desk import HOME, Desk

ORDERS = BusName(HOME, "orders")


def routes(desk: Desk, bus: BusName = ORDERS) -> BusRoutes | None:
    found: BusRoutes | None = desk.write(lambda ctx, tx: routes_of(tx, bus))
    return found


def event(source: str) -> bytes:
    return json.dumps({"source": source, "detail": {}}).encode()


def matching(desk: Desk, source: str) -> list[str]:
    found = routes(desk)
    assert found is not None
    return [rule.name for rule in found.matching(event(source))]


@pytest.fixture
def bus(desk: Desk) -> Desk:
    desk.call("CreateEventBus", name="orders")
    return desk


def put(desk: Desk, name: str, source: str, **members: Any) -> None:
    desk.rule(name, {"source": [source]}, event_bus_name="orders", **members)


def test_nothing_is_prepared_again_while_nothing_changes(bus: Desk) -> None:
    put(bus, "a", "x")
    assert routes(bus) is routes(bus)


def test_only_the_changed_rule_is_prepared_again(bus: Desk) -> None:
    put(bus, "a", "x")
    put(bus, "b", "x")
    before = routes(bus)
    put(bus, "b", "y")
    after = routes(bus)
    assert before is not None
    assert after is not None
    assert after.rules["a"] is before.rules["a"]
    assert matching(bus, "x") == ["a"]


def test_matches_are_sorted_by_name_however_the_rules_came(bus: Desk) -> None:
    put(bus, "m", "x")
    assert matching(bus, "x") == ["m"]
    put(bus, "a", "x")
    put(bus, "z", "x")
    assert matching(bus, "x") == ["a", "m", "z"]


def test_a_disabled_rule_leaves_and_comes_back(bus: Desk) -> None:
    put(bus, "a", "x")
    assert matching(bus, "x") == ["a"]
    bus.call("DisableRule", name="a", event_bus_name="orders")
    assert matching(bus, "x") == []
    bus.call("EnableRule", name="a", event_bus_name="orders")
    assert matching(bus, "x") == ["a"]


def test_a_change_that_is_rolled_back_never_shows(bus: Desk) -> None:
    put(bus, "a", "x")
    assert matching(bus, "y") == []

    class Undone(Exception):
        pass

    def change_and_fail(ctx: Context, tx: Tx) -> None:
        put_rule(ctx, tx, api.PutRuleRequest(name="a", event_pattern='{"source":["y"]}', event_bus_name="orders"))
        inside = routes_of(tx, ORDERS)
        assert inside is not None
        assert [rule.name for rule in inside.matching(event("y"))] == ["a"]
        raise Undone

    with pytest.raises(Undone):
        bus.write(change_and_fail)
    assert matching(bus, "y") == []
    assert matching(bus, "x") == ["a"]


def test_two_stores_with_the_same_seed_and_time_do_not_share_rules() -> None:
    one, two = Desk(), Desk()
    for desk, source in ((one, "x"), (two, "y")):
        desk.call("CreateEventBus", name="orders")
        put(desk, "a", source)
    assert (matching(one, "x"), matching(two, "x")) == (["a"], [])
    assert (matching(one, "y"), matching(two, "y")) == ([], ["a"])
    one.store.close()
    two.store.close()


def test_a_deleted_bus_routes_nothing(bus: Desk) -> None:
    put(bus, "a", "x")
    assert matching(bus, "x") == ["a"]
    bus.call("DeleteRule", name="a", event_bus_name="orders")
    bus.call("DeleteEventBus", name="orders")
    assert routes(bus) is None
    bus.call("CreateEventBus", name="orders")
    assert matching(bus, "x") == []


def test_the_cache_is_bounded(bus: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes_module, "ROUTED_BUSES_MAX", 2)
    monkeypatch.setattr(routes_module, "_cache", routes_module._Cache())
    for number in range(5):
        bus.call("CreateEventBus", name=f"bus-{number}")
        assert routes(bus, BusName(HOME, f"bus-{number}")) is not None
    assert len(routes_module._cache._routes) == 2


def test_any_sequence_of_changes_ends_as_a_fresh_compilation_would(bus: Desk) -> None:
    chance = random.Random(5)
    expected: dict[str, tuple[str, bool]] = {}
    for step in range(150):
        name, source = chance.choice("abcdefgh"), chance.choice("xyz")
        action = chance.random()
        if action < 0.5:
            state = chance.choice(["ENABLED", "DISABLED"])
            put(bus, name, source, state=state)
            expected[name] = (source, state == "ENABLED")
        elif action < 0.7:
            bus.call("DeleteRule", name=name, event_bus_name="orders")
            expected.pop(name, None)
        elif name in expected:
            bus.call("EnableRule", name=name, event_bus_name="orders")
            expected[name] = (expected[name][0], True)
        if step % 3 == 0 or step > 130:
            for probe in "xyz":
                names = sorted(name for name, (wanted, enabled) in expected.items() if enabled and wanted == probe)
                assert matching(bus, probe) == names
