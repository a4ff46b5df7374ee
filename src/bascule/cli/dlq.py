"""``bascule dlq``: every dead-letter queue of the system, why each message died, and sending them again."""

from __future__ import annotations

import json as json_codec
from typing import Annotated, Any
from urllib.parse import quote

import typer

from bascule.cli.client import DEFAULT_URL, fail, fetch, send, url_option
from bascule.cli.moments import age, moment
from bascule.cli.screen import screen
from bascule.cli.story import printable, short_arn

Json = dict[str, Any]
PATH = "/_bascule/dlq"
#: Messages that one request of a redrive looks at. count
STEP = 100
#: Reasons shown for messages that stay. count
REASONS_SHOWN = 10

app = typer.Typer(no_args_is_help=True)
json_option = typer.Option("--json", help="Print the whole answer for programs.")
queue_argument = typer.Argument(help="Name or ARN of the queue.", metavar="QUEUE")
#: How somebody uses a dead-letter queue, in words.
USES = {
    "queue": "messages of {source}",
    "rule": "{source} to {target}",
    "function": "{source}",
    "destination": "failures of {source}",
    "subscription": "{source} to {target}",
}


def _queue_path(queue: str) -> str:
    return f"{PATH}/{quote(queue, safe='')}"


def _use(use: Json) -> str:
    source, target = short_arn(use["source_arn"]), short_arn(use["target_arn"])
    return USES.get(use["kind"], "{source}").format(source=source, target=target)


@app.command("ls")
def list_queues(url: Annotated[str, url_option] = DEFAULT_URL, json: Annotated[bool, json_option] = False) -> None:
    """List every queue that is a dead-letter queue of somebody: messages, age, and of whom."""
    found = fetch(url, PATH)
    if found is None:
        fail(f"what answers at {url} is not Bascule; name the server with --url.")
    if json:
        typer.echo(json_codec.dumps(found, indent=2))
        return
    if not found["queues"]:
        typer.echo("Nothing here has a dead-letter queue.")
        return
    _render_queues(found["queues"], found["now_ms"])


def _render_queues(queues: list[Json], now_ms: int) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table("queue", "messages", "oldest", "dead letters of", box=None, pad_edge=False, header_style="dim")
    for queue in queues:
        count = queue.get("messages", 0)
        uses = Text("\n".join(printable(_use(use)) for use in queue["used_by"]))
        if not queue["exists"]:
            table.add_row(Text(queue["name"], "red"), "missing", "", uses)
            continue
        oldest = "" if queue["oldest_ms"] is None else age(now_ms - queue["oldest_ms"])
        table.add_row(Text(queue["name"]), Text(str(count), "bold red" if count else "green"), oldest, uses)
    screen().print(table)


@app.command()
def show(
    queue: Annotated[str, queue_argument],
    count: Annotated[int, typer.Option(min=1, max=500, help="Messages shown at most.")] = 100,
    url: Annotated[str, url_option] = DEFAULT_URL,
    json: Annotated[bool, json_option] = False,
) -> None:
    """Show the messages of a dead-letter queue, and why each died."""
    status, found = send(url, "GET", _queue_path(queue), query={"count": count})
    if status == 404:
        _fail_missing(queue)
    if json:
        typer.echo(json_codec.dumps(found, indent=2))
        return
    _render_messages(found)


@app.command("lost")
def list_lost(
    count: Annotated[int, typer.Option(min=1, max=500, help="Losses shown at most.")] = 100,
    url: Annotated[str, url_option] = DEFAULT_URL,
    json: Annotated[bool, json_option] = False,
) -> None:
    """Show what ended nowhere: refused for good, and no dead-letter queue took it. Newest first."""
    found = fetch(url, "/_bascule/lost", count=count)
    if found is None:
        fail(f"what answers at {url} is not Bascule; name the server with --url.")
    if json:
        typer.echo(json_codec.dumps(found, indent=2))
    elif found["lost"]:
        _render_lost(found["lost"])
    else:
        typer.echo("Nothing was lost.")


def _render_lost(losses: list[Json]) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    for lost in losses:
        source, target = short_arn(lost["source_arn"]), short_arn(lost["target_arn"])
        head = Text.assemble((moment(lost["at_ms"]), "dim"), f" {printable(source)} to {printable(target)}")
        head.append(f", {lost['bytes']} bytes")
        if lost["event_id"]:
            head.append(f"  event {printable(lost['event_id'])}", "cyan")
        console.print(head)
        why = ": ".join(filter(None, (lost["code"], lost["message"])))
        console.print(Text(f"  {printable(why)} ({lost['reason']})", "red"))
        console.print(Text(f"  {printable(lost['body'][:200])}", "dim"))


