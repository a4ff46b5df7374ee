"""Publish as a client sees it: what is refused, what arrives in queues, filters, batches, dead letters."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.parity.sns.inbox import Inbox
from tests.parity.sns.test_topics import INVALID, refused
from tests.world import World

BAD_ATTRIBUTE = "ParameterValueInvalid"


def text(value: str) -> dict[str, str]:
    return {"DataType": "String", "StringValue": value}


def subscribed(sns: Any, inbox: Inbox, name: str, **attributes: str) -> tuple[str, str]:
    """A topic with one queue; gives both ARNs."""
    topic = sns.create_topic(Name=name)["TopicArn"]
    queue = inbox.queue(name)
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes=attributes)
    return topic, queue


def test_the_envelope_has_its_members_in_order(sns: Any, inbox: Inbox) -> None:
    topic, queue = subscribed(sns, inbox, "envelope")
    blob = {"DataType": "Binary", "BinaryValue": b"\x00\xff"}
    message_id = sns.publish(
        TopicArn=topic, Message="héllo", Subject="s", MessageAttributes={"k": text("v"), "b": blob}
    )["MessageId"]
    [body] = inbox.bodies(queue)
    assert list(body) == [
        "Type",
        "MessageId",
        "TopicArn",
        "Subject",
        "Message",
        "Timestamp",
        "SignatureVersion",
        "Signature",
        "SigningCertURL",
        "UnsubscribeURL",
        "MessageAttributes",
    ]
    assert (body["Type"], body["MessageId"], body["Message"]) == ("Notification", message_id, "héllo")
    assert body["MessageAttributes"] == {
        "k": {"Type": "String", "Value": "v"},
        "b": {"Type": "Binary", "Value": "AP8="},
    }
    sns.publish(TopicArn=topic, Message="plain")
    [body] = inbox.bodies(queue)
    assert "Subject" not in body
    assert "MessageAttributes" not in body


def test_the_unsubscribe_link_works_as_it_is(world: World, sns: Any, inbox: Inbox) -> None:
    topic, queue = subscribed(sns, inbox, "unsubscribing")
    sns.publish(TopicArn=topic, Message="x")
    [body] = inbox.bodies(queue)
    assert world.get(body["UnsubscribeURL"].removeprefix("http://bascule.test:4566")).status == 200
    assert sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] == []


def test_raw_delivery_gives_the_message_and_its_attributes(sns: Any, inbox: Inbox) -> None:
    topic, queue = subscribed(sns, inbox, "raw", RawMessageDelivery="true")
    attributes = {"k": text("v"), "n": {"DataType": "Number", "StringValue": "12"}}
    attributes["b"] = {"DataType": "Binary", "BinaryValue": b"\x00\xff"}
    sns.publish(TopicArn=topic, Message="alone", MessageAttributes=attributes)
    [message] = inbox.messages(queue)
    assert message["Body"] == "alone"
    assert message["MessageAttributes"] == attributes


def test_more_than_ten_attributes_are_no_raw_message(world: World, sns: Any, inbox: Inbox) -> None:
    topic, queue = subscribed(sns, inbox, "eleven", RawMessageDelivery="true")
    sns.publish(TopicArn=topic, Message="x", MessageAttributes={f"a{number}": text("v") for number in range(11)})
    assert inbox.messages(queue) == []
    assert world.bascule.metrics.value("sns.NumberOfNotificationsFailed", topic) == 1


def test_a_message_may_have_a_text_for_each_protocol(sns: Any, inbox: Inbox) -> None:
    topic, queue = subscribed(sns, inbox, "structured")
    sns.publish(TopicArn=topic, MessageStructure="json", Message=json.dumps({"default": "d", "sqs": "for queues"}))
    sns.publish(TopicArn=topic, MessageStructure="json", Message=json.dumps({"default": "d", "http": "x", "n": 1}))
    assert inbox.texts(queue) == ["for queues", "d"]


@pytest.mark.parametrize(
    ("members", "code", "message"),
    [
        ({"Message": ""}, INVALID, "Invalid parameter: Empty message"),
        ({"Message": "x" * 262_145}, INVALID, "Invalid parameter: Message too long"),
        ({"Message": "x", "Subject": "a\nb"}, INVALID, "Invalid parameter: Subject"),
        ({"Message": "x", "Subject": "x" * 101}, INVALID, "Invalid parameter: Subject"),
        ({"Message": "x", "Subject": "ü"}, INVALID, "Invalid parameter: Subject"),
        ({"Message": "x", "MessageStructure": "xml"}, INVALID, "Invalid parameter: MessageStructure"),
        (
            {"Message": "{", "MessageStructure": "json"},
            INVALID,
            "Invalid parameter: Message Structure - JSON message body failed to parse",
        ),
        (
            {"Message": '{"sqs": "x"}', "MessageStructure": "json"},
            INVALID,
            "Invalid parameter: Message Structure - No default entry in JSON message body",
        ),
        (
            {"Message": '{"default": "x", "default": "y"}', "MessageStructure": "json"},
            INVALID,
            "Invalid parameter: Duplicated keys are not allowed.",
        ),
        (
            {"Message": "x", "MessageDeduplicationId": "1"},
            INVALID,
            "Invalid parameter: MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter "
            "that is not valid for this topic type",
        ),
        (
            {"Message": "x", "MessageAttributes": {"a": {"DataType": "Boolean", "StringValue": "x"}}},
            BAD_ATTRIBUTE,
            "The message attribute 'a' has an invalid message attribute type, the set of supported type prefixes is "
            "Binary, Number, and String.",
        ),
        (
            {"Message": "x", "MessageAttributes": {"a": {"DataType": "Number", "StringValue": "one"}}},
            BAD_ATTRIBUTE,
            "Could not cast message attribute 'a' value to number.",
        ),
        (
            {"Message": "x", "MessageAttributes": {"a": {"DataType": "String", "StringValue": ""}}},
            BAD_ATTRIBUTE,
            "The message attribute 'a' must contain non-empty message attribute value for message attribute type "
            "'String'.",
        ),
        (
            {"Message": "x", "MessageAttributes": {"a b": {"DataType": "String", "StringValue": "x"}}},
            BAD_ATTRIBUTE,
            "Invalid non-alphanumeric character '#x20' was found in the message attribute name. Can only include "
            "alphanumeric characters, hyphens, underscores, or dots.",
        ),
    ],
)
def test_a_message_that_breaks_a_rule_is_refused(sns: Any, members: dict[str, Any], code: str, message: str) -> None:
    topic = sns.create_topic(Name="choosy")["TopicArn"]
    assert refused(sns.publish, TopicArn=topic, **members) == (code, message, 400)


def test_a_publish_names_a_topic_in_one_way(sns: Any, inbox: Inbox) -> None:
    topic, queue = subscribed(sns, inbox, "target-arn")
    sns.publish(TargetArn=topic, Message="by target")
    assert inbox.texts(queue) == ["by target"]
    assert refused(sns.publish, Message="x")[1] == (
        "Invalid parameter: TopicArn or TargetArn Reason: no value for required parameter"
    )
    assert refused(sns.publish, Message="x", TopicArn=topic, TargetArn=topic)[0] == INVALID


def test_a_topic_may_take_longer_messages(sns: Any, inbox: Inbox) -> None:
    topic, queue = subscribed(sns, inbox, "long")
    sns.set_topic_attributes(TopicArn=topic, AttributeName="MaximumMessageSize", AttributeValue="600000")
    sns.publish(TopicArn=topic, Message="x" * 500_000)
    assert [len(found) for found in inbox.texts(queue)] == [500_000]


FILTERS = [
    ("MessageAttributes", {"kind": ["order"]}, ["order"]),
    ("MessageAttributes", {"kind": [{"prefix": "or"}]}, ["order"]),
    ("MessageAttributes", {"kind": [{"anything-but": "order"}]}, ["refund"]),
    ("MessageAttributes", {"kind": [{"exists": False}]}, ["nothing"]),
    ("MessageAttributes", {"price": [{"numeric": [">=", 100]}]}, ["order"]),
    ("MessageAttributes", {"tags": ["b", "z"]}, ["refund"]),
    ("MessageAttributes", {"$or": [{"kind": ["order"]}, {"tags": ["b"]}]}, ["order", "refund"]),
    ("MessageBody", {"detail": {"kind": ["order"]}}, ["order"]),
    ("MessageBody", {"detail": {"items": {"sku": [{"suffix": "2"}]}}}, ["refund"]),
]


@pytest.mark.parametrize(("scope", "policy", "expected"), FILTERS)
def test_a_filter_policy_lets_through_what_it_names(
    sns: Any, inbox: Inbox, scope: str, policy: dict[str, Any], expected: list[str]
) -> None:
    name = f"filter-{FILTERS.index((scope, policy, expected))}"
    topic, queue = subscribed(sns, inbox, name, FilterPolicy=json.dumps(policy), FilterPolicyScope=scope)
    sns.publish(
        TopicArn=topic,
        Subject="order",
        Message='{"detail": {"kind": "order", "items": [{"sku": "A1"}]}}',
        MessageAttributes={"kind": text("order"), "price": {"DataType": "Number", "StringValue": "100.0"}},
    )
    sns.publish(
        TopicArn=topic,
        Subject="refund",
        Message='{"detail": {"kind": "refund", "items": [{"sku": "A1"}, {"sku": "A2"}]}}',
        MessageAttributes={"kind": text("refund"), "tags": {"DataType": "String.Array", "StringValue": '["a", "b"]'}},
    )
    sns.publish(TopicArn=topic, Subject="nothing", Message="no JSON")
    assert [body["Subject"] for body in inbox.bodies(queue)] == expected


def test_what_is_filtered_out_is_counted(world: World, sns: Any, inbox: Inbox) -> None:
    topic, queue = subscribed(sns, inbox, "counted", FilterPolicy='{"a": ["b"]}')
    sns.publish(TopicArn=topic, Message="x")
    sns.publish(TopicArn=topic, Message="x", MessageAttributes={"a": text("b")})
    broken = {"a": {"DataType": "String.Array", "StringValue": "not JSON"}}
    sns.publish(TopicArn=topic, Message="x", MessageAttributes=broken)
    value = world.bascule.metrics.value
    assert value("sns.NumberOfMessagesPublished", topic) == 3
    assert value("sns.NumberOfNotificationsDelivered", topic) == 1
    assert value("sns.NumberOfNotificationsFilteredOut", topic) == 2
    assert value("sns.NumberOfNotificationsFilteredOut-NoMessageAttributes", topic) == 1
    assert value("sns.NumberOfNotificationsFilteredOut-InvalidAttributes", topic) == 1
    assert len(inbox.messages(queue)) == 1


def test_a_filter_policy_that_is_changed_holds_for_the_next_message(sns: Any, inbox: Inbox) -> None:
    topic, queue = subscribed(sns, inbox, "changing", FilterPolicy='{"a": ["b"]}')
    [one] = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    sns.publish(TopicArn=topic, Message="before")
    sns.set_subscription_attributes(
        SubscriptionArn=one["SubscriptionArn"], AttributeName="FilterPolicy", AttributeValue="{}"
    )
    sns.publish(TopicArn=topic, Message="after")
    assert inbox.texts(queue) == ["after"]


def test_a_batch_succeeds_and_fails_entry_by_entry(sns: Any, inbox: Inbox) -> None:
    topic, queue = subscribed(sns, inbox, "batch")
    answer = sns.publish_batch(
        TopicArn=topic,
        PublishBatchRequestEntries=[
            {"Id": "good", "Message": "one"},
            {"Id": "bad", "Message": ""},
            {"Id": "worse", "Message": "x", "MessageAttributes": {"a": {"DataType": "No", "StringValue": "x"}}},
        ],
    )
    assert [one["Id"] for one in answer["Successful"]] == ["good"]
    assert [(one["Id"], one["Code"], one["SenderFault"]) for one in answer["Failed"]] == [
        ("bad", INVALID, True),
        ("worse", BAD_ATTRIBUTE, True),
    ]
    assert inbox.texts(queue) == ["one"]


@pytest.mark.parametrize(
    ("entries", "code"),
    [
        ([], "EmptyBatchRequest"),
        ([{"Id": str(number), "Message": "x"} for number in range(11)], "TooManyEntriesInBatchRequest"),
        ([{"Id": "a", "Message": "x"}, {"Id": "a", "Message": "y"}], "BatchEntryIdsNotDistinct"),
        ([{"Id": "a b", "Message": "x"}], "InvalidBatchEntryId"),
        ([{"Id": str(number), "Message": "x" * 100_000} for number in range(3)], "BatchRequestTooLong"),
    ],
)
def test_a_batch_that_breaks_a_rule_is_refused_whole(sns: Any, entries: list[dict[str, str]], code: str) -> None:
    topic = sns.create_topic(Name="batches")["TopicArn"]
    assert refused(sns.publish_batch, TopicArn=topic, PublishBatchRequestEntries=entries)[0] == code


def test_a_message_for_a_missing_queue_goes_to_the_dead_letter_queue_at_once(
    world: World, sns: Any, inbox: Inbox
) -> None:
    topic = sns.create_topic(Name="missing")["TopicArn"]
    letters = inbox.queue("missing-letters")
    gone = "arn:aws:sqs:us-east-1:000000000000:gone"
    policy = json.dumps({"deadLetterTargetArn": letters})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=gone, Attributes={"RedrivePolicy": policy})
    sns.publish(TopicArn=topic, Message="kept")
    [message] = inbox.messages(letters)
    assert json.loads(message["Body"])["Message"] == "kept"
    assert "MessageAttributes" not in message
    assert world.bascule.metrics.value("sns.NumberOfNotificationsRedrivenToDlq", topic) == 1


def test_a_message_for_a_missing_function_is_dead_lettered_in_the_envelope(sns: Any, inbox: Inbox) -> None:
    topic = sns.create_topic(Name="no-function")["TopicArn"]
    letters = inbox.queue("no-function-letters")
    function = "arn:aws:lambda:us-east-1:000000000000:function:none"
    policy = json.dumps({"deadLetterTargetArn": letters})
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=function, Attributes={"RedrivePolicy": policy})
    sns.publish(TopicArn=topic, Message="kept")
    assert inbox.texts(letters) == ["kept"]
