"""Messages as a boto3 program sees them; boto3 verifies every MD5 by itself."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.world import World


def _queue(sqs: Any, name: str = "orders", **attributes: str) -> str:
    url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    assert isinstance(url, str)
    return url


def test_a_message_makes_its_way(sqs: Any) -> None:
    url = _queue(sqs)
    attributes = {
        "text": {"DataType": "String", "StringValue": "päß"},
        "number": {"DataType": "Number", "StringValue": "12.5"},
        "raw": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
    }
    trace = {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-2-3"}}
    sent = sqs.send_message(
        QueueUrl=url, MessageBody="grüße", MessageAttributes=attributes, MessageSystemAttributes=trace
    )
    answer = sqs.receive_message(
        QueueUrl=url, MessageSystemAttributeNames=["All"], MessageAttributeNames=["All"], MaxNumberOfMessages=10
    )
    (message,) = answer["Messages"]
    assert message["Body"] == "grüße"
    assert message["MessageId"] == sent["MessageId"]
    assert message["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    assert message["MessageAttributes"] == attributes
    assert message["Attributes"]["AWSTraceHeader"] == "Root=1-2-3"
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert "Messages" not in sqs.receive_message(QueueUrl=url)


def test_the_trace_of_a_request_goes_on_with_its_messages_and_is_no_attribute_of_the_sender(sqs: Any) -> None:
    url = _queue(sqs)

    def trace(request: Any, **_: Any) -> None:
        request.headers["X-Amzn-Trace-Id"] = "Root=1-2-3;Lineage=ab:4"

    sqs.meta.events.register("before-sign.sqs.SendMessage", trace)
    sqs.meta.events.register("before-sign.sqs.SendMessageBatch", trace)
    own = {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=9-9-9"}}
    assert "MD5OfMessageSystemAttributes" not in sqs.send_message(QueueUrl=url, MessageBody="a")
    sqs.send_message(QueueUrl=url, MessageBody="b", MessageSystemAttributes=own)
    answer = sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": "1", "MessageBody": "c"}])
    assert "MD5OfMessageSystemAttributes" not in answer["Successful"][0]
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["AWSTraceHeader"])
    traces = {message["Body"]: message["Attributes"]["AWSTraceHeader"] for message in found["Messages"]}
    assert traces == {"a": "Root=1-2-3;Lineage=ab:4", "b": "Root=9-9-9", "c": "Root=1-2-3;Lineage=ab:4"}


def test_a_batch_answers_for_each_entry(sqs: Any) -> None:
    url = _queue(sqs)
    entries: list[dict[str, Any]] = [{"Id": str(number), "MessageBody": f"m{number}"} for number in range(3)]
    entries.append({"Id": "late", "MessageBody": "x", "DelaySeconds": 1000})
    answer = sqs.send_message_batch(QueueUrl=url, Entries=entries)
    assert [entry["Id"] for entry in answer["Successful"]] == ["0", "1", "2"]
    (failed,) = answer["Failed"]
    assert failed["Code"] == "InvalidParameterValue"
    assert failed["SenderFault"] is True
    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    gone = sqs.delete_message_batch(
        QueueUrl=url, Entries=[{"Id": m["MessageId"], "ReceiptHandle": m["ReceiptHandle"]} for m in messages]
    )
    assert len(gone["Successful"]) == 3
    assert "Failed" not in gone


def test_a_long_poll_ends_with_the_first_message(world: World, sqs: Any) -> None:
    url = _queue(sqs)
    answers: list[Any] = []
    waiting = threading.Thread(
        target=lambda: answers.append(world.client("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=20))
    )
    waiting.start()
    sqs.send_message(QueueUrl=url, MessageBody="arrived")
    waiting.join(timeout=10)
    assert [message["Body"] for message in answers[0]["Messages"]] == ["arrived"]


def test_a_long_poll_ends_empty_at_its_deadline(world: World, sqs: Any) -> None:
    url = _queue(sqs, ReceiveMessageWaitTimeSeconds="20")
    answers: list[Any] = []
    waiting = threading.Thread(target=lambda: answers.append(world.client("sqs").receive_message(QueueUrl=url)))
    waiting.start()
    while waiting.is_alive():
        world.advance(seconds=20)
        waiting.join(timeout=0.01)
    assert "Messages" not in answers[0]


def test_a_poisoned_message_ends_in_the_dead_letter_queue_and_goes_back(world: World, sqs: Any) -> None:
    dead = _queue(sqs, "dead")
    arn = "arn:aws:sqs:us-east-1:000000000000:dead"
    url = _queue(sqs, RedrivePolicy=f'{{"deadLetterTargetArn":"{arn}","maxReceiveCount":"1"}}', VisibilityTimeout="5")
    sqs.send_message(QueueUrl=url, MessageBody="poison")
    assert len(sqs.receive_message(QueueUrl=url)["Messages"]) == 1
    world.advance(seconds=5)
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    (buried,) = sqs.receive_message(QueueUrl=dead, AttributeNames=["All"], VisibilityTimeout=0)["Messages"]
    assert buried["Attributes"]["DeadLetterQueueSourceArn"].endswith(":orders")
    assert sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"] == [url]
    sqs.start_message_move_task(SourceArn=arn)
    world.advance(seconds=2)
    (task,) = sqs.list_message_move_tasks(SourceArn=arn)["Results"]
    assert (task["Status"], task["ApproximateNumberOfMessagesMoved"]) == ("COMPLETED", 1)
    assert [message["Body"] for message in sqs.receive_message(QueueUrl=url)["Messages"]] == ["poison"]


def test_a_fifo_queue_keeps_order_and_swallows_duplicates(sqs: Any) -> None:
    url = _queue(sqs, "orders.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    sent = [
        sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId="g")["SequenceNumber"]
        for body in ("1", "2", "1", "3")
    ]
    assert sent[2] == sent[0]
    assert sent[0] < sent[1] < sent[3]
    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"])["Messages"]
    assert [message["Body"] for message in messages] == ["1", "2", "3"]
    assert messages[0]["Attributes"]["SequenceNumber"] == sent[0]
    assert messages[0]["Attributes"]["MessageGroupId"] == "g"


@pytest.mark.parametrize(
    ("call", "members", "code", "text"),
    [
        (
            "send_message",
            {"MessageBody": ""},
            "MissingParameter",
            "The request must contain the parameter MessageBody.",
        ),
        (
            "receive_message",
            {"MaxNumberOfMessages": 11},
            "InvalidParameterValue",
            "Must be between 1 and 10, if provided.",
        ),
        ("delete_message", {"ReceiptHandle": "x"}, "ReceiptHandleIsInvalid", "is not a valid receipt handle."),
        (
            "send_message_batch",
            {"Entries": []},
            "AWS.SimpleQueueService.EmptyBatchRequest",
            "There should be at least one SendMessageBatchRequestEntry in the request.",
        ),
        (
            "set_queue_attributes",
            {"Attributes": {"Colour": "red"}},
            "InvalidAttributeName",
            "Unknown Attribute Colour.",
        ),
    ],
)
def test_errors_have_the_codes_that_programs_catch(
    sqs: Any, call: str, members: dict[str, Any], code: str, text: str
) -> None:
    url = _queue(sqs)
    with pytest.raises(ClientError) as caught:
        getattr(sqs, call)(QueueUrl=url, **members)
    error = caught.value.response["Error"]
    assert error["Code"] == code
    assert text in error["Message"]


def test_a_missing_queue_has_its_older_code_and_its_own_class(sqs: Any) -> None:
    with pytest.raises(sqs.exceptions.QueueDoesNotExist) as caught:
        sqs.get_queue_url(QueueName="nowhere")
    assert caught.value.response["Error"]["Code"] == "AWS.SimpleQueueService.NonExistentQueue"


def test_a_second_purge_within_a_minute_has_its_own_class(world: World, sqs: Any) -> None:
    url = _queue(sqs)
    sqs.purge_queue(QueueUrl=url)
    with pytest.raises(sqs.exceptions.PurgeQueueInProgress) as caught:
        sqs.purge_queue(QueueUrl=url)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    world.advance(seconds=60)
    sqs.purge_queue(QueueUrl=url)