def _fail_missing(queue: str) -> None:
    fail(f"there is no queue '{queue}'; 'bascule dlq ls' lists dead-letter queues.")


def _render_messages(found: Json) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    queue = found["queue"]
    console.print(Text.assemble((queue["name"], "bold"), f": {counted(queue['messages'], 'message')}"))
    for message in found["messages"]:
        head = Text.assemble((moment(message["sent_ms"]), "dim"), " ", (message["message_id"], "cyan"))
        if message["event_id"]:
            head.append(f"  event {printable(message['event_id'])}", "cyan")
        if message["in_flight"]:
            head.append("  received by a consumer", "yellow")
        console.print(head)
        console.print(Text(f"  {printable(sentence_of(message['why']))}", "red"))
        console.print(Text(f"  {printable(message['body'][:200])}", "dim"))
    if found["after"] is not None:
        console.print(Text("There are more; --count shows up to 500.", "dim"))


def counted(count: int, one: str, many: str = "") -> str:
    """``1 message``, ``2 messages``."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def sentence_of(why: Json) -> str:
    """Why a message died, for people."""
    kind = why.get("kind", "")
    reason = ": ".join(filter(None, (why.get("code"), why.get("message"))))
    source, target = short_arn(why.get("source_arn", "")), short_arn(why.get("target_arn", ""))
    retry_count = why.get("retry_count") or 0
    after = f" after {counted(retry_count, 'retry', 'retries')}" if retry_count else ""
    limit = f" ({why['exhausted']})" if why.get("exhausted") else ""
    if kind == "queue":
        consumer = f" Its consumer, {target}, failed with" if target else ""
        return f"Given up by {source}.{consumer} {reason}"
    if kind == "function":
        return f"{source or 'A function'} failed: {why.get('message', '')} (ErrorCode {why.get('code', '')})"
    if kind == "destination":
        return f"{source} failed{after} with {reason}"
    if kind:
        return f"{source} could not reach {target}{after}{limit}: {reason}"
    return "Nothing in it tells why it died."


@app.command()
def redrive(
    queue: Annotated[str, queue_argument],
    to: Annotated[str, typer.Option(help="ARN to send them to; left out: where each belongs.")] = "",
    message: Annotated[
        list[str] | None, typer.Option(help="Id of a message; may be repeated. All when left out.")
    ] = None,
    url: Annotated[str, url_option] = DEFAULT_URL,
    json: Annotated[bool, json_option] = False,
) -> None:
    """Send the messages of a dead-letter queue again; what fails again comes back to it."""
    path = _queue_path(queue)
    status, found = send(url, "GET", path, query={"count": 1})
    if status == 404:
        _fail_missing(queue)
    total = found["queue"].get("messages", 0)
    form: Json = {"to": to, "message_ids": message or [], "after": 0, "count_max": STEP}
    done = _redrive_all(url, f"{path}/redrive", form, total, is_quiet=json)
    wanted = set(message or [])
    missing = len(wanted) - done["moved"] - len(done["stays"]) if wanted else 0
    if json:
        typer.echo(json_codec.dumps(done, indent=2))
    else:
        typer.echo(f"{done['moved']} of {len(wanted) or total} messages were sent again")
        for stays in done["stays"][:REASONS_SHOWN]:
            typer.echo(f"  {stays['message_id']} stays: {printable(stays['reason'])}")
    if missing > 0:
        named = "message named is" if missing == 1 else "messages named are"
        fail(f"{missing} {named} not in the queue; 'bascule dlq show {queue}' lists those that are.")
    if done["stays"]:
        stays_count = len(done["stays"])
        fail(f"{counted(stays_count, 'message stays', 'messages stay')} in {queue}.")


def _redrive_all(url: str, path: str, form: Json, total: int, *, is_quiet: bool) -> Json:
    """Step through the messages that are there now; those that come back meanwhile are not taken again."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    done: Json = {"moved": 0, "stays": []}
    left = total
    columns = (TextColumn("redriving"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=is_quiet or not console.is_terminal, transient=True) as progress:
        bar = progress.add_task("redriving", total=total)
        while left > 0:
            try:
                step = send(url, "POST", path, {**form, "count_max": min(STEP, left)}, timeout_s=60.0)[1]
            except typer.Exit:
                if done["moved"]:
                    sent = f"{done['moved']} messages were sent again before that; run it again for the others."
                    typer.echo(f"bascule: {sent}", err=True)
                raise
            done["moved"] += step["moved"]
            done["stays"] += step["stays"]
            left -= step["looked_at"]
            progress.update(bar, advance=step["looked_at"])
            if step["after"] is None:
                break
            form["after"] = step["after"]
    return done
