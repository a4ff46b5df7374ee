"""Event source mappings of queues as a client sees them: batches, failures, filters, order, in simulated time."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.functions import create_function
from tests.world import World

SAYS = """
import json

def handler(event, context):
    print("GOT " + json.dumps(event))
    bodies = [record["body"] for record in event["Records"]]
    if "raise" in bodies:
        raise ValueError("broken on purpose")
    bad = [record["messageId"] for record in event["Records"] if record["body"].startswith("bad")]
    return {"batchItemFailures": [{"itemIdentifier": name} for name in bad]}
"""


def queue(sqs: Any, name: str, **attributes: str) -> tuple[str, str]:
    url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return url, arn


def depth(sqs: Any, url: str) -> tuple[int, int]:
    """Visible and in flight."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return int(found[names[0]]), int(found[names[1]])


def events(world: World, function: str) -> list[Any]:
    """What the function was called with, in order."""
    found = world.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{function}", filterPattern='"GOT"')
    return [json.loads(event["message"].removeprefix("GOT ")) for event in found["events"]]


def bodies(world: World, function: str) -> list[list[str]]:
    return [[record["body"] for record in event["Records"]] for event in events(world, function)]


class Mapped:
    """A queue, a function and a mapping between them."""

    def __init__(self, world: World, name: str, *, fifo: bool = False, source: str = SAYS, **mapping: Any) -> None:
        self.world = world
        self.sqs = world.client("sqs")
        self.functions = world.client("lambda")
        self.name = name
        queue_name = f"{name}.fifo" if fifo else name
        attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true"} if fifo else {}
        self.url, self.arn = queue(self.sqs, queue_name, **attributes)
        create_function(self.functions, name, source)
        enabled = mapping.pop("Enabled", True)
        made = self.functions.create_event_source_mapping(
            EventSourceArn=self.arn, FunctionName=name, Enabled=enabled, **mapping
        )
        self.uuid = made["UUID"]
        world.settle()

    def send(self, *texts: str, **more: Any) -> None:
        for start in range(0, len(texts), 10):
            entries = [
                {"Id": str(index), "MessageBody": text, **more} for index, text in enumerate(texts[start : start + 10])
            ]
            assert "Failed" not in self.sqs.send_message_batch(QueueUrl=self.url, Entries=entries)
        self.world.settle()

    @property
    def seen(self) -> list[list[str]]:
        return bodies(self.world, self.name)

    @property
    def depth(self) -> tuple[int, int]:
        return depth(self.sqs, self.url)


def test_messages_reach_the_function_in_batches_and_are_deleted(world: World) -> None:
    mapped = Mapped(world, "plain", BatchSize=3)
    mapped.send(*(f"m{n}" for n in range(7)))
    seen = mapped.seen
    assert sorted(body for batch in seen for body in batch) == [f"m{n}" for n in range(7)]
    assert max(len(batch) for batch in seen) <= 3
    assert mapped.depth == (0, 0)


def test_failed_batch_comes_back_whole_after_the_visibility_timeout_and_then_goes_to_the_dead_letter_queue(
    world: World,
) -> None:
    mapped = Mapped(world, "failing")
    dead_url, dead_arn = queue(mapped.sqs, "failing-dead")
    mapped.sqs.set_queue_attributes(
        QueueUrl=mapped.url,
        Attributes={"RedrivePolicy": json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 2})},
    )
    mapped.send("raise", "other")
    assert len(mapped.seen) == 1
    assert mapped.depth == (0, 2)
    world.advance(seconds=29)
    assert len(mapped.seen) == 1
    world.advance(seconds=2)
    assert [sorted(batch) for batch in mapped.seen] == [["other", "raise"]] * 2
    world.advance(seconds=31)
    assert len(mapped.seen) == 2
    assert depth(mapped.sqs, dead_url) == (2, 0)
    counts = [
        record["attributes"]["ApproximateReceiveCount"]
        for event in events(world, "failing")
        for record in event["Records"]
    ]
    assert sorted(counts) == ["1", "1", "2", "2"]


