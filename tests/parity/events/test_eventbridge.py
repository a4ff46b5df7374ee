"""EventBridge as a boto3 program sees it, through every stage of a request."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.world import World

PATTERN = json.dumps(
    {
        "source": ["myapp.orders"],
        "detail-type": ["Order Created"],
        "detail": {"amount": [{"numeric": [">=", 1000]}]},
    }
)
BUS = "my-custom-bus"


def error(call: Any, **members: Any) -> tuple[str, str, int]:
    with pytest.raises(ClientError) as caught:
        call(**members)
    answer = caught.value.response
    return (
        answer["Error"]["Code"],
        answer["Error"]["Message"],
        answer["ResponseMetadata"]["HTTPStatusCode"],
    )


def queue(world: World, name: str, region: str = "us-east-1") -> tuple[str, str]:
    """A queue; gives URL and ARN."""
    sqs = world.client("sqs", region=region)
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    return url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def messages(world: World, url: str, region: str = "us-east-1") -> list[dict[str, Any]]:
    """What is in a queue; it is taken out."""
    sqs = world.client("sqs", region=region)
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]).get("Messages", [])
    for message in found:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return list(found)


def order(amount: object, **members: Any) -> dict[str, Any]:
    detail = {"orderId": "o-1", "customerId": "c-1", "amount": amount, "items": [{"sku": "A", "qty": 1}]}
    entry = {"Source": "myapp.orders", "DetailType": "Order Created", "Detail": json.dumps(detail), "EventBusName": BUS}
    return entry | members


def test_the_program_of_the_tutorial(world: World) -> None:
    events = world.client("events")
    url, arn = queue(world, "big-orders")
    bus_arn = events.create_event_bus(Name=BUS)["EventBusArn"]
    assert bus_arn == f"arn:aws:events:us-east-1:000000000000:event-bus/{BUS}"
    rule = events.put_rule(Name="big", EventBusName=BUS, EventPattern=PATTERN)
    assert rule["RuleArn"] == f"arn:aws:events:us-east-1:000000000000:rule/{BUS}/big"
    put = events.put_targets(Rule="big", EventBusName=BUS, Targets=[{"Id": "q", "Arn": arn}])
    assert (put["FailedEntryCount"], put["FailedEntries"]) == (0, [])
    answer = events.put_events(Entries=[order(1000), order(999.99), order("1000"), order(2500.5)])
    assert answer["FailedEntryCount"] == 0
    bodies = {message["Body"] for message in messages(world, url)}
    events_received = [json.loads(body, parse_float=Decimal) for body in bodies]
    assert {event["id"] for event in events_received} == {
        answer["Entries"][0]["EventId"],
        answer["Entries"][3]["EventId"],
    }
    assert {str(event["detail"]["amount"]) for event in events_received} == {"1000", "2500.5"}
    assert all(": " not in body.replace("T", "") for body in bodies)
    events.put_events(Entries=[order(5000, EventBusName="default")])
    assert messages(world, url) == []


def test_results_of_bad_entries(world: World) -> None:
    answer = world.client("events").put_events(
        Entries=[
            {"DetailType": "t", "Detail": "{}"},
            {"Source": "s", "Detail": "{}"},
            {"Source": "s", "DetailType": "t"},
            {"Source": "s", "DetailType": "t", "Detail": "[1]"},
            {"Source": "aws.x", "DetailType": "t", "Detail": "{}"},
            {"Source": "s", "DetailType": "t", "Detail": "{}", "EventBusName": "does-not-exist"},
        ]
    )
    assert answer["FailedEntryCount"] == 5
    required = "Parameter {0} is not valid. Reason: {0} is a required argument."
    assert answer["Entries"][:5] == [
        {"ErrorCode": "InvalidArgument", "ErrorMessage": required.format("Source")},
        {"ErrorCode": "InvalidArgument", "ErrorMessage": required.format("DetailType")},
        {"ErrorCode": "InvalidArgument", "ErrorMessage": required.format("Detail")},
        {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."},
        {"ErrorCode": "NotAuthorizedForSourceException", "ErrorMessage": "Not authorized for the source."},
    ]
    assert set(answer["Entries"][5]) == {"EventId"}


def test_errors_on_the_wire(world: World) -> None:
    events = world.client("events")
    assert error(events.describe_event_bus, Name="nope") == (
        "ResourceNotFoundException",
        "Event bus nope does not exist.",
        400,
    )
    assert error(events.describe_rule, Name="nope") == (
        "ResourceNotFoundException",
        "Rule nope does not exist on EventBus default.",
        400,
    )
    assert error(events.delete_event_bus, Name="default") == (
        "ValidationException",
        "Cannot delete event bus default.",
        400,
    )
    assert error(events.put_rule, Name="r", ScheduleExpression="rate(1 minutes)") == (
        "ValidationException",
        "Parameter ScheduleExpression is not valid.",
        400,
    )
    code, message, status = error(events.put_rule, Name="r", EventPattern="{}")
    assert (code, status) == ("InvalidEventPatternException", 400)
    assert message.startswith("Event pattern is not valid. Reason: Empty objects are not allowed")
    events.create_event_bus(Name=BUS)
    assert error(events.create_event_bus, Name=BUS) == (
        "ResourceAlreadyExistsException",
        f"Event bus {BUS} already exists.",
        400,
    )
    large = {"Source": "s", "DetailType": "t", "Detail": json.dumps({"x": "y" * 600_000})}
    assert error(events.put_events, Entries=[large, large]) == (
        "ValidationException",
        "Total size of the entries in the request is over the limit.",
        400,
    )


def test_what_is_not_built_is_refused_loudly(world: World) -> None:
    events = world.client("events")
    events.put_rule(Name="r", EventPattern=PATTERN)
    target = {"Id": "t", "Arn": "arn:aws:ecs:us-east-1:000000000000:cluster/c", "RoleArn": "arn:aws:iam::0:role/r"}
    code, message, _ = error(
        events.put_targets, Rule="r", Targets=[target | {"EcsParameters": {"TaskDefinitionArn": "arn:x"}}]
    )
    assert code == "NotImplemented"
    assert "EcsParameters" in message
    assert error(events.create_archive, ArchiveName="a", EventSourceArn="arn:x")[0] == "NotImplemented"
    assert error(events.create_event_bus, Name="b", KmsKeyIdentifier="k")[0] == "NotImplemented"


def test_a_target_with_an_input_transformer(world: World) -> None:
    events = world.client("events")
    url, arn = queue(world, "texts")
    events.put_rule(Name="r", EventPattern='{"source": ["myapp.orders"]}')
    transformer = {
        "InputPathsMap": {"id": "$.detail.orderId"},
        "InputTemplate": '"order <id> of <aws.events.rule-name>"',
    }
    events.put_targets(Rule="r", Targets=[{"Id": "q", "Arn": arn, "InputTransformer": transformer}])
    assert events.list_targets_by_rule(Rule="r")["Targets"] == [
        {"Id": "q", "Arn": arn, "InputTransformer": transformer}
    ]
    events.put_events(Entries=[order(1, EventBusName="default")])
    assert [message["Body"] for message in messages(world, url)] == ['"order o-1 of r"']


def test_a_missing_queue_ends_in_the_dead_letter_queue_with_its_attributes(world: World) -> None:
    events = world.client("events")
    url, dead = queue(world, "dead")
    rule = events.put_rule(Name="r", EventPattern='{"source": ["myapp.orders"]}')["RuleArn"]
    gone = "arn:aws:sqs:us-east-1:000000000000:gone"
    events.put_targets(Rule="r", Targets=[{"Id": "q", "Arn": gone, "DeadLetterConfig": {"Arn": dead}}])
    answer = events.put_events(Entries=[order(1, EventBusName="default")])
    letter = messages(world, url)[0]
    values = {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}
    assert json.loads(letter["Body"])["id"] == answer["Entries"][0]["EventId"]
    assert (values["RULE_ARN"], values["TARGET_ARN"]) == (rule, gone)
    assert (values["ERROR_CODE"], values["RETRY_ATTEMPTS"]) == ("NO_RESOURCE", "0")
    assert "EXHAUSTED_RETRY_CONDITION" not in values


def test_a_rule_in_one_region_feeds_the_bus_of_another(world: World) -> None:
    near, far = world.client("events"), world.client("events", region="eu-west-1")
    url, arn = queue(world, "far", "eu-west-1")
    far.put_rule(Name="in", EventPattern='{"source": ["myapp.orders"]}')
    far.put_targets(Rule="in", Targets=[{"Id": "q", "Arn": arn}])
    near.put_rule(Name="out", EventPattern='{"source": ["myapp.orders"]}')
    bus = far.describe_event_bus()["Arn"]
    near.put_targets(Rule="out", Targets=[{"Id": "b", "Arn": bus, "RoleArn": "arn:aws:iam::000000000000:role/r"}])
    answer = near.put_events(Entries=[order(1, EventBusName="default")])
    event = json.loads(messages(world, url, "eu-west-1")[0]["Body"])
    assert event["region"] == "us-east-1"
    assert event["id"] != answer["Entries"][0]["EventId"]


def test_a_schedule_fires_at_three_in_the_night(world: World) -> None:
    events = world.client("events")
    url, arn = queue(world, "nightly")
    rule = events.put_rule(Name="nightly", ScheduleExpression="cron(0 3 * * ? *)")["RuleArn"]
    events.put_targets(Rule="nightly", Targets=[{"Id": "q", "Arn": arn}])
    world.advance(hours=2, minutes=59)
    assert messages(world, url) == []
    world.advance(minutes=2)
    event = json.loads(messages(world, url)[0]["Body"])
    assert (event["source"], event["detail-type"], event["detail"]) == ("aws.events", "Scheduled Event", {})
    assert (event["time"], event["resources"]) == ("2026-01-01T03:00:00Z", [rule])


def test_resources_list_page_by_page(world: World) -> None:
    events = world.client("events")
    for number in range(5):
        events.put_rule(Name=f"r{number}", EventPattern=PATTERN, Tags=[{"Key": "n", "Value": str(number)}])
    first = events.list_rules(Limit=3)
    assert [rule["Name"] for rule in first["Rules"]] == ["r0", "r1", "r2"]
    rest = events.list_rules(Limit=3, NextToken=first["NextToken"])
    assert [rule["Name"] for rule in rest["Rules"]] == ["r3", "r4"]
    assert "NextToken" not in rest
    assert events.list_tags_for_resource(ResourceARN=rest["Rules"][0]["Arn"])["Tags"] == [{"Key": "n", "Value": "3"}]
    assert [bus["Name"] for bus in events.list_event_buses()["EventBuses"]] == ["default"]


def test_a_pattern_is_tested_on_the_wire(world: World) -> None:
    events = world.client("events")
    event = {"id": "1", "account": "1", "source": "a", "time": "t", "region": "r", "detail-type": "d"}
    assert events.test_event_pattern(EventPattern='{"source":["a"]}', Event=json.dumps(event))["Result"] is True
    assert events.test_event_pattern(EventPattern='{"source":["b"]}', Event=json.dumps(event))["Result"] is False
    assert error(events.test_event_pattern, EventPattern='{"source":["b"]}', Event="{}") == (
        "ValidationException",
        "Parameter Event is not valid.",
        400,
    )


def test_accounts_do_not_see_each_other_but_may_send(world: World) -> None:
    mine, theirs = world.client("events"), world.client("events", account="444455556666")
    bus = theirs.create_event_bus(Name="shared")["EventBusArn"]
    assert bus == "arn:aws:events:us-east-1:444455556666:event-bus/shared"
    assert [found["Name"] for found in mine.list_event_buses()["EventBuses"]] == ["default"]
    theirs.put_permission(EventBusName="shared", StatementId="s", Principal="000000000000", Action="events:PutEvents")
    policy = json.loads(theirs.describe_event_bus(Name="shared")["Policy"])
    assert policy["Statement"][0]["Resource"] == bus
    assert mine.put_events(Entries=[order(1, EventBusName=bus)])["FailedEntryCount"] == 0
