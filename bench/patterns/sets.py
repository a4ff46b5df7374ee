"""The rule sets of the pattern bench: each names its events and its rules."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any, NamedTuple

from bench.patterns.data import (
    DETAIL_TYPES,
    PRODUCT_COUNT,
    REGIONS,
    SOURCES,
    STATUSES,
    basket_events,
    lot_events,
    order_events,
)

EVENT_COUNT = 4_000


class BenchSet(NamedTuple):
    """One line of the bench."""

    name: str
    rules: dict[str, str]
    events: Callable[[int], list[bytes]]
    is_array_heavy: bool = False


def _named(patterns: list[Any]) -> dict[str, str]:
    return {f"r{index}": json.dumps(pattern) for index, pattern in enumerate(patterns)}


def _lot_rules(field: str, alternatives: list[Any]) -> dict[str, str]:
    return _named([{"properties": {field: [alternative]}} for alternative in alternatives])


def mixed_order_rules(count: int, seed: int = 7) -> dict[str, str]:
    """Source, detail type, an amount range and two exact fields; nine in ten name a product, the others a zone and status."""
    random_source = random.Random(seed)
    patterns: list[Any] = []
    for index in range(count):
        low = random_source.randrange(0, 1500)
        detail: dict[str, Any] = {"amount": [{"numeric": [">=", low, "<", low + 500]}]}
        if index % 10:
            detail["zone"] = [random_source.choice(REGIONS)]
            detail["product"] = [f"prod-{random_source.randrange(PRODUCT_COUNT):05d}"]
        else:
            detail["status"] = [random_source.choice(STATUSES)]
            detail["customer"] = [f"cust-{random_source.randrange(5000):05d}"]
        patterns.append(
            {
                "source": [random_source.choice(SOURCES)],
                "detail-type": [random_source.choice(DETAIL_TYPES)],
                "detail": detail,
            }
        )
    return _named(patterns)


def _array_rules(count: int, seed: int = 8) -> dict[str, str]:
    random_source = random.Random(seed)
    patterns: list[Any] = []
    for index in range(count):
        if index % 2:
            detail: dict[str, Any] = {"tags": [f"tag-{random_source.randrange(500):03d}"]}
        else:
            sku = f"sku-{random_source.randrange(400):03d}"
            detail = {"items": {"sku": [sku], "color": [random_source.choice(("red", "green", "blue"))]}}
        patterns.append({"source": [random_source.choice(SOURCES)], "detail": detail})
    return _named(patterns)


EXACT = ("1430022", "2607117", "0607037", "4721025", "3502104")
PREFIXES = ("143", "26", "0607", "472", "35")
WILDCARDS = ("143*", "2*07*1", "*218", "3*44*2", "73*9*1*")
STREET_NAMES = ("elm", "Bay", "hAYES", "judah", "dolores")
BLOCKS = ("10.1.0.0/16", "10.2.3.0/24", "10.32.0.0/12", "10.9.9.0/25", "192.168.0.0/16")
AREAS = tuple([">=", low, "<", low + 900] for low in (200, 9_000, 31_000, 55_000, 88_000))
LONGITUDES = tuple([">", -122.5 + step / 50, "<", -122.498 + step / 50] for step in range(5))
BRANCHES = (
    {"properties": {"STREET": ["ELM"]}},
    {"properties": {"BLOCK_NUM": [{"prefix": "12"}]}},
    {"area": [{"numeric": [">", 99_000]}]},
)


def bench_sets() -> list[BenchSet]:
    """All sets, smallest first."""
    return [
        BenchSet("5 exact", _lot_rules("MAPBLKLOT", list(EXACT)), lot_events),
        BenchSet("5 prefix", _lot_rules("BLKLOT", [{"prefix": text} for text in PREFIXES]), lot_events),
        BenchSet("5 wildcard", _lot_rules("BLKLOT", [{"wildcard": text} for text in WILDCARDS]), lot_events),
        BenchSet("1 anything-but", _lot_rules("STREET", [{"anything-but": ["ELM", "BAY"]}]), lot_events),
        BenchSet("5 numeric", _named([{"area": [{"numeric": area}]} for area in AREAS]), lot_events),
        BenchSet(
            "5 ignore-case", _lot_rules("STREET", [{"equals-ignore-case": name} for name in STREET_NAMES]), lot_events
        ),
        BenchSet("5 cidr", _lot_rules("GATEWAY", [{"cidr": block} for block in BLOCKS]), lot_events),
        BenchSet("1 $or", _named([{"type": ["Feature"], "$or": list(BRANCHES)}]), lot_events),
        BenchSet(
            "5 numeric over coordinates",
            _named([{"geometry": {"coordinates": [{"numeric": x}]}} for x in LONGITUDES]),
            lot_events,
            is_array_heavy=True,
        ),
        BenchSet("10 mixed orders", mixed_order_rules(10), order_events),
        BenchSet("300 mixed orders", mixed_order_rules(300), order_events),
        BenchSet("1,000 over arrays", _array_rules(1_000), basket_events, is_array_heavy=True),
        BenchSet("10,000 mixed orders", mixed_order_rules(10_000), order_events),
    ]