def test_only_reported_messages_stay_when_failures_are_reported(world: World) -> None:
    mapped = Mapped(world, "partial", FunctionResponseTypes=["ReportBatchItemFailures"])
    mapped.send("good", "bad one", "good two")
    assert mapped.depth == (0, 1)
    world.advance(seconds=31)
    assert mapped.seen[-1] == ["bad one"]


def test_reported_failures_are_ignored_without_the_setting(world: World) -> None:
    mapped = Mapped(world, "unasked")
    mapped.send("bad one", "good")
    assert mapped.depth == (0, 0)


def test_missing_function_and_missing_queue_are_refused(world: World, functions: Any, sqs: Any) -> None:
    _, arn = queue(sqs, "lonely")
    with pytest.raises(ClientError) as refused:
        functions.create_event_source_mapping(EventSourceArn=arn, FunctionName="nobody")
    assert refused.value.response["Error"] == {
        "Code": "InvalidParameterValueException",
        "Message": "Function does not exist",
    }
    create_function(functions, "somebody", SAYS)
    with pytest.raises(ClientError) as refused:
        functions.create_event_source_mapping(EventSourceArn=f"{arn}-not", FunctionName="somebody")
    assert "NonExistentQueue" in refused.value.response["Error"]["Message"]


def test_fifo_groups_keep_their_order_and_a_failing_group_waits_alone(world: World) -> None:
    mapped = Mapped(world, "ordered", fifo=True, BatchSize=1)
    mapped.send("raise", "a2", MessageGroupId="a")
    mapped.send("b1", "b2", MessageGroupId="b")
    assert sorted(batch[0] for batch in mapped.seen) == ["b1", "b2", "raise"]
    world.advance(seconds=31)
    assert [batch[0] for batch in mapped.seen].count("raise") == 2
    assert "a2" not in [batch[0] for batch in mapped.seen]
    record = events(world, "ordered")[0]["Records"][0]
    assert {"MessageGroupId", "MessageDeduplicationId", "SequenceNumber"} <= record["attributes"].keys()


def test_filtered_messages_are_deleted_and_never_reach_the_function(world: World) -> None:
    pattern = json.dumps({"body": {"temperature": [{"numeric": [">", 30]}]}})
    mapped = Mapped(world, "filtered", FilterCriteria={"Filters": [{"Pattern": pattern}]})
    mapped.send('{"temperature":31}', '{"temperature":29}', "no json")
    assert mapped.seen == [['{"temperature":31}']]
    assert mapped.depth == (0, 0)


def test_batching_window_gathers_more_than_ten(world: World) -> None:
    mapped = Mapped(world, "gathered", BatchSize=100, MaximumBatchingWindowInSeconds=20)
    mapped.send(*(f"m{n}" for n in range(25)))
    assert mapped.depth == (0, 25)
    world.advance(seconds=21)
    assert [len(batch) for batch in mapped.seen] == [25]


def test_mapping_of_an_alias_follows_the_alias(world: World, functions: Any) -> None:
    create_function(functions, "aliased", SAYS)
    functions.publish_version(FunctionName="aliased")
    functions.create_alias(FunctionName="aliased", Name="live", FunctionVersion="1")
    url, arn = queue(world.client("sqs"), "aliased")
    made = functions.create_event_source_mapping(EventSourceArn=arn, FunctionName="aliased:live")
    assert made["FunctionArn"].endswith(":function:aliased:live")
    world.settle()
    world.client("sqs").send_message(QueueUrl=url, MessageBody="a")
    world.settle()
    assert bodies(world, "aliased") == [["a"]]


