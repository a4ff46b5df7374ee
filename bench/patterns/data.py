"""Events for the pattern bench, made from a seed: geographic lots with coordinate arrays, and orders with item lists."""

from __future__ import annotations

import json
import random

STREETS = ("ALDER", "BAY", "CHESTNUT", "DOLORES", "ELM", "FOLSOM", "GUERRERO", "HAYES", "IRVING", "JUDAH", "KIRKHAM")
STREET_TYPES = ("ST", "AVE", "BLVD", "TER", None)
SOURCES = tuple(f"shop.{name}" for name in ("orders", "billing", "stock", "returns", "carts"))
DETAIL_TYPES = ("Order Created", "Order Paid", "Order Shipped", "Order Cancelled", "Order Returned")
REGIONS = tuple(f"region-{number:02d}" for number in range(4))
STATUSES = ("new", "paid", "packed", "shipped", "delivered", "cancelled")
PRODUCT_COUNT = 1_000
CUSTOMER_COUNT = 5_000


def lot_events(count: int, seed: int = 1) -> list[bytes]:
    """About 550 bytes each: a feature with properties and a polygon of nested coordinate arrays."""
    random_source = random.Random(seed)
    return [_encode(_lot(random_source, index)) for index in range(count)]


def _lot(random_source: random.Random, index: int) -> dict[str, object]:
    block, lot = random_source.randrange(1, 9000), random_source.randrange(1, 200)
    x, y = -122.5 + random_source.random() / 5, 37.7 + random_source.random() / 10
    corners = [
        [round(x + random_source.random() / 1000, 10), round(y + random_source.random() / 1000, 10), 0.0]
        for _ in range(6)
    ]
    return {
        "type": "Feature",
        "properties": {
            "MAPBLKLOT": f"{block:04d}{lot:03d}",
            "BLKLOT": f"{block:04d}{lot:03d}",
            "BLOCK_NUM": f"{block:04d}",
            "LOT_NUM": f"{lot:03d}",
            "FROM_ST": str(random_source.randrange(0, 4000)),
            "TO_ST": str(random_source.randrange(0, 4000)),
            "STREET": random_source.choice(STREETS),
            "ST_TYPE": random_source.choice(STREET_TYPES),
            "ODD_EVEN": random_source.choice("OE"),
            "GATEWAY": f"10.{random_source.randrange(64)}.{random_source.randrange(256)}.{random_source.randrange(256)}",
        },
        "geometry": {"type": "Polygon", "coordinates": [[*corners, corners[0]]]},
        "area": random_source.randrange(100, 100_000),
    }


def order_events(count: int, seed: int = 2) -> list[bytes]:
    """About 450 bytes each: an EventBridge envelope with an order in ``detail``."""
    random_source = random.Random(seed)
    return [_encode(_order(random_source, index)) for index in range(count)]


def _order(random_source: random.Random, index: int) -> dict[str, object]:
    order = f"ord-{index:08d}"
    return {
        "version": "0",
        "id": f"{random_source.getrandbits(32):08x}-5b1d-4f2a-9c1e-{random_source.getrandbits(48):012x}",
        "detail-type": random_source.choice(DETAIL_TYPES),
        "source": random_source.choice(SOURCES),
        "account": "000000000000",
        "time": "2026-01-15T10:07:30Z",
        "region": "us-east-1",
        "resources": [f"arn:aws:shop:us-east-1:000000000000:order/{order}"],
        "detail": {
            "order": order,
            "customer": f"cust-{random_source.randrange(CUSTOMER_COUNT):05d}",
            "product": f"prod-{random_source.randrange(PRODUCT_COUNT):05d}",
            "zone": random_source.choice(REGIONS),
            "status": random_source.choice(STATUSES),
            "amount": round(random_source.random() * 2000, 2),
            "quantity": random_source.randrange(1, 10),
        },
    }


def basket_events(count: int, seed: int = 3) -> list[bytes]:
    """Orders of about 600 bytes whose tags, label lists and items are arrays; items are objects."""
    random_source = random.Random(seed)
    events = []
    for index in range(count):
        event = _order(random_source, index)
        event["detail"] = {
            "order": f"ord-{index:08d}",
            "tags": [f"tag-{random_source.randrange(500):03d}" for _ in range(4)],
            "items": [_item(random_source) for _ in range(3)],
        }
        events.append(_encode(event))
    return events


def _item(random_source: random.Random) -> dict[str, object]:
    color = random_source.choice(("red", "green", "blue"))
    return {"sku": f"sku-{random_source.randrange(400):03d}", "color": color, "count": random_source.randrange(9)}


def unmatched_order(seed: int = 4) -> bytes:
    """One order that no generated rule matches, though it has the same sources and fields."""
    event = _order(random.Random(seed), 1)
    detail = event["detail"]
    assert isinstance(detail, dict)
    detail |= {"product": "prod-none", "zone": "region-none", "customer": "cust-none"}
    return _encode(event)


def _encode(event: dict[str, object]) -> bytes:
    return json.dumps(event, separators=(",", ":")).encode()
