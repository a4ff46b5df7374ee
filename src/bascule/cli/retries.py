"""``bascule retries``: what waits for another try, until when, and why."""

from __future__ import annotations

import json as json_codec
from typing import Annotated, Any

import typer

from bascule.cli.client import DEFAULT_URL, fail, fetch, url_option
from bascule.cli.moments import age
from bascule.cli.screen import screen
from bascule.cli.story import printable, short_arn


def retries(
    count: Annotated[int, typer.Option(min=1, max=500, help="Rows of each kind shown at most.")] = 100,
    url: Annotated[str, url_option] = DEFAULT_URL,
    json: Annotated[bool, typer.Option("--json", help="Print the whole answer for programs.")] = False,
) -> None:
    """Show what waits for another try: deliveries and asynchronous invocations, soonest first."""
    found = fetch(url, "/_bascule/retries", count=count)
    if found is None:
        fail(f"what answers at {url} is not Bascule; name the server with --url.")
    if json:
        typer.echo(json_codec.dumps(found, indent=2))
    elif found["deliveries"] or found["invocations"]:
        _render(found)
    else:
        typer.echo("Nothing waits for another try.")


def _render(found: dict[str, Any]) -> None:
    from rich.table import Table
    from rich.text import Text

    now_ms = found["now_ms"]
    table = Table("next try in", "gives up in", "tries", "what", "why", box=None, pad_edge=False, header_style="dim")
    table.add_column("event", no_wrap=True)
    rows = [_delivery(row) for row in found["deliveries"]] + [_invocation(row) for row in found["invocations"]]
    for row, tries, what in sorted(rows, key=lambda one: one[0]["due_ms"]):
        why = ": ".join(filter(None, (row["code"], row["message"])))
        table.add_row(
            age(row["due_ms"] - now_ms),
            "" if row["expires_ms"] is None else age(row["expires_ms"] - now_ms),
            str(tries),
            Text(printable(what)),
            Text(printable(why), "yellow"),
            Text(printable(row["event_id"]), "cyan"),
        )
    screen().print(table)


def _delivery(row: dict[str, Any]) -> tuple[dict[str, Any], int, str]:
    return row, row["try_count"], f"{short_arn(row['source_arn'])} to {short_arn(row['target_arn'])}"


def _invocation(row: dict[str, Any]) -> tuple[dict[str, Any], int, str]:
    return row, row["failure_count"] + row["throttle_count"], short_arn(row["function_arn"])