def test_throttled_function_lets_messages_come_back_until_the_queue_gives_them_up(world: World) -> None:
    mapped = Mapped(world, "stopped")
    dead_url, dead_arn = queue(mapped.sqs, "stopped-dead")
    mapped.sqs.set_queue_attributes(
        QueueUrl=mapped.url,
        Attributes={"RedrivePolicy": json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 1})},
    )
    mapped.functions.put_function_concurrency(FunctionName="stopped", ReservedConcurrentExecutions=0)
    mapped.send("never run")
    world.advance(minutes=1)
    assert depth(mapped.sqs, dead_url) == (1, 0)


def test_life_of_a_mapping_as_terraform_walks_it(world: World) -> None:
    mapped = Mapped(world, "life", Enabled=False, Tags={"team": "blue"})
    functions = mapped.functions
    assert functions.get_event_source_mapping(UUID=mapped.uuid)["State"] == "Disabled"
    assert functions.update_event_source_mapping(UUID=mapped.uuid, Enabled=True)["State"] == "Enabling"
    world.settle()
    shown = functions.get_event_source_mapping(UUID=mapped.uuid)
    assert (shown["State"], shown["BatchSize"], shown["FunctionResponseTypes"]) == ("Enabled", 10, [])
    assert "LastProcessingResult" not in shown
    assert "StartingPosition" not in shown
    assert functions.list_tags(Resource=shown["EventSourceMappingArn"])["Tags"] == {"team": "blue"}
    listed = functions.list_event_source_mappings(EventSourceArn=mapped.arn)["EventSourceMappings"]
    assert [one["UUID"] for one in listed] == [mapped.uuid]
    assert functions.delete_event_source_mapping(UUID=mapped.uuid)["State"] == "Deleting"
    world.settle()
    with pytest.raises(functions.exceptions.ResourceNotFoundException):
        functions.get_event_source_mapping(UUID=mapped.uuid)


def test_wire_refuses_what_the_model_bounds_and_names_what_is_missing(world: World, sqs: Any) -> None:
    functions = world.client("lambda", parameter_validation=False)
    create_function(functions, "bounded", SAYS)
    _, arn = queue(sqs, "bounded")
    for wrong, code in (
        ({"BatchSize": 10_001}, "ValidationException"),
        ({"MaximumBatchingWindowInSeconds": 301}, "ValidationException"),
        ({"ScalingConfig": {"MaximumConcurrency": 1}}, "ValidationException"),
        ({"FunctionResponseTypes": ["Other"]}, "ValidationException"),
        ({"DestinationConfig": {"OnFailure": {"Destination": arn}}}, "InvalidParameterValueException"),
    ):
        with pytest.raises(ClientError) as refused:
            functions.create_event_source_mapping(EventSourceArn=arn, FunctionName="bounded", **wrong)
        assert refused.value.response["Error"]["Code"] == code
    stream = "arn:aws:kinesis:us-east-1:000000000000:stream/s"
    with pytest.raises(ClientError, match="Kinesis streams are missing"):
        functions.create_event_source_mapping(EventSourceArn=stream, FunctionName="bounded", StartingPosition="LATEST")


def test_event_of_a_rule_is_told_from_rule_to_queue_to_function(world: World) -> None:
    mapped = Mapped(world, "told")
    bus = world.client("events")
    bus.put_rule(Name="told", EventPattern=json.dumps({"source": ["shop"]}))
    bus.put_targets(Rule="told", Targets=[{"Id": "q", "Arn": mapped.arn}])
    sent = bus.put_events(Entries=[{"Source": "shop", "DetailType": "Order", "Detail": '{"n":1}'}])
    world.settle()
    story = json.loads(world.get(f"/_bascule/stories/{sent['Entries'][0]['EventId']}").body)
    (delivery,) = story["deliveries"]
    assert delivery["target_arn"] == mapped.arn
    (invocation,) = delivery["invocations"]
    assert (invocation["state"], invocation["queue_arn"]) == ("succeeded", mapped.arn)
    assert invocation["function_arn"].endswith(":function:told")
    assert invocation["mapping_arn"].endswith(mapped.uuid)
    assert story["invocations"] == []
