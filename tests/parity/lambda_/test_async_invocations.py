"""Asynchronous invocation as a client sees it: retries, age, destinations and dead letters, in simulated time."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from rich.console import Console

from bascule.cli.story import render_story
from tests.functions import create_function, package
from tests.world import World

FAILS = """
def handler(event, context):
    raise ValueError("broken on purpose")
"""
WORKS = """
def handler(event, context):
    return {"seen": event}
"""
RETURNS_NOTHING = """
def handler(event, context):
    pass
"""


def queue(sqs: Any, name: str) -> tuple[str, str]:
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return url, arn


def messages(sqs: Any, url: str) -> list[Any]:
    answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
    return list(answer.get("Messages", []))


def starts(world: World, name: str) -> list[tuple[int, str]]:
    """When the function began, in seconds since the first time, and the request id."""
    found = world.client("logs").filter_log_events(
        logGroupName=f"/aws/lambda/{name}", filterPattern='"START RequestId"'
    )
    events = found["events"]
    return [
        (round((event["timestamp"] - events[0]["timestamp"]) / 1000), event["message"].split()[2]) for event in events
    ]


def invoke(functions: Any, name: str, event: Any, **more: Any) -> None:
    answer = functions.invoke(FunctionName=name, InvocationType="Event", Payload=json.dumps(event), **more)
    assert answer["StatusCode"] == 202
    assert answer["Payload"].read() == b""
    assert "ExecutedVersion" not in answer


def test_failing_event_runs_three_times_with_one_request_id_a_minute_and_two_minutes_apart(
    world: World, functions: Any
) -> None:
    create_function(functions, "thrice", FAILS)
    invoke(functions, "thrice", {"n": 1})
    world.advance(hours=1)
    runs = starts(world, "thrice")
    assert [second for second, _ in runs] == [0, 60, 180]
    assert len({request_id for _, request_id in runs}) == 1


def test_exhausted_event_reaches_dead_letter_queue_and_failure_destination(
    world: World, functions: Any, sqs: Any
) -> None:
    dead_url, dead_arn = queue(sqs, "both-dead")
    failed_url, failed_arn = queue(sqs, "both-failed")
    arn = create_function(functions, "both", FAILS, DeadLetterConfig={"TargetArn": dead_arn})
    functions.put_function_event_invoke_config(
        FunctionName="both", DestinationConfig={"OnFailure": {"Destination": failed_arn}}
    )
    invoke(functions, "both", {"order": 7})
    world.advance(minutes=2)
    assert messages(sqs, dead_url) == []
    world.advance(minutes=2)

    (dead,) = messages(sqs, dead_url)
    assert json.loads(dead["Body"]) == {"order": 7}
    attributes = dead["MessageAttributes"]
    assert attributes["ErrorCode"] == {"StringValue": "200", "DataType": "Number"}
    assert attributes["ErrorMessage"] == {"StringValue": "broken on purpose", "DataType": "String"}
    (failed,) = messages(sqs, failed_url)
    record = json.loads(failed["Body"])
    assert attributes["RequestID"]["StringValue"] == record["requestContext"]["requestId"]
    assert record["version"] == "1.0"
    assert record["timestamp"] == "2026-01-01T01:03:00.000Z"
    assert record["requestContext"]["functionArn"] == f"{arn}:$LATEST"
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 3
    assert record["requestPayload"] == {"order": 7}
    assert record["responseContext"] == {
        "statusCode": 200,
        "executedVersion": "$LATEST",
        "functionError": "Unhandled",
    }
    assert record["responsePayload"]["errorType"] == "ValueError"
    assert list(record) == [
        "version",
        "timestamp",
        "requestContext",
        "requestPayload",
        "responseContext",
        "responsePayload",
    ]


@pytest.mark.parametrize(("retries", "attempts"), [(0, 1), (1, 2)])
def test_maximum_retry_attempts_bounds_the_runs(world: World, functions: Any, retries: int, attempts: int) -> None:
    name = f"bounded-{retries}"
    create_function(functions, name, FAILS)
    functions.put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=retries)
    invoke(functions, name, {})
    world.advance(hours=1)
    assert len(starts(world, name)) == attempts


def test_event_that_grows_too_old_is_recorded_with_the_last_response(world: World, functions: Any, sqs: Any) -> None:
    url, arn = queue(sqs, "aged-failed")
    create_function(functions, "aged", FAILS)
    functions.put_function_event_invoke_config(
        FunctionName="aged",
        MaximumEventAgeInSeconds=60,
        MaximumRetryAttempts=2,
        DestinationConfig={"OnFailure": {"Destination": arn}},
    )
    invoke(functions, "aged", {})
    world.advance(hours=1)
    (message,) = messages(sqs, url)
    record = json.loads(message["Body"])
    assert record["requestContext"]["condition"] == "EventAgeExceeded"
    assert record["requestContext"]["approximateInvokeCount"] == 1
    assert record["responsePayload"]["errorType"] == "ValueError"


def test_reserved_concurrency_zero_ends_the_event_without_an_attempt(world: World, functions: Any, sqs: Any) -> None:
    url, arn = queue(sqs, "stopped-failed")
    dead_url, dead_arn = queue(sqs, "stopped-dead")
    create_function(functions, "stopped", WORKS, DeadLetterConfig={"TargetArn": dead_arn})
    functions.put_function_concurrency(FunctionName="stopped", ReservedConcurrentExecutions=0)
    functions.put_function_event_invoke_config(
        FunctionName="stopped", DestinationConfig={"OnFailure": {"Destination": arn}}
    )
    invoke(functions, "stopped", {"n": 1})
    world.settle()
    (message,) = messages(sqs, url)
    record = json.loads(message["Body"])
    assert record["requestContext"]["condition"] == "ZeroReservedConcurrency"
    assert record["requestContext"]["approximateInvokeCount"] == 0
    assert "responseContext" not in record
    assert "responsePayload" not in record
    (dead,) = messages(sqs, dead_url)
    assert dead["Body"] == '{"n": 1}'
    with pytest.raises(functions.exceptions.TooManyRequestsException) as refused:
        functions.invoke(FunctionName="stopped")
    assert refused.value.response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"


def test_success_record_arrives_in_a_queue(world: World, functions: Any, sqs: Any) -> None:
    url, arn = queue(sqs, "won")
    create_function(functions, "winner", WORKS)
    functions.put_function_event_invoke_config(
        FunctionName="winner", DestinationConfig={"OnSuccess": {"Destination": arn}}
    )
    invoke(functions, "winner", {"n": 1})
    world.settle()
    (message,) = messages(sqs, url)
    record = json.loads(message["Body"])
    assert record["requestContext"]["condition"] == "Success"
    assert record["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST"}
    assert record["responsePayload"] == {"seen": {"n": 1}}


def test_nothing_returned_is_null_in_the_success_record(world: World, functions: Any, sqs: Any) -> None:
    url, arn = queue(sqs, "null-won")
    create_function(functions, "null-winner", RETURNS_NOTHING)
    functions.put_function_event_invoke_config(
        FunctionName="null-winner", DestinationConfig={"OnSuccess": {"Destination": arn}}
    )
    invoke(functions, "null-winner", {})
    world.settle()
    record = json.loads(messages(sqs, url)[0]["Body"])
    assert record["responsePayload"] is None


def test_record_becomes_an_event_of_lambda_on_a_bus(world: World, functions: Any, sqs: Any) -> None:
    events = world.client("events")
    bus_arn = events.create_event_bus(Name="results")["EventBusArn"]
    url, queue_arn = queue(sqs, "results-queue")
    events.put_rule(Name="all", EventBusName="results", EventPattern=json.dumps({"source": ["lambda"]}))
    events.put_targets(Rule="all", EventBusName="results", Targets=[{"Id": "q", "Arn": queue_arn}])
    arn = create_function(functions, "told", WORKS)
    functions.put_function_event_invoke_config(
        FunctionName="told", DestinationConfig={"OnSuccess": {"Destination": bus_arn}}
    )
    invoke(functions, "told", {"n": 1})
    world.settle()
    event = json.loads(messages(sqs, url)[0]["Body"])
    assert event["source"] == "lambda"
    assert event["detail-type"] == "Lambda Function Invocation Result - Success"
    assert event["resources"] == [bus_arn, f"{arn}:$LATEST"]
    assert event["detail"]["responsePayload"] == {"seen": {"n": 1}}


def test_record_is_the_event_of_a_destination_function(world: World, functions: Any, sqs: Any) -> None:
    url, queue_arn = queue(sqs, "chained")
    second = create_function(functions, "second", WORKS)
    functions.put_function_event_invoke_config(
        FunctionName="second", DestinationConfig={"OnSuccess": {"Destination": queue_arn}}
    )
    create_function(functions, "first", FAILS)
    functions.put_function_event_invoke_config(
        FunctionName="first", MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": second}}
    )
    invoke(functions, "first", {"n": 1})
    world.settle()
    record = json.loads(messages(sqs, url)[0]["Body"])
    assert record["requestPayload"]["requestContext"]["condition"] == "RetriesExhausted"


def test_config_of_latest_is_not_used_for_an_alias(world: World, functions: Any, sqs: Any) -> None:
    url, arn = queue(sqs, "alias-failed")
    create_function(functions, "aliased", FAILS, Publish=True)
    functions.create_alias(FunctionName="aliased", Name="live", FunctionVersion="1")
    functions.put_function_event_invoke_config(
        FunctionName="aliased", MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": arn}}
    )
    invoke(functions, "aliased", {}, Qualifier="live")
    world.advance(hours=1)
    assert messages(sqs, url) == []
    assert len(starts(world, "aliased")) == 3


def test_event_queued_before_an_update_runs_the_new_code(world: World, functions: Any) -> None:
    create_function(functions, "updated", FAILS)
    invoke(functions, "updated", {})
    world.settle()
    functions.update_function_code(FunctionName="updated", ZipFile=package(WORKS))
    world.advance(hours=1)
    assert [second for second, _ in starts(world, "updated")] == [0, 60]


def test_function_that_feeds_itself_is_stopped_after_sixteen_runs(world: World, functions: Any) -> None:
    arn = create_function(functions, "ping", RETURNS_NOTHING)
    other = create_function(functions, "pong", RETURNS_NOTHING)
    functions.put_function_event_invoke_config(
        FunctionName="ping", DestinationConfig={"OnSuccess": {"Destination": other}}
    )
    functions.put_function_event_invoke_config(
        FunctionName="pong", DestinationConfig={"OnSuccess": {"Destination": arn}}
    )
    invoke(functions, "ping", {})
    world.advance(minutes=10)
    assert len(starts(world, "ping")) == 16


def test_the_event_of_a_stopped_loop_says_so_in_the_dead_letter_queue(world: World, functions: Any, sqs: Any) -> None:
    url, dead = queue(sqs, "loop-dead")
    arn = create_function(functions, "echo", RETURNS_NOTHING, DeadLetterConfig={"TargetArn": dead})
    other = create_function(functions, "wall", RETURNS_NOTHING)
    for name, to in (("echo", other), ("wall", arn)):
        functions.put_function_event_invoke_config(
            FunctionName=name, DestinationConfig={"OnSuccess": {"Destination": to}}
        )
    invoke(functions, "echo", {})
    world.settle()
    (message,) = messages(sqs, url)
    attributes = message["MessageAttributes"]
    assert attributes["ErrorCode"]["StringValue"] == "400"
    assert "recursive loop" in attributes["ErrorMessage"]["StringValue"]


def test_a_chain_of_many_functions_that_is_no_loop_runs_to_its_end(world: World, functions: Any) -> None:
    after: str | None = None
    for number in reversed(range(20)):
        to = after
        after = create_function(functions, f"step-{number}", RETURNS_NOTHING)
        if to is not None:
            functions.put_function_event_invoke_config(
                FunctionName=f"step-{number}", DestinationConfig={"OnSuccess": {"Destination": to}}
            )
    invoke(functions, "step-0", {})
    world.advance(minutes=1)
    assert len(starts(world, "step-19")) == 1


def test_deleted_function_drops_its_waiting_events(world: World, functions: Any) -> None:
    create_function(functions, "gone", FAILS)
    invoke(functions, "gone", {})
    world.settle()
    assert functions.delete_function(FunctionName="gone")["ResponseMetadata"]["HTTPStatusCode"] == 204
    create_function(functions, "gone", WORKS)
    world.advance(hours=1)
    assert len(starts(world, "gone")) == 1


def test_an_event_that_is_throttled_to_its_end_says_so_in_its_dead_letter_and_its_story(
    world: World, functions: Any, sqs: Any
) -> None:
    url, dead = queue(sqs, "throttled-dead")
    arn = create_function(functions, "throttled", WORKS, DeadLetterConfig={"TargetArn": dead})
    assert world.bascule.delivery.faults is not None
    world.bascule.delivery.faults.put(arn, "throttled", times=1_000, at="invocation")
    events = world.client("events")
    events.put_rule(Name="r", EventPattern='{"source":["shop"]}')
    events.put_targets(Rule="r", Targets=[{"Id": "1", "Arn": arn}])
    entry = {"Source": "shop", "DetailType": "Order", "Detail": "{}"}
    event_id = events.put_events(Entries=[entry])["Entries"][0]["EventId"]
    world.advance(hours=6)
    (message,) = messages(sqs, url)
    attributes = message["MessageAttributes"]
    told = {name: attributes[name]["StringValue"] for name in ("ErrorCode", "ErrorMessage")}
    assert told == {"ErrorCode": "429", "ErrorMessage": "Rate Exceeded."}
    story = json.loads(world.get(f"/_bascule/stories/{event_id}").body)
    tried, ended = story["deliveries"][0]["invocations"]
    assert (tried["attempt"], tried["code"], tried["reason"]) == (1, "429", "ConcurrentInvocationLimitExceeded")
    assert 70 < tried["start_count"] < 90, "1 s, 2 s, 4 s ... and then every five minutes"
    assert (ended["attempt"], ended["code"]) == (0, "EventAgeExceeded")
    out = io.StringIO()
    render_story(Console(file=out, width=200, highlight=False), story)
    assert f"failed after {tried['start_count']} tries 429 Rate Exceeded." in out.getvalue(), out.getvalue()
    assert "given up +6 h 0 min: EventAgeExceeded Rate Exceeded." in out.getvalue()
