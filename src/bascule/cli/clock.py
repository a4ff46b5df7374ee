"""``bascule clock``: the time of a server that was started with ``--test``."""

from __future__ import annotations

import json as json_codec
import re
from typing import Annotated, Any

import typer

from bascule.cli.client import DEFAULT_URL, fail, send, url_option

PATH = "/_bascule/clock"
NEEDS_TEST = "the server at {url} keeps its own time; start it with 'bascule serve --test' to steer it."
UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3_600.0, "d": 86_400.0, "w": 604_800.0}
#: How far one command moves time: ten years. seconds
FURTHEST_S = 315_360_000.0
_PART = re.compile(r"(\d+(?:\.\d+)?)([a-z]+)")

app = typer.Typer(no_args_is_help=False)
json_option = typer.Option("--json", help="Print the whole answer for programs.")
timeout_option = typer.Option("--timeout", min=0.0, max=3600.0, help="Real seconds to wait at most.")


def seconds_of(text: str) -> float | None:
    """The seconds of ``24h``, ``1h30m``, ``90`` or ``250ms``; None when it is no duration."""
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    if any(unit not in UNITS for _, unit in parts):
        return None
    return sum(float(number) * UNITS[unit] for number, unit in parts)


def _steer(url: str, form: dict[str, Any] | None, *, json: bool, timeout_s: float = 10.0) -> None:
    method = "GET" if form is None else "POST"
    status, shown = send(url, method, PATH, form, timeout_s=timeout_s, known=(408,))
    if status == 404:
        fail(NEEDS_TEST.format(url=url))
    if json:
        typer.echo(json_codec.dumps(shown, indent=2))
    else:
        _render(shown)
    if status == 408:
        fail(f"{shown['message'].rstrip('.')}: {'; '.join(shown['busy'])}.")


def _render(shown: dict[str, Any]) -> None:
    pace = "frozen" if shown["is_frozen"] else "running"
    ahead = f", {shown['ahead_s']:,.3f} s from real time" if abs(shown["ahead_s"]) >= 0.001 else ""
    typer.echo(f"{shown['now']} ({pace}{ahead})")
    if shown["next_due_ms"] is not None:
        wait_s = max(0, shown["next_due_ms"] - shown["now_ms"]) / 1000
        typer.echo(f"next due in {wait_s:,.3f} s")


@app.callback(invoke_without_command=True)
def show(
    ctx: typer.Context, url: Annotated[str, url_option] = DEFAULT_URL, json: Annotated[bool, json_option] = False
) -> None:
    """Show or steer the time of a server that runs with --test."""
    if ctx.invoked_subcommand is None:
        _steer(url, None, json=json)


@app.command()
def freeze(url: Annotated[str, url_option] = DEFAULT_URL, json: Annotated[bool, json_option] = False) -> None:
    """Let time stand still."""
    _steer(url, {"freeze": True}, json=json)


@app.command()
def resume(url: Annotated[str, url_option] = DEFAULT_URL, json: Annotated[bool, json_option] = False) -> None:
    """Let time go on from where it stands."""
    _steer(url, {"resume": True}, json=json)


@app.command()
def advance(
    duration: Annotated[str, typer.Argument(help="How far: 24h, 1h30m, 90 (seconds), 250ms, 3d.")],
    url: Annotated[str, url_option] = DEFAULT_URL,
    timeout: Annotated[float, timeout_option] = 60.0,
    json: Annotated[bool, json_option] = False,
) -> None:
    """Move time forward, through everything that is due on the way, in order."""
    seconds = seconds_of(duration)
    if seconds is None:
        fail(f"'{duration}' is no duration; give one such as 24h, 1h30m, 90 or 250ms.")
    if not 0 < seconds <= FURTHEST_S:
        fail(f"time can be moved by more than nothing and at most 3650d, not by '{duration}'.")
    _steer(url, {"advance_s": seconds, "timeout_s": timeout}, json=json, timeout_s=timeout + 10.0)


@app.command()
def settle(
    url: Annotated[str, url_option] = DEFAULT_URL,
    timeout: Annotated[float, timeout_option] = 20.0,
    json: Annotated[bool, json_option] = False,
) -> None:
    """Wait until the server is quiet: nothing is due now, and nothing runs."""
    status, shown = send(
        url, "POST", "/_bascule/settle", {"timeout_s": timeout}, timeout_s=timeout + 10.0, known=(408,)
    )
    if status == 404:
        fail(NEEDS_TEST.format(url=url))
    if json:
        typer.echo(json_codec.dumps(shown, indent=2))
    if status == 408:
        fail(f"{shown['message'].rstrip('.')}; still busy: {'; '.join(shown['busy'])}.")
    if not json:
        typer.echo("quiet")
