"""``bascule story``: the whole way of one event, as a tree that reads from top to bottom.

Times are shown as what passed since the event came in, so a story reads the same today and tomorrow, here and there.
"""

from __future__ import annotations

import json as json_codec
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer

from bascule.cli.client import DEFAULT_URL, fail, fetch, url_option

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text
    from rich.tree import Tree

Json = dict[str, Any]

#: How each state of a delivery is told: words, colour.
STATES: dict[str, tuple[str, str]] = {
    "accepted": ("accepted", "green"),
    "waiting": ("waiting", "yellow"),
    "refused": ("refused", "red"),
    "dead-letter": ("dead letter", "red"),
    "lost": ("lost", "bold red"),
    "running": ("running", "yellow"),
    "succeeded": ("succeeded", "green"),
    "failed": ("failed", "red"),
    "filtered": ("filtered out", "yellow"),
}
#: Tries shown of a long row of them: the first ones and the last ones. count
TRIES_SHOWN = 6
#: Characters of an event's detail shown before it is cut. count; --json shows all
DETAIL_SHOWN = 600
#: Width of lines when the story goes to a file or another program. characters
PIPE_WIDTH = 200
#: What the resource of an ARN is called, by ARN service.
WORDS = {
    "sqs": "queue",
    "lambda": "function",
    "events": "bus",
    "sns": "topic",
    "logs": "log group",
    "kinesis": "stream",
}


def story(
    event_id: Annotated[str, typer.Argument(help="The id that PutEvents answered.")],
    url: Annotated[str, url_option] = DEFAULT_URL,
    json: Annotated[bool, typer.Option("--json", help="Print the whole answer for programs.")] = False,
) -> None:
    """Tell the whole way of one event: rules, deliveries, retries, invocations, dead letters, what it caused."""
    found = fetch(url, f"/_bascule/stories/{quote(event_id.strip(), safe='')}")
    if found is None:
        fail(
            f"no event '{event_id}' is in the journal of {url}; 'bascule tail' shows ids, and old stories are removed."
        )
    if json:
        typer.echo(json_codec.dumps(found, indent=2))
        return
    from rich.console import Console

    console = Console(highlight=False)
    render_story(console if console.is_terminal else Console(highlight=False, width=PIPE_WIDTH), found)


def render_story(console: Console, story: Json) -> None:
    """Print a story (the JSON of ``/_bascule/stories/<id>``) as a tree."""
    from rich.tree import Tree

    came_ms = _came_ms(story)
    tree = Tree(_headline(story), guide_style="dim")
    if story.get("caused_by"):
        tree.add(_line(("caused by event ", "dim"), (story["caused_by"], "cyan")))
    if story.get("event"):
        tree.add(_line((_detail_words(story["event"]["body"]), "dim")))
    rules = story["rules"]
    if not rules and story.get("event"):
        tree.add(_line(("there is no rule on this bus" if story["event"]["bus"] else "there is no such bus", "yellow")))
    way = _Way(story, came_ms)
    if rules:
        way.add_rules(tree, rules[0]["bus_arn"])
    way.add_rest(tree)
    for invocation in story["invocations"]:
        _add_invocation(tree, invocation, came_ms)
    for caused in story["caused"]:
        _add_caused(tree, caused, came_ms)
    console.print(tree)


