"""Why a message died: told from the journal, and of the right sender when an event went more than one way."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from rich.console import Console

from bascule.cli.story import render_story
from bascule.protocol import HttpRequest
from tests.functions import create_function, package
from tests.world import World

PREFIX = "arn:aws:sqs:us-east-1:000000000000:"
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:"
BROKEN = "def handler(event, context):\n    raise {error}({words!r})\n"


@pytest.fixture
def world() -> Iterator[World]:
    with World() as made:
        yield made


def queue(world: World, name: str, **attributes: str) -> str:
    world.client("sqs").create_queue(QueueName=name, Attributes=attributes)
    return PREFIX + name


def broken(world: World, name: str, error: str, words: str, **configuration: Any) -> str:
    return create_function(world.client("lambda"), name, BROKEN.format(error=error, words=words), **configuration)


def put(world: World, *targets: dict[str, Any]) -> str:
    events = world.client("events")
    events.put_rule(Name="r", EventPattern='{"source":["shop"]}')
    events.put_targets(Rule="r", Targets=[{"Id": str(n), **target} for n, target in enumerate(targets)])
    entry = {"Source": "shop", "DetailType": "Order", "Detail": "{}"}
    event_id: str = events.put_events(Entries=[entry])["Entries"][0]["EventId"]
    world.settle()
    return event_id


def why(world: World, name: str) -> list[dict[str, Any]]:
    answer = world.get(f"/_bascule/dlq/{name}")
    assert answer.status == 200, answer.body
    return [message["why"] for message in json.loads(answer.body)["messages"]]


def story(world: World, event_id: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(world.get(f"/_bascule/stories/{event_id}").body)
    return found


def screen(story: dict[str, Any]) -> str:
    out = io.StringIO()
    render_story(Console(file=out, width=200, highlight=False), story)
    return out.getvalue()


def consumed(world: World) -> None:
    """A queue ``work`` with the dead-letter queue ``dead``, consumed by a function that fails."""
    queue(world, "dead")
    policy = json.dumps({"deadLetterTargetArn": PREFIX + "dead", "maxReceiveCount": 2})
    queue(world, "work", RedrivePolicy=policy)
    broken(world, "consumer", "KeyError", "of the consumer")
    world.client("lambda").create_event_source_mapping(EventSourceArn=PREFIX + "work", FunctionName="consumer")
    world.settle()


def test_a_queue_gave_up_because_of_its_own_consumer_not_of_another_target_of_the_event(world: World) -> None:
    consumed(world)
    other = broken(world, "other", "ValueError", "of another target")
    put(world, {"Arn": PREFIX + "work"}, {"Arn": other})
    world.advance(minutes=5)
    (told,) = why(world, "dead")
    assert (told["kind"], told["source_arn"]) == ("queue", PREFIX + "work")
    assert (told["target_arn"], told["code"], told["message"]) == (
        FUNCTION + "consumer",
        "KeyError",
        "'of the consumer'",
    )


def test_the_story_of_an_event_tells_that_a_queue_gave_it_up_and_that_it_was_sent_again(world: World) -> None:
    consumed(world)
    event_id = put(world, {"Arn": PREFIX + "work"})
    world.advance(minutes=2)
    (message,) = json.loads(world.get("/_bascule/dlq/dead").body)["messages"]
    first, given_up = story(world, event_id)["deliveries"]
    assert (first["target_arn"], [one["state"] for one in first["invocations"]]) == (PREFIX + "work", ["failed"] * 2)
    assert (given_up["source_arn"], given_up["target_arn"]) == (PREFIX + "work", PREFIX + "dead")
    assert (given_up["state"], given_up["dead_letter"]["reference"]) == ("dead-letter", message["message_id"])
    assert given_up["dead_letter"]["reason"] == "It was received 2 times and not deleted."

    shown = screen(story(world, event_id))
    assert f"to queue dead: dead letter +1 min 0 s  as {message['message_id']}  It was received 2 times" in shown, shown

    world.client("sqs").start_message_move_task(SourceArn=PREFIX + "dead")
    world.advance(minutes=2)
    again = story(world, event_id)["deliveries"][2]
    assert (again["source_arn"], again["target_arn"], again["state"]) == (PREFIX + "dead", PREFIX + "work", "accepted")
    assert [one["state"] for one in again["invocations"]] == ["failed"] * 2, "under its new message id"


def test_the_story_of_an_event_that_no_filter_wants_tells_that_it_was_deleted(world: World) -> None:
    queue(world, "work")
    create_function(world.client("lambda"), "consumer", "def handler(event, context): pass\n")
    filters = {"Filters": [{"Pattern": '{"body": {"detail-type": ["Refund"]}}'}]}
    world.client("lambda").create_event_source_mapping(
        EventSourceArn=PREFIX + "work", FunctionName="consumer", FilterCriteria=filters
    )
    world.settle()
    told = story(world, put(world, {"Arn": PREFIX + "work"}))
    (filtered,) = told["deliveries"][0]["invocations"]
    assert (filtered["state"], filtered["function_arn"]) == ("filtered", FUNCTION + "consumer")
    assert "filtered out No filter of the mapping wants it, so it was deleted." in screen(told)


def test_a_functions_dead_letter_names_the_function_although_several_use_the_queue(world: World) -> None:
    dead = queue(world, "dead")
    for name in ("one", "two"):
        broken(world, name, "ValueError", f"of {name}", DeadLetterConfig={"TargetArn": dead})
        world.client("lambda").put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=0)
    put(world, {"Arn": FUNCTION + "two"})
    (told,) = why(world, "dead")
    assert (told["kind"], told["source_arn"]) == ("function", FUNCTION + "two:$LATEST")
    assert (told["code"], told["message"]) == ("200", "of two")
    fixed = package("def handler(event, context): pass\n")
    world.client("lambda").update_function_code(FunctionName="two", ZipFile=fixed)
    redriven = world.request(HttpRequest("POST", "/_bascule/dlq/dead/redrive", "", {}, b"{}"))
    assert json.loads(redriven.body)["moved"] == 1
    world.settle()
    assert why(world, "dead") == [], "it went to the function that had failed, which now works"


def test_a_functions_dead_letter_without_an_event_names_the_only_function_of_the_queue(world: World) -> None:
    dead = queue(world, "dead")
    broken(world, "one", "ValueError", "of one", DeadLetterConfig={"TargetArn": dead})
    functions = world.client("lambda")
    functions.put_function_event_invoke_config(FunctionName="one", MaximumRetryAttempts=0)
    functions.invoke(FunctionName="one", InvocationType="Event", Payload=b"{}")
    world.settle()
    (told,) = why(world, "dead")
    assert (told["kind"], told["source_arn"], told["message"]) == ("function", FUNCTION + "one", "of one")


@pytest.mark.parametrize("is_raw", [True, False])
def test_a_subscriptions_dead_letter_tells_the_refusal_raw_or_not(world: World, is_raw: bool) -> None:
    dead = queue(world, "dead")
    topics = world.client("sns")
    topic = topics.create_topic(Name="news")["TopicArn"]
    redrive = json.dumps({"deadLetterTargetArn": dead})
    attributes = {"RedrivePolicy": redrive, "RawMessageDelivery": json.dumps(is_raw)}
    topics.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=PREFIX + "gone", Attributes=attributes)
    put(world, {"Arn": topic}, {"Arn": PREFIX + "also-gone"})
    topics.publish(TopicArn=topic, Message="no event")
    of_event, of_text = why(world, "dead")
    for told in (of_event, of_text):
        assert (told["kind"], told["source_arn"], told["target_arn"]) == ("subscription", topic, PREFIX + "gone")
        assert (told["code"], told["message"]) == ("NO_RESOURCE", "The specified queue does not exist.")
        assert told["retry_count"] == 0


def test_a_published_message_that_was_tried_in_vain_tells_how_often_and_has_a_story_under_its_dead_letters_id(
    world: World,
) -> None:
    dead = queue(world, "dead")
    sleepy = queue(world, "sleepy")
    topics = world.client("sns")
    topic = topics.create_topic(Name="news")["TopicArn"]
    attributes = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": dead}), "RawMessageDelivery": "true"}
    topics.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=sleepy, Attributes=attributes)
    fault = json.dumps({"target": sleepy, "error": "throttled", "times": 1_000_000}).encode()
    assert world.request(HttpRequest("POST", "/_bascule/faults", "", {}, fault)).status == 200
    topics.publish(TopicArn=topic, Message="no event")
    world.advance(hours=24 * 24)
    (message,) = json.loads(world.get("/_bascule/dlq/dead").body)["messages"]
    told = message["why"]
    assert (told["code"], told["source_arn"], told["target_arn"]) == ("THROTTLING", topic, sleepy)
    assert told["retry_count"] > 0
    assert told["exhausted"]
    (delivery,) = story(world, message["message_id"])["deliveries"]
    assert (delivery["state"], delivery["dead_letter"]["reference"]) == ("dead-letter", message["message_id"])


@pytest.mark.parametrize("kind", ["sqs", "sns", "lambda", "events"])
def test_a_record_too_big_for_its_destination_is_shown_among_the_losses(world: World, kind: str) -> None:
    made = {
        "sqs": lambda: queue(world, "records"),
        "sns": lambda: world.client("sns").create_topic(Name="records")["TopicArn"],
        "lambda": lambda: create_function(world.client("lambda"), "records", "def handler(event, context): pass\n"),
        "events": lambda: world.client("events").create_event_bus(Name="records")["EventBusArn"],
    }
    destination = made[kind]()
    broken(world, "heavy", "ValueError", "of heavy")
    functions = world.client("lambda")
    functions.put_function_event_invoke_config(
        FunctionName="heavy",
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": destination}},
    )
    payload = json.dumps("x" * (1_048_576 - 2)).encode()
    functions.invoke(FunctionName="heavy", InvocationType="Event", Payload=payload)
    world.settle()
    (lost,) = json.loads(world.get("/_bascule/lost").body)["lost"]
    assert (lost["origin"], lost["source_arn"], lost["target_arn"]) == (
        "destination",
        FUNCTION + "heavy:$LATEST",
        destination,
    )
    assert lost["code"]
    assert "1048576" in lost["message"] or "limit" in lost["message"] or "too" in lost["message"], lost
    assert lost["bytes"] > 1_048_576
    assert "requestContext" in lost["body"]
    assert lost["reason"] == "no dead-letter queue is set"
