"""Plays the demo and says what happens. Ends by itself with exit code 0, or 1 when an accepted event was lost."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from bascule.cli.client import fetch
from bascule.cli.story import render_story
from bascule.demo.scenario import BUS, FUNCTION, RULE, Order, Shop
from bascule.demo.server_process import DemoServer

BURST = 200
ARRIVE_S_MAX = 15.0

console = Console(highlight=False, width=118)


def _first_orders(shop: Shop) -> dict[str, str]:
    orders = [
        Order("o-1", "c-ann", 250),
        Order("o-2", "c-bob", 1000),
        Order("o-3", "c-cid", 4999),
        Order("o-4", "c-poison", 7000),
    ]
    ids = shop.send(orders)
    table = Table("order", "customer", "amount", "event id", box=None, header_style="dim")
    for order, event_id in zip(orders, ids, strict=True):
        table.add_row(order.order_id, order.customer_id, str(order.amount), event_id)
    console.print(table)
    return {order.order_id: event_id for order, event_id in zip(orders, ids, strict=True)}


def _collect(shop: Shop, queue: str, key: str, wanted: set[str], found: dict[str, int]) -> None:
    deadline = time.monotonic() + ARRIVE_S_MAX
    while not wanted <= set(found) and time.monotonic() < deadline:
        for message in shop.drain(queue, wait_s=1):
            body: Any = json.loads(message["Body"])
            name = body["detail"][key] if "detail" in body else body[key]
            found[name] = found.get(name, 0) + 1


def _tell(server: DemoServer, title: str, event_id: str) -> None:
    console.rule(f"[bold]{title}", align="left", style="dim")
    render_story(console, fetch(server.url, f"/_bascule/stories/{event_id}"))


def _crash(server: DemoServer, shop: Shop) -> set[str]:
    orders = [Order(f"b-{number}", "c-bulk", 1000 + number) for number in range(BURST)]
    began = time.monotonic()
    accepted = shop.send(orders)
    server.kill()
    console.print(
        f"{len(accepted)} orders accepted in {(time.monotonic() - began) * 1000:.0f} ms, then [bold red]SIGKILL[/]: "
        "the server is gone, most of them not handled yet."
    )
    seconds = server.start()
    console.print(f"restarted on the same data in [bold]{seconds:.2f} s[/]")
    return {order.order_id for order in orders[: len(accepted)]}


def _play(server: DemoServer) -> bool:
    console.print(
        Panel(
            "An order shop on an event bus: EventBridge rule, Lambda function, SQS queues - plain boto3.", expand=False
        )
    )
    console.print(f"server ready in [bold]{server.start():.2f} s[/] at {server.url}")
    shop = Shop(server.url)
    shop.build()
    console.print(
        f"bus [cyan]{BUS}[/], rule [cyan]{RULE}[/]: detail.amount >= 1000"
        f" -> function [cyan]{FUNCTION}[/] and queue [cyan]audit[/]"
    )
    console.rule("[bold]four orders", align="left", style="dim")
    ids = _first_orders(shop)
    audited: dict[str, int] = {}
    handled: dict[str, int] = {}
    _collect(shop, "warehouse", "orderId", {"o-2", "o-3"}, handled)
    _collect(shop, "audit", "orderId", {"o-2", "o-3", "o-4"}, audited)
    _tell(server, "order o-1: too small, and why", ids["o-1"])
    _tell(server, "order o-2: delivered and handled", ids["o-2"])

    console.rule(f"[bold]{BURST} orders and a power cut", align="left", style="dim")
    wanted = _crash(server, shop)
    _collect(shop, "audit", "orderId", wanted, audited)
    _collect(shop, "warehouse", "orderId", wanted, handled)
    dead: list[dict[str, Any]] = []
    deadline = time.monotonic() + ARRIVE_S_MAX
    while not dead and time.monotonic() < deadline:
        dead = shop.drain("failed-orders", wait_s=1)
    _tell(server, "order o-4: the poisoned one, tried three times, then a dead letter", ids["o-4"])
    return _verdict(wanted | {"o-2", "o-3"}, audited, handled, dead)


def _verdict(wanted: set[str], audited: dict[str, int], handled: dict[str, int], dead: list[dict[str, Any]]) -> bool:
    audited_once = sum(1 for name in wanted if audited.get(name) == 1)
    handled_count = sum(1 for name in wanted if name in handled)
    console.rule("[bold]the account", align="left", style="dim")
    table = Table(
        "accepted large orders",
        "in the audit queue exactly once",
        "handled by the function",
        "poisoned, in the DLQ",
        box=None,
    )
    table.add_row(str(len(wanted)), str(audited_once), str(handled_count), str(len(dead)))
    console.print(table)
    is_whole = audited_once == len(wanted) == handled_count and len(dead) == 1
    console.print("[bold green]nothing was lost[/]" if is_whole else "[bold red]something is missing[/]")
    return is_whole


def main() -> int:
    """Play; gives the exit code."""
    with tempfile.TemporaryDirectory(prefix="bascule-demo-") as directory:
        server = DemoServer(Path(directory))
        try:
            return 0 if _play(server) else 1
        finally:
            server.stop()


if __name__ == "__main__":
    sys.exit(main())
