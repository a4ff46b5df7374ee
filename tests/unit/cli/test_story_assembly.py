"""From notes of the journal to the story of an event, and from the story to a screen."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from rich.console import Console

from bascule.cli.story import render_story
from bascule.cli.tail import render_tail_line
from bascule.edge.stories import story_of, tail_of
from bascule.kernel.context import Context
from bascule.kernel.delivery import Refused
from bascule.kernel.journal import Note
from bascule.kernel.store import Tx
from tests.unit.delivery.platform import DLQ, RULE, SCOPE, WORK, Owner, Platform

BUSY = Refused("THROTTLING", "Rate exceeded", is_retryable=True)
FORBIDDEN = Refused("NO_PERMISSIONS", "Not authorized.")
FUNCTION = SCOPE.arn("lambda", "function:warehouse")
BUS = SCOPE.arn("events", "event-bus/audit")


@pytest.fixture
def platform() -> Iterator[Platform]:
    made = Platform()
    made.targets["lambda"] = Owner()
    yield made
    made.close()


def tell(platform: Platform, event: str) -> dict[str, Any]:
    story = platform.read(lambda tx: story_of(tx, event))
    assert story is not None
    return json.loads(json.dumps(story))


def screen(story: dict[str, Any]) -> str:
    out = io.StringIO()
    render_story(Console(file=out, width=160, highlight=False), story)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def note(platform: Platform, *notes: Note) -> None:
    def command(ctx: Context, tx: Tx) -> None:
        for one in notes:
            ctx.journal.note(tx, one)

    platform.write(command)


def test_an_accepted_delivery_says_what_it_is_called_in_its_target(platform: Platform) -> None:
    event = platform.put_event(WORK)
    story = tell(platform, event)
    (delivery,) = story["deliveries"]
    assert (delivery["rule"], delivery["state"], delivery["reference"], delivery["try_count"]) == (
        "big-orders",
        "accepted",
        "m-1",
        1,
    )
    assert story["event"]["source"] == "myapp.orders"
    assert story["event"]["body"]["detail"] == {"amount": 1000}
    assert story["rules"] == [
        {
            "name": "big-orders",
            "arn": RULE,
            "bus_arn": SCOPE.arn("events", "event-bus/shop"),
            "matched": True,
            "sentence": "The rule has been deleted since.",
        }
    ]
    assert "to work jobs: accepted +0 ms  as m-1" in screen(story)


def test_a_waiting_delivery_says_when_it_is_tried_next_and_why_it_waits(platform: Platform) -> None:
    platform.work.script = [BUSY]
    event = platform.put_event(WORK)
    (delivery,) = tell(platform, event)["deliveries"]
    assert (delivery["state"], delivery["code"], delivery["message"]) == ("waiting", "THROTTLING", "Rate exceeded")
    (row,) = platform.read(lambda tx: platform.engine.waiting(tx, 1))
    assert delivery["next_try_ms"] == row.due_ms
    text = screen(tell(platform, event))
    assert f"waiting +0 ms, next try +{row.due_ms - platform.clock.now_ms()} ms" in text
    assert "try 1 +0 ms: refused THROTTLING Rate exceeded" in text


def test_a_delivery_accepted_at_last_counts_its_tries(platform: Platform) -> None:
    platform.work.script = [BUSY, BUSY]
    event = platform.put_event(WORK)
    platform.run(10_000)
    (delivery,) = tell(platform, event)["deliveries"]
    assert (delivery["state"], delivery["try_count"], len(delivery["tries"])) == ("accepted", 3, 3)
    assert "next_try_ms" not in delivery
    assert "after 3 tries" in screen(tell(platform, event))


def test_a_dead_letter_and_a_loss_are_the_ends_of_their_deliveries(platform: Platform) -> None:
    platform.work.then = FORBIDDEN
    dead = platform.put_event(WORK, dead_letter_arn=DLQ)
    lost = platform.put_event(WORK)
    (delivery,) = tell(platform, dead)["deliveries"]
    assert (delivery["state"], delivery["dead_letter"]["target_arn"]) == ("dead-letter", DLQ)
    assert delivery["dead_letter"]["reference"] == "m-1"
    (delivery,) = tell(platform, lost)["deliveries"]
    assert (delivery["state"], delivery["lost"]["reason"]) == ("lost", "no dead-letter queue is set")
    assert "dead letter in letters dlq  as m-1" in screen(tell(platform, dead))
    assert "lost: no dead-letter queue is set" in screen(tell(platform, lost))


def test_a_dead_letter_queue_that_refuses_is_told_in_the_story_of_the_delivery(platform: Platform) -> None:
    platform.work.then = FORBIDDEN
    platform.letters.script = [BUSY, FORBIDDEN]
    event = platform.put_event(WORK, dead_letter_arn=DLQ)
    platform.run(5_000)
    (delivery,) = tell(platform, event)["deliveries"]
    assert delivery["state"] == "lost"
    assert delivery["lost"]["reason"] == "the dead-letter queue refused it"
    assert [tried.get("target_arn") for tried in delivery["tries"]] == [None, DLQ]


def test_long_rows_of_tries_are_cut_in_the_middle(platform: Platform) -> None:
    platform.work.script = [BUSY] * 30
    event = platform.put_event(WORK)
    platform.run(86_000_000)
    text = screen(tell(platform, event))
    assert "... 25 more tries" in text
    assert "try 1 " in text
    assert "try 31 " in text
    assert "try 15 " not in text


def test_an_owner_that_fails_later_joins_the_acceptance_it_takes_back(platform: Platform) -> None:
    event = platform.put_event(WORK)
    delivery = platform.delivery(event_id=event)
    platform.write(lambda ctx, tx: ctx.courier.fail(ctx, tx, delivery, FORBIDDEN, retry_count=4))
    (told,) = tell(platform, event)["deliveries"]
    assert (told["state"], told["try_count"]) == ("lost", 5)


def test_a_function_that_fails_three_times_is_told_with_its_attempts_and_its_dead_letter(platform: Platform) -> None:
    event = platform.put_event(FUNCTION)
    now_ms, request = platform.clock.now_ms(), "m-1"
    for attempt in (1, 2, 3):
        started = Note("invocation-started", now_ms, event, FUNCTION + ":live", request, attempt)
        detail: dict[str, str | int | float] = {"due_ms": now_ms + 60_000}
        kind, code = "invocation-retry", "ValueError"
        if attempt == 3:
            kind, code, detail = "invocation-failed", "RetriesExhausted", {"error_type": "ValueError"}
        ended = Note(kind, now_ms + 5, event, FUNCTION, request, attempt, 12.5, code, "no address", detail)
        note(platform, started, ended)
        now_ms += 60_000
    platform.run(120_005)
    platform.send(
        platform.delivery(origin="dead-letter", source_arn=FUNCTION + ":live", target_arn=DLQ, event_id=event)
    )
    story = tell(platform, event)
    delivery, letter = story["deliveries"]
    assert [(one["attempt"], one["state"]) for one in delivery["invocations"]] == [
        (1, "failed"),
        (2, "failed"),
        (3, "failed"),
    ]
    assert all("due_ms" not in one for one in delivery["invocations"])
    assert (letter["state"], letter["source_arn"]) == ("dead-letter", FUNCTION + ":live")
    assert story["invocations"] == []
    text = screen(story)
    assert "invocation 3 +2 min 0 s: failed in 12.5 ms ValueError no address (RetriesExhausted)" in text
    assert "    └── to letters dlq: dead letter" in text


def test_a_running_and_a_waiting_invocation_are_told_as_they_are(platform: Platform) -> None:
    event = platform.put_event(FUNCTION)
    now_ms = platform.clock.now_ms()
    note(platform, Note("invocation-started", now_ms, event, FUNCTION, "m-1", 1))
    assert tell(platform, event)["deliveries"][0]["invocations"][0]["state"] == "running"
    waits = Note("invocation-retry", now_ms, event, FUNCTION, "m-1", 1, detail={"due_ms": now_ms + 7_500_000})
    note(platform, waits)
    (invocation,) = tell(platform, event)["deliveries"][0]["invocations"]
    assert (invocation["state"], invocation["due_ms"]) == ("waiting", now_ms + 7_500_000)
    assert "next try +2 h 5 min" in screen(tell(platform, event))


def test_an_invocation_nobody_sent_for_is_told_by_itself(platform: Platform) -> None:
    event = platform.put_event()
    note(platform, Note("invocation-succeeded", platform.clock.now_ms(), event, FUNCTION, "r-9", 1, 3.25))
    story = tell(platform, event)
    assert [one["request_id"] for one in story["invocations"]] == ["r-9"]
    assert "invocation 1 +0 ms: succeeded in 3.2 ms  as r-9" in screen(story)


def test_caused_events_are_named_in_both_directions(platform: Platform) -> None:
    event = platform.put_event()
    caused: dict[str, str | int | float] = {"event_id": "child", "source_arn": RULE}
    note(platform, Note("caused", platform.clock.now_ms(), event, BUS, "d-1", detail=caused))
    story = tell(platform, event)
    assert story["caused"] == [
        {"caused_event_id": "child", "bus_arn": BUS, "source_arn": RULE, "at_ms": platform.clock.now_ms()}
    ]
    assert "caused event child on bus audit" in screen(story)
    story["caused_by"] = "parent"
    assert "caused by event parent" in screen(story)


def test_the_rules_of_a_further_bus_are_told_below_the_delivery_to_it(platform: Platform) -> None:
    platform.targets["events"] = Owner()
    event = platform.put_event(BUS)
    onward = SCOPE.arn("events", "rule/audit/all")
    received: dict[str, str | int | float] = {"source_arn": RULE, "matched": "all,some"}
    note(platform, Note("received", platform.clock.now_ms(), event, BUS, "d-1", detail=received))
    platform.send(platform.delivery(source_arn=onward, event_id=event))
    story = tell(platform, event)
    assert [(rule["name"], rule["bus_arn"]) for rule in story["rules"][1:]] == [("all", BUS), ("some", BUS)]
    assert "        ├── rule all matched" in screen(story)
    assert "            └── to work jobs: accepted" in screen(story).replace("│", " ")


def test_an_id_from_elsewhere_still_tells_its_way(platform: Platform) -> None:
    platform.send(platform.delivery(event_id="order 66"))
    story = tell(platform, "order 66")
    assert story["event"] is None
    assert "event order 66 (came from elsewhere; only its way is known)" in screen(story)


def test_an_unknown_id_has_no_story(platform: Platform) -> None:
    assert platform.read(lambda tx: story_of(tx, "nobody")) is None


def test_words_of_customers_steer_neither_markup_nor_the_terminal(platform: Platform) -> None:
    platform.work.script = [Refused("NO_RESOURCE", "[bold]not markup[/]\n\x1b[2J!")]
    event = platform.put_event(WORK)
    assert "[bold]not markup[/]  [2J!" in screen(tell(platform, event))


def test_each_happening_is_one_line_of_the_live_view(platform: Platform) -> None:
    platform.work.script = [BUSY]
    event = platform.put_event(WORK, dead_letter_arn=DLQ)
    note(platform, Note("invocation-failed", platform.clock.now_ms(), event, FUNCTION, "r", 2, 5.0, "Timeout", "slow"))
    note(platform, Note("something-new", platform.clock.now_ms(), event, message="odd"))
    page = platform.read(lambda tx: tail_of(tx, "", now_ms=platform.clock.now_ms()))
    out = io.StringIO()
    for happening in json.loads(json.dumps(page))["happenings"]:
        render_tail_line(Console(file=out, width=80, highlight=False), happening)
    lines = out.getvalue().splitlines()
    assert len(lines) == 4
    assert all(line.startswith(f"22:13:20.000 {event} ") for line in lines)
    assert lines[0].endswith("event       myapp.orders 'Order Created' on shop, 194 bytes -> big-orders")
    assert "refused     work jobs THROTTLING: Rate exceeded next try in 0." in lines[1]
    assert lines[2].endswith("failed      function warehouse try 2 in 5.0 ms Timeout: slow")
    assert lines[3].endswith("something-new odd")
    later = platform.read(lambda tx: tail_of(tx, page["cursor"], now_ms=platform.clock.now_ms()))
    assert later["happenings"] == []


def test_a_caused_event_in_the_live_view_names_both_events(platform: Platform) -> None:
    event = platform.put_event()
    detail: dict[str, str | int | float] = {"event_id": "child"}
    note(platform, Note("caused", platform.clock.now_ms(), event, BUS, detail=detail))
    page = platform.read(lambda tx: tail_of(tx, "", now_ms=platform.clock.now_ms()))
    happening = page["happenings"][-1]
    assert (happening["event_id"], happening["caused_event_id"]) == (event, "child")
