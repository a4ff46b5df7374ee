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
