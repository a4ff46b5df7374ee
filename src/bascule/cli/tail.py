"""``bascule tail``: what flows through the server now, one line a happening, until Ctrl-C."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bascule.cli.client import DEFAULT_URL, fail, fetch, url_option
from bascule.cli.story import printable, short_arn

if TYPE_CHECKING:
    from rich.console import Console

Json = dict[str, Any]

#: How long one question to the server stays open when nothing happens. seconds
WAIT_S = 20
#: Kind of happening -> (what is printed, colour).
KINDS: dict[str, tuple[str, str]] = {
    "event": ("event", "bold cyan"),
    "accepted": ("accepted", "green"),
    "retry": ("refused", "yellow"),
    "refused": ("refused", "red"),
    "dead-letter": ("dead letter", "red"),
    "lost": ("lost", "bold red"),
    "invocation-started": ("started", "dim"),
    "invocation-succeeded": ("succeeded", "green"),
    "invocation-failed": ("failed", "red"),
    "invocation-retry": ("retry", "yellow"),
    "invocation-filtered": ("filtered", "yellow"),
    "received": ("received", "cyan"),
    "caused": ("caused", "cyan"),
}


def tail(
    url: Annotated[str, url_option] = DEFAULT_URL,
    json: Annotated[bool, typer.Option("--json", help="One JSON document a line, for programs.")] = False,
) -> None:
    """Show events and what happens to them as it happens; Ctrl-C ends it."""
    import json as json_codec

    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    cursor = ""
    try:
        while True:
            page = fetch(url, "/_bascule/tail", timeout_s=WAIT_S + 10.0, after=cursor, wait=WAIT_S)
            if page is None:
                fail(f"what answers at {url} is not Bascule; name the server with --url.")
            for happening in page["happenings"]:
                if json:
                    typer.echo(json_codec.dumps(happening))
                else:
                    render_tail_line(console, happening)
            cursor = page["cursor"]
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


def render_tail_line(console: Console, happening: Json) -> None:
    """Print one happening of ``/_bascule/tail`` as one line: time, event, what happened, where and why."""
    from rich.text import Text

    words, colour = KINDS.get(happening["kind"], (happening["kind"], ""))
    moment = datetime.fromtimestamp(happening["at_ms"] / 1000, UTC).strftime("%H:%M:%S.%f")[:-3]
    line = Text.assemble((moment, "dim"), " ", (happening["event_id"], "cyan"), " ", (f"{words:<11}", colour), " ")
    line.append(printable(_event_words(happening) if happening["kind"] == "event" else _note_words(happening)))
    console.print(line, soft_wrap=True)


def _event_words(event: Json) -> str:
    rules = ", ".join(event["matched"]) or "no rule"
    return f"{event['source']} '{event['detail_type']}' on {event['bus']}, {event['bytes']} bytes -> {rules}"


def _note_words(note: Json) -> str:
    words = [short_arn(note["target_arn"])] if note.get("target_arn") else []
    if note.get("attempt", 1) > 1:
        words.append(f"try {note['attempt']}")
    if note.get("duration_ms"):
        words.append(f"in {note['duration_ms']:.1f} ms")
    if note.get("code"):
        words.append(f"{note['code']}: {note.get('message', '')}")
    elif note.get("message"):
        words.append(note["message"])
    if note.get("due_ms"):
        words.append(f"next try in {(note['due_ms'] - note['at_ms']) / 1000:.1f} s")
    if note.get("reason"):
        words.append(f"({note['reason']})")
    return " ".join(words)
