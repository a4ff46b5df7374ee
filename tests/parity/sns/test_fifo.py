"""FIFO topics: order, deduplication, sequence numbers, and which queues may listen."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.parity.sns.inbox import Inbox
from tests.parity.sns.test_topics import INVALID, refused
from tests.world import World


def fifo(sns: Any, name: str, **attributes: str) -> str:
    arn = sns.create_topic(Name=f"{name}.fifo", Attributes={"FifoTopic": "true", **attributes})["TopicArn"]
    assert isinstance(arn, str)
    return arn


def test_a_message_is_numbered_unsigned_and_keeps_its_group(sns: Any, inbox: Inbox) -> None:
    topic, queue = fifo(sns, "numbered"), inbox.queue("numbered.fifo")
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    published = sns.publish(TopicArn=topic, Message="one", MessageGroupId="g", MessageDeduplicationId="d")
    assert len(published["SequenceNumber"]) == 20
    [message] = inbox.messages(queue)
    assert message["Attributes"]["MessageGroupId"] == "g"
    assert message["Attributes"]["MessageDeduplicationId"] == "d"
    body = json.loads(message["Body"])
    assert list(body) == [
        "Type",
        "MessageId",
        "SequenceNumber",
        "TopicArn",
        "Message",
        "Timestamp",
        "UnsubscribeURL",
    ]
    assert body["SequenceNumber"] == published["SequenceNumber"]


def test_a_duplicate_within_five_minutes_is_answered_and_sent_to_nobody(world: World, sns: Any, inbox: Inbox) -> None:
    topic, queue = fifo(sns, "dedup", ContentBasedDeduplication="true"), inbox.queue("dedup.fifo")
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)

    def publish(group: str = "g") -> tuple[str, str]:
        answer = sns.publish(TopicArn=topic, Message="same", MessageGroupId=group)
        return answer["MessageId"], answer["SequenceNumber"]

    first = publish()
    assert publish() == publish("other") == first
    assert inbox.texts(queue) == ["same"]
    world.advance(minutes=5)
    assert publish() > ("", first[1])
    assert inbox.texts(queue) == ["same"]
    sns.set_topic_attributes(TopicArn=topic, AttributeName="FifoThroughputScope", AttributeValue="MessageGroup")
    assert publish("a")[1] < publish("b")[1]


def test_groups_arrive_in_the_order_of_publishing(sns: Any, inbox: Inbox) -> None:
    topic, queue = fifo(sns, "order"), inbox.queue("order.fifo")
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes={"RawMessageDelivery": "true"})
    sequences = []
    for start in range(0, 40, 10):
        answer = sns.publish_batch(
            TopicArn=topic,
            PublishBatchRequestEntries=[
                {
                    "Id": str(number),
                    "Message": str(number),
                    "MessageGroupId": f"g{number % 3}",
                    "MessageDeduplicationId": str(number),
                }
                for number in range(start, start + 10)
            ],
        )
        sequences += [one["SequenceNumber"] for one in answer["Successful"]]
    assert sequences == sorted(sequences)
    found = [int(message["Body"]) for message in inbox.messages(queue)]
    for group in range(3):
        assert [number for number in found if number % 3 == group] == list(range(group, 40, 3))


def test_a_standard_queue_may_listen_too(sns: Any, inbox: Inbox) -> None:
    topic, queue = fifo(sns, "mixed", ContentBasedDeduplication="true"), inbox.queue("mixed")
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    sns.publish(TopicArn=topic, Message="x", MessageGroupId="g")
    assert inbox.texts(queue) == ["x"]


@pytest.mark.parametrize("protocol", ["lambda", "http", "email"])
def test_only_queues_may_listen(sns: Any, protocol: str) -> None:
    topic = fifo(sns, "queues-only")
    members = {"TopicArn": topic, "Protocol": protocol, "Endpoint": "http://127.0.0.1:9/"}
    assert refused(sns.subscribe, **members) == (INVALID, f"Invalid parameter: Invalid protocol type: {protocol}", 400)


def test_group_and_deduplication_are_asked_for(sns: Any) -> None:
    topic = fifo(sns, "strict")
    assert refused(sns.publish, TopicArn=topic, Message="x")[1] == (
        "Invalid parameter: The MessageGroupId parameter is required for FIFO topics"
    )
    code, message, _ = refused(sns.publish, TopicArn=topic, Message="x", MessageGroupId="g")
    assert code == INVALID
    assert "ContentBasedDeduplication" in message
    members = {"TopicArn": topic, "Message": "x", "MessageGroupId": "with space", "MessageDeduplicationId": "d"}
    assert refused(sns.publish, **members)[0] == INVALID


def test_a_group_on_a_standard_topic_is_passed_on(sns: Any, inbox: Inbox) -> None:
    topic = sns.create_topic(Name="fair")["TopicArn"]
    queue = inbox.queue("fair")
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    sns.publish(TopicArn=topic, Message="x", MessageGroupId="tenant")
    [message] = inbox.messages(queue)
    assert message["Attributes"]["MessageGroupId"] == "tenant"


@pytest.mark.parametrize(("queue", "letters"), [("q.fifo", "letters"), ("q", "letters.fifo")])
def test_a_dead_letter_queue_is_of_the_kind_of_the_queue(sns: Any, queue: str, letters: str) -> None:
    topic, prefix = fifo(sns, "kinds"), "arn:aws:sqs:us-east-1:000000000000:"
    policy = json.dumps({"deadLetterTargetArn": prefix + letters})
    members = {"TopicArn": topic, "Protocol": "sqs", "Endpoint": prefix + queue}
    code, message, _ = refused(sns.subscribe, **members, Attributes={"RedrivePolicy": policy})
    assert code == INVALID
    assert "as DLQ for a subscription of a" in message


def test_the_dead_letter_of_a_fifo_subscription_keeps_its_group(sns: Any, inbox: Inbox) -> None:
    topic, letters = fifo(sns, "dead"), inbox.queue("dead-letters.fifo")
    gone = "arn:aws:sqs:us-east-1:000000000000:gone.fifo"
    policy = json.dumps({"deadLetterTargetArn": letters})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=gone, Attributes={"RedrivePolicy": policy})
    sns.publish(TopicArn=topic, Message="kept", MessageGroupId="g", MessageDeduplicationId="d")
    [message] = inbox.messages(letters)
    assert message["Attributes"]["MessageGroupId"] == "g"
    assert json.loads(message["Body"])["Message"] == "kept"
