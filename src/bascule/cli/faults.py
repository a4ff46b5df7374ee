"""``bascule faults``: have targets of a server that runs with ``--test`` refuse, delay or duplicate."""

from __future__ import annotations

import json as json_codec
from typing import Annotated, Any

import typer

from bascule.cli.client import DEFAULT_URL, fail, send, url_option
from bascule.cli.clock import seconds_of
from bascule.cli.screen import screen

PATH = "/_bascule/faults"
NEEDS_TEST = "the server at {url} gives no faults; start it with 'bascule serve --test'."

app = typer.Typer(no_args_is_help=True)
json_option = typer.Option("--json", help="Print the whole answer for programs.")


def _ask(url: str, method: str, form: dict[str, Any] | None, *, json: bool, target: str = "") -> None:
    status, shown = send(url, method, PATH, form, query={"target": target} if target else None)
    if status == 404:
        fail(NEEDS_TEST.format(url=url))
    if json:
        typer.echo(json_codec.dumps(shown, indent=2))
    else:
        _render(shown["faults"])
    if target and not shown["cleared"]:
        fail(f"no fault is set for '{target}'; 'bascule faults ls' shows those that are.")


def _render(faults: list[dict[str, Any]]) -> None:
    from rich.table import Table
    from rich.text import Text

    if not faults:
        typer.echo("no faults")
        return
    table = Table("target", "fault", "at", "times left", box=None, pad_edge=False, header_style="dim")
    for fault in faults:
        what = f"{fault['error']} {fault['delay_ms'] / 1000:g} s" if fault["delay_ms"] else fault["error"]
        table.add_row(Text(fault["target"]), what, fault["at"], str(fault["times"]))
    screen().print(table)


@app.command("ls")
def list_faults(url: Annotated[str, url_option] = DEFAULT_URL, json: Annotated[bool, json_option] = False) -> None:
    """Show the faults that are still to be given."""
    _ask(url, "GET", None, json=json)


@app.command()
def add(
    target: Annotated[str, typer.Argument(help="ARN of the target, or its beginning and *.")],
    error: Annotated[str, typer.Argument(help="throttled, unavailable, access-denied, delay or duplicate.")],
    times: Annotated[int, typer.Option(min=0, help="How many tries; 0 ends the fault.")] = 1,
    delay: Annotated[str, typer.Option(help="For delay: how long, such as 30s.")] = "",
    at: Annotated[str, typer.Option(help="delivery, or invocation for functions.")] = "delivery",
    url: Annotated[str, url_option] = DEFAULT_URL,
    json: Annotated[bool, json_option] = False,
) -> None:
    """Have the next tries of a target fail."""
    seconds = seconds_of(delay) if delay else 0.0
    if seconds is None:
        fail(f"'{delay}' is no duration; give one such as 30s or 1h30m.")
    if error == "delay" and seconds == 0:
        fail("say how long to delay, such as --delay 30s.")
    if error != "delay" and seconds:
        fail(f"--delay is for the fault 'delay' only, not for '{error}'.")
    form = {"target": target, "error": error, "times": times, "delay_ms": round(seconds * 1000), "at": at}
    _ask(url, "POST", form, json=json)


@app.command()
def clear(
    target: Annotated[str, typer.Argument(help="The target as it was given; all when left out.")] = "",
    url: Annotated[str, url_option] = DEFAULT_URL,
    json: Annotated[bool, json_option] = False,
) -> None:
    """End faults before they were all given."""
    _ask(url, "DELETE", None, json=json, target=target)