class _Way:
    """The rules and deliveries that are not told yet; each is told once, below what led to it."""

    def __init__(self, story: Json, came_ms: int) -> None:
        self._rules: list[Json] = list(story["rules"])
        self._deliveries: list[Json] = list(story["deliveries"])
        self._event_id = story["event_id"]
        self._came_ms = came_ms

    def add_rules(self, parent: Tree, bus_arn: str) -> None:
        """The rules of one bus, each with its deliveries."""
        for rule in _taken(self._rules, lambda one: one["bus_arn"] == bus_arn):
            branch = parent.add(_rule_line(rule))
            for delivery in _taken(self._deliveries, lambda one, arn=rule["arn"]: one["source_arn"] == arn):
                self._add_delivery(branch, delivery)

    def add_rest(self, parent: Tree) -> None:
        """What nothing that is told led to."""
        while self._deliveries:
            self._add_delivery(parent, self._deliveries.pop(0))
        while self._rules:
            self.add_rules(parent, self._rules[0]["bus_arn"])

    def _add_delivery(self, parent: Tree, delivery: Json) -> None:
        """One delivery, its tries when they say more than its state, and what its target did with it."""
        branch = parent.add(_delivery_line(delivery, self._came_ms, self._event_id))
        tries = delivery["tries"]
        if len(tries) > 1 or (tries and tries[0]["kind"] not in ("accepted", "dead-letter")):
            _add_tries(branch, tries, self._came_ms)
        for invocation in delivery["invocations"]:
            _add_invocation(branch, invocation, self._came_ms, delivery.get("reference", ""))
        letter = delivery.get("dead_letter")
        if letter and letter["target_arn"] != delivery["target_arn"]:
            branch.add(_line(("dead letter in ", "red"), (short_arn(letter["target_arn"]), "bold"), _as(letter)))
        if delivery.get("lost"):
            branch.add(_line(("lost: ", "bold red"), (delivery["lost"]["reason"], "red")))
        self.add_rules(branch, delivery["target_arn"])
        function = _unqualified(delivery["target_arn"])
        for onward in _taken(self._deliveries, lambda one: _unqualified(one["source_arn"]) == function):
            self._add_delivery(branch, onward)


def _came_ms(story: Json) -> int:
    if story.get("event"):
        return int(story["event"]["received_ms"])
    times = [tried["at_ms"] for delivery in story["deliveries"] for tried in delivery["tries"]]
    return int(min(times, default=0))


def _taken(deliveries: list[Json], is_wanted: Any) -> list[Json]:
    """Remove and give the deliveries that are wanted."""
    wanted = [one for one in deliveries if is_wanted(one)]
    deliveries[:] = [one for one in deliveries if not is_wanted(one)]
    return wanted


