"""``bascule status``: what the server holds and does, on one screen."""

from __future__ import annotations

import json as json_codec
from typing import Annotated, Any

import typer

from bascule.cli.client import DEFAULT_URL, fail, fetch, url_option


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = ((days, "d"), (hours, "h"), (minutes, "min"), (rest, "s"))
    return " ".join(f"{count} {unit}" for count, unit in parts if count)[:40] or "0 s"


def _render(found: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    console.print(f"[bold]Bascule {found['version']}[/] at {found['url']}, up {_duration(found['uptime_s'])}")
    console.print(
        f"data: {found['data']} ({found['data_bytes'] / 1_048_576:.1f} MB)   memory: {found['memory_mb']:.0f} MB"
    )
    table = Table("waiting for", "messages", box=None, pad_edge=False, header_style="dim")
    for name, count in found["waiting"].items():
        table.add_row(name, str(count))
    console.print(table)
    lost = sum(found["metrics"].get("delivery.Lost", {}).values())
    if lost:
        console.print(
            f"[bold red]deliveries lost since the start: {lost}[/] "
            "(refused, and no dead-letter queue took them; 'bascule dlq lost' shows each)"
        )
    counters = Table("counter", "value", box=None, pad_edge=False, header_style="dim")
    for name, labels in found["metrics"].items():
        counters.add_row(name, str(sum(labels.values())))
    if found["metrics"]:
        console.print(counters)


def status(
    url: Annotated[str, url_option] = DEFAULT_URL,
    json: Annotated[bool, typer.Option("--json", help="Print the whole answer for programs.")] = False,
) -> None:
    """Show what the server holds and does."""
    found = fetch(url, "/_bascule/status")
    if found is None:
        fail(f"what answers at {url} is not Bascule; name the server with --url.")
    if json:
        typer.echo(json_codec.dumps(found, indent=2))
    else:
        _render(found)
