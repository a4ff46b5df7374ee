"""The failure half of the tutorial, as written there, through plain boto3: what raises, retries, destinations, dead letters."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.functions import create_function
from tests.world import World

RAISES = """
def handler(event, context):
    for record in event.get("Records", [{}]):
        raise RuntimeError("cannot handle this")
"""
ECHO = "def handler(event, context): return {'seen': event}\n"


@pytest.fixture
def world() -> Iterator[World]:
    with World() as running:
        yield running


def _queue(world: World, name: str, **attributes: str) -> tuple[str, str]:
    sqs = world.client("sqs")
    url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    return url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def _messages(world: World, url: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (
        world.client("sqs")
        .receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], AttributeNames=["All"])
        .get("Messages", [])
    )
    return found


def test_a_batch_whose_handler_raises_returns_to_the_queue_and_ends_in_its_dlq(world: World) -> None:
    dlq, dlq_arn = _queue(world, "orders-dlq")
    redrive = json.dumps({"deadLetterTargetArn": dlq_arn, "maxReceiveCount": 3})
    orders, orders_arn = _queue(world, "orders", RedrivePolicy=redrive, VisibilityTimeout="30")
    functions = world.client("lambda")
    create_function(functions, "orders", RAISES)
    functions.create_event_source_mapping(EventSourceArn=orders_arn, FunctionName="orders", BatchSize=10)
    world.settle()
    world.client("sqs").send_message(QueueUrl=orders, MessageBody='{"order": 1}')
    world.settle()
    assert _messages(world, dlq) == []
    world.advance(minutes=5)
    (dead,) = _messages(world, dlq)
    assert dead["Body"] == '{"order": 1}'
    assert dead["Attributes"]["DeadLetterQueueSourceArn"] == orders_arn


def test_one_retry_and_an_hour_at_most_as_the_command_line_sets_it(world: World) -> None:
    failed, failed_arn = _queue(world, "failed")
    functions = world.client("lambda")
    create_function(functions, "once-more", RAISES)
    functions.put_function_event_invoke_config(
        FunctionName="once-more",
        MaximumRetryAttempts=1,
        MaximumEventAgeInSeconds=3600,
        DestinationConfig={"OnFailure": {"Destination": failed_arn}},
    )
    functions.invoke(FunctionName="once-more", InvocationType="Event", Payload=b'{"n": 1}')
    world.settle()
    assert _messages(world, failed) == []
    world.advance(minutes=10)
    (message,) = _messages(world, failed)
    record = json.loads(message["Body"])
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 2
    assert record["requestPayload"] == {"n": 1}
    assert record["responsePayload"]["errorMessage"] == "cannot handle this"


@pytest.mark.parametrize(("outcome", "source"), [("OnSuccess", ECHO), ("OnFailure", RAISES)])
def test_destinations_arrive_at_all_four_kinds_of_target(world: World, outcome: str, source: str) -> None:
    functions, sns, events = world.client("lambda"), world.client("sns"), world.client("events")
    seen, seen_arn = _queue(world, "seen")
    topic = sns.create_topic(Name="outcomes")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=seen_arn, Attributes={"RawMessageDelivery": "true"})
    bus = events.create_event_bus(Name="outcomes")["EventBusArn"]
    events.put_rule(Name="all", EventBusName="outcomes", EventPattern='{"source": ["lambda"]}')
    events.put_targets(Rule="all", EventBusName="outcomes", Targets=[{"Id": "1", "Arn": seen_arn}])
    reporter = create_function(functions, "reporter", ECHO)
    functions.put_function_event_invoke_config(
        FunctionName="reporter", DestinationConfig={"OnSuccess": {"Destination": seen_arn}}
    )
    for kind, arn in (("sqs", seen_arn), ("sns", topic), ("events", bus), ("lambda", reporter)):
        create_function(functions, f"to-{kind}", source)
        functions.put_function_event_invoke_config(
            FunctionName=f"to-{kind}", MaximumRetryAttempts=0, DestinationConfig={outcome: {"Destination": arn}}
        )
        functions.invoke(FunctionName=f"to-{kind}", InvocationType="Event", Payload=json.dumps({"kind": kind}).encode())
    world.settle()
    bodies = [json.loads(message["Body"]) for message in _messages(world, seen)]
    payloads = []
    for body in bodies:
        record = body.get("detail", body)
        if "reporter" in record["requestContext"]["functionArn"]:
            record = record["requestPayload"]
        payloads.append(record["requestPayload"]["kind"])
        assert record["requestContext"]["condition"] == ("Success" if outcome == "OnSuccess" else "RetriesExhausted")
    assert sorted(payloads) == ["events", "lambda", "sns", "sqs"]


def test_a_functions_dead_letter_queue_holds_the_original_event_and_says_why(world: World) -> None:
    dead, dead_arn = _queue(world, "function-dlq")
    functions = world.client("lambda")
    create_function(functions, "fails", RAISES, DeadLetterConfig={"TargetArn": dead_arn})
    functions.invoke(FunctionName="fails", InvocationType="Event", Payload=b'{"original": true}')
    world.advance(minutes=10)
    (message,) = _messages(world, dead)
    assert json.loads(message["Body"]) == {"original": True}
    attributes = {
        name: (value["DataType"], value["StringValue"]) for name, value in message["MessageAttributes"].items()
    }
    assert attributes["ErrorCode"] == ("Number", "200")
    assert attributes["ErrorMessage"] == ("String", "cannot handle this")
    assert len(attributes["RequestID"][1]) == 36


def test_a_missing_target_is_a_dead_letter_at_once_and_without_a_dlq_it_is_told(world: World) -> None:
    dead, dead_arn = _queue(world, "rule-dlq")
    events = world.client("events")
    events.put_rule(Name="r", EventPattern='{"source": ["shop"]}')
    missing = "arn:aws:sqs:us-east-1:000000000000:nowhere"
    events.put_targets(
        Rule="r",
        Targets=[
            {"Id": "with", "Arn": missing, "DeadLetterConfig": {"Arn": dead_arn}},
            {"Id": "without", "Arn": missing},
        ],
    )
    answer = events.put_events(Entries=[{"Source": "shop", "DetailType": "Order", "Detail": '{"n": 1}'}])
    event_id = answer["Entries"][0]["EventId"]
    (message,) = _messages(world, dead)
    assert json.loads(message["Body"])["id"] == event_id
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert attributes["ERROR_CODE"] == "NO_RESOURCE"
    assert attributes["RETRY_ATTEMPTS"] == "0"
    assert attributes["TARGET_ARN"] == missing
    assert attributes["RULE_ARN"].endswith(":rule/r")
    story = json.loads(world.get(f"/_bascule/stories/{event_id}").body)
    assert sorted(delivery["state"] for delivery in story["deliveries"]) == ["dead-letter", "lost"]
    assert json.loads(world.get("/_bascule/metrics").body)["delivery.Lost"]