def _headline(story: Json) -> Text:
    event = story.get("event")
    if not event:
        return _line(
            ("event ", "bold"), (story["event_id"], "cyan"), (" (came from elsewhere; only its way is known)", "dim")
        )
    moment = datetime.fromtimestamp(event["received_ms"] / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    return _line(
        ("event ", "bold"),
        (event["id"], "cyan"),
        (f"  {event['detail_type']}", "bold"),
        (f" from {event['source']} on bus {event['bus']}, {moment} UTC, {event['bytes']} bytes", ""),
    )


def _rule_line(rule: Json) -> Text:
    if rule["matched"]:
        return _line(("rule ", ""), (rule["name"], "bold"), (" matched", "green"))
    reason = rule.get("sentence") or "did not match"
    return _line(("rule ", ""), (rule["name"], "bold"), (" did not match: ", "yellow"), (reason, ""))


def _delivery_line(delivery: Json, came_ms: int, event_id: str) -> Text:
    words, colour = STATES[delivery["state"]]
    line = [("to ", ""), (short_arn(delivery["target_arn"]), "bold"), (": ", ""), (words, colour)]
    letter = delivery.get("dead_letter") or {}
    ended = delivery["tries"][-1] if delivery["tries"] else letter
    if ended:
        line.append((f" {_since(ended['at_ms'], came_ms)}", "dim"))
    if delivery["try_count"] > 1:
        line.append((f" after {delivery['try_count']} tries", ""))
    if delivery.get("reference", event_id) != event_id:
        line.append((f"  as {delivery['reference']}", "dim"))
    if letter.get("target_arn") == delivery["target_arn"]:
        line += [_as(letter), (f"  {letter.get('reason', '')}".rstrip(), "")]
    if delivery.get("next_try_ms"):
        line.append((f", next try {_since(delivery['next_try_ms'], came_ms)}", "yellow"))
    return _line(*line)


def _add_tries(branch: Tree, tries: list[Json], came_ms: int) -> None:
    shown = tries if len(tries) <= TRIES_SHOWN else [*tries[: TRIES_SHOWN // 2], None, *tries[-TRIES_SHOWN // 2 :]]
    for tried in shown:
        if tried is None:
            branch.add(_line((f"... {len(tries) - TRIES_SHOWN} more tries", "dim")))
            continue
        words, colour = ("refused", "red") if tried["kind"] == "retry" else STATES[tried["kind"]]
        line = [(f"try {tried.get('attempt', 0)} {_since(tried['at_ms'], came_ms)}: ", "dim"), (words, colour)]
        if tried.get("code"):
            line.append((f" {tried['code']}", "red"))
            line.append((f" {tried.get('message', '')}", ""))
        if tried.get("exhausted"):
            line.append((f" ({tried['exhausted']} reached)", "dim"))
        branch.add(_line(*line))


def _add_invocation(parent: Tree, invocation: Json, came_ms: int, sent_as: str = "") -> None:
    """One attempt at a function; ``sent_as`` is the request id that the line above has already told."""
    words, colour = STATES[invocation["state"]]
    if invocation["attempt"]:
        line = [
            (f"invocation {invocation['attempt']} {_since(invocation['started_ms'], came_ms)}: ", ""),
            (words, colour),
        ]
    else:
        line = [(f"given up {_since(invocation['started_ms'], came_ms)}:", colour)]
    if invocation.get("duration_ms"):
        line.append((f" in {invocation['duration_ms']:.1f} ms", ""))
    if invocation.get("start_count", 1) > 1:
        line.append((f" after {invocation['start_count']} tries", ""))
    code, kind = invocation.get("code"), invocation.get("error_type")
    if kind or code:
        line.append((f" {kind or code}", "red"))
    if invocation.get("message"):
        line.append((f" {invocation['message']}", ""))
    if kind and code and kind != code:
        line.append((f" ({code})", "dim"))
    if invocation.get("due_ms"):
        line.append((f", next try {_since(invocation['due_ms'], came_ms)}", "yellow"))
    if invocation["request_id"] != sent_as:
        line.append((f"  as {invocation['request_id']}", "dim"))
    parent.add(_line(*line))


def _add_caused(tree: Tree, caused: Json, came_ms: int) -> None:
    tree.add(
        _line(
            ("caused event ", ""),
            (caused["caused_event_id"], "cyan"),
            (f" on {short_arn(caused['bus_arn'])} {_since(caused['at_ms'], came_ms)}", "dim"),
        )
    )


def _as(letter: Json) -> tuple[str, str]:
    return (f"  as {letter['reference']}" if letter.get("reference") else "", "dim")


def _since(at_ms: float, came_ms: int) -> str:
    """What passed since the event came in: ``+12 ms``, ``+3.1 s``, ``+2 h 5 min``."""
    passed_ms = int(at_ms - came_ms)
    if abs(passed_ms) < 1_000:
        return f"{passed_ms:+d} ms"
    if abs(passed_ms) < 60_000:
        return f"{passed_ms / 1000:+.1f} s"
    minutes, seconds = divmod(passed_ms // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"+{hours} h {minutes} min" if hours else f"+{minutes} min {seconds} s"


def short_arn(arn: str) -> str:
    """``queue audit`` for ``arn:aws:sqs:us-east-1:000000000000:audit``: what tells targets apart on a screen."""
    parts = arn.split(":", 5)
    if len(parts) < 6:
        return arn
    kind, name = WORDS.get(parts[2], parts[2]), parts[5]
    if name.startswith("rule/"):
        return f"rule {name.removeprefix('rule/')}"
    for prefix in ("function:", "event-bus/", "log-group:", "stream/"):
        name = name.removeprefix(prefix)
    return f"{kind} {name}"


def _unqualified(arn: str) -> str:
    return ":".join(arn.split(":")[:7])


def _detail_words(body: Any) -> str:
    """What only this event says; the rest of its envelope is in the headline."""
    shown = body["detail"] if isinstance(body, dict) and "detail" in body else body
    text = f"detail {json_codec.dumps(shown, ensure_ascii=False)}"
    return text if len(text) <= DETAIL_SHOWN else f"{text[:DETAIL_SHOWN]} ..."


def printable(words: str) -> str:
    """Text on one line that cannot steer a terminal: messages and details are written by customers' programs."""
    return words if words.isprintable() else "".join(one if one.isprintable() else " " for one in words)


def _line(*parts: tuple[str, str]) -> Text:
    """Text from (words, style) pairs; never interpreted as markup, because some of it is the customer's."""
    from rich.text import Text

    return Text.assemble(*((printable(words), style) for words, style in parts))
