"""Subscriptions as a client sees them: who may subscribe, attributes, filter policies, lists, the end."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.parity.sns.inbox import Inbox
from tests.parity.sns.test_topics import INVALID, refused
from tests.world import World

QUEUE = "arn:aws:sqs:us-east-1:000000000000:q"
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:f"


@pytest.fixture
def topic(sns: Any, request: pytest.FixtureRequest) -> str:
    """A topic named after the test."""
    name = "".join(char if char.isalnum() else "-" for char in request.node.name)[:200]
    arn = sns.create_topic(Name=name)["TopicArn"]
    assert isinstance(arn, str)
    return arn


def test_a_queue_is_confirmed_at_once_and_subscribing_again_gives_the_same_arn(sns: Any, topic: str) -> None:
    arn = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=QUEUE)["SubscriptionArn"]
    assert arn.startswith(f"{topic}:")
    assert sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=QUEUE)["SubscriptionArn"] == arn
    other = {"TopicArn": topic, "Protocol": "sqs", "Endpoint": QUEUE, "Attributes": {"RawMessageDelivery": "true"}}
    assert refused(sns.subscribe, **other) == (
        INVALID,
        "Invalid parameter: Attributes Reason: Subscription already exists with different attributes",
        400,
    )
    shown = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    assert shown == {
        "SubscriptionArn": arn,
        "TopicArn": topic,
        "Owner": "000000000000",
        "Protocol": "sqs",
        "Endpoint": QUEUE,
        "PendingConfirmation": "false",
        "ConfirmationWasAuthenticated": "true",
        "RawMessageDelivery": "false",
        "SubscriptionPrincipal": "arn:aws:iam::000000000000:root",
    }


@pytest.mark.parametrize(
    ("protocol", "endpoint", "message"),
    [
        ("carrier-pigeon", "x", "Amazon SNS does not support this protocol string: carrier-pigeon"),
        ("sqs", "q", "SQS endpoint ARN"),
        ("sqs", FUNCTION, "SQS endpoint ARN"),
        ("lambda", QUEUE, "Lambda endpoint ARN"),
        ("http", "https://example.com", "Endpoint must match the specified protocol"),
        ("https", "http://example.com", "Endpoint must match the specified protocol"),
        ("http", "http://", "Endpoint must match the specified protocol"),
        ("email", "nobody", "Email address"),
        ("sms", "abc", "Invalid SMS endpoint: abc"),
        (
            "sqs",
            QUEUE + ".fifo",
            "Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics",
        ),
    ],
)
def test_an_endpoint_that_does_not_fit_is_refused(
    sns: Any, topic: str, protocol: str, endpoint: str, message: str
) -> None:
    members = {"TopicArn": topic, "Protocol": protocol, "Endpoint": endpoint}
    assert refused(sns.subscribe, **members) == (INVALID, f"Invalid parameter: {message}", 400)


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"Nonsense": "x"}, "Attributes Reason: Unknown attribute: Nonsense"),
        (
            {"RawMessageDelivery": "maybe"},
            "Attributes Reason: RawMessageDelivery: Invalid value [maybe]. Must be true or false.",
        ),
        (
            {"FilterPolicyScope": "Headers"},
            "Attributes Reason: FilterPolicyScope: Invalid value [Headers]. "
            "Please use either MessageBody or MessageAttributes",
        ),
        ({"RedrivePolicy": '{"deadLetterTargetArn": "q"}'}, "Attributes Reason: RedrivePolicy: deadLetterTargetArn"),
        ({"RedrivePolicy": "{"}, "Attributes Reason: RedrivePolicy: failed to parse JSON."),
        ({"DeliveryPolicy": "{}x"}, "Attributes Reason: Delivery protocol [sqs] does not support delivery policies."),
        ({"FilterPolicy": "{"}, "Attributes Reason: FilterPolicy: "),
        ({"FilterPolicy": '{"a": {"b": ["c"]}}'}, "Attributes Reason: FilterPolicy: Filter policy scope Message"),
        ({"FilterPolicy": '{"a": [{"nonsense": "b"}]}'}, "Attributes Reason: FilterPolicy: Unrecognized match type"),
        (
            {"FilterPolicy": json.dumps({name: ["x"] for name in "abcdef"})},
            "Attributes Reason: FilterPolicy: Filter policy can not have more than 5 keys",
        ),
        (
            {"FilterPolicy": json.dumps({"a": list(range(50)), "b": list(range(4))})},
            "Attributes Reason: FilterPolicy: Filter policy is too complex",
        ),
    ],
)
def test_an_attribute_that_cannot_work_is_refused(
    sns: Any, topic: str, attributes: dict[str, str], message: str
) -> None:
    code, text, _ = refused(sns.subscribe, TopicArn=topic, Protocol="sqs", Endpoint=QUEUE, Attributes=attributes)
    assert code == INVALID
    assert text.startswith(f"Invalid parameter: {message}")
    assert sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] == []


def test_attributes_are_set_and_cleared_one_by_one(sns: Any, topic: str) -> None:
    arn = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=QUEUE)["SubscriptionArn"]

    def change(name: str, value: str) -> dict[str, str]:
        sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName=name, AttributeValue=value)
        shown: dict[str, str] = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
        return shown

    assert change("RawMessageDelivery", "true")["RawMessageDelivery"] == "true"
    shown = change("FilterPolicy", '{"a": ["b"]}')
    assert (shown["FilterPolicy"], shown["FilterPolicyScope"]) == ('{"a": ["b"]}', "MessageAttributes")
    assert change("FilterPolicyScope", "MessageBody")["FilterPolicyScope"] == "MessageBody"
    assert change("FilterPolicy", '{"a": {"b": ["c"]}}')["FilterPolicy"] == '{"a": {"b": ["c"]}}'
    members = {"SubscriptionArn": arn, "AttributeName": "FilterPolicyScope", "AttributeValue": "MessageAttributes"}
    assert refused(sns.set_subscription_attributes, **members)[0] == INVALID
    cleared = change("FilterPolicy", "{}")
    assert "FilterPolicy" not in cleared
    assert "FilterPolicyScope" not in cleared
    letters = json.dumps({"deadLetterTargetArn": "arn:aws:sqs:us-east-1:000000000000:letters"})
    assert change("RedrivePolicy", letters)["RedrivePolicy"] == letters
    assert "RedrivePolicy" not in change("RedrivePolicy", "")
    members = {"SubscriptionArn": arn, "AttributeName": "FilterPolicy", "AttributeValue": '{"a": []}'}
    assert refused(sns.set_subscription_attributes, **members)[1].startswith("Invalid parameter: FilterPolicy: ")
    members = {"SubscriptionArn": arn, "AttributeName": "Endpoint", "AttributeValue": "x"}
    assert refused(sns.set_subscription_attributes, **members) == (INVALID, "Invalid parameter: AttributeName", 400)


def test_a_replay_policy_is_refused_loudly(sns: Any, topic: str) -> None:
    members = {"TopicArn": topic, "Protocol": "sqs", "Endpoint": QUEUE, "Attributes": {"ReplayPolicy": "{}"}}
    assert refused(sns.subscribe, **members)[0] == "NotImplemented"


def test_a_subscription_that_is_gone_is_not_found_but_may_be_ended_again(sns: Any, topic: str) -> None:
    arn = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=QUEUE)["SubscriptionArn"]
    sns.unsubscribe(SubscriptionArn=arn)
    sns.unsubscribe(SubscriptionArn=arn)
    assert refused(sns.get_subscription_attributes, SubscriptionArn=arn) == (
        "NotFound",
        "Subscription does not exist",
        404,
    )
    assert refused(sns.unsubscribe, SubscriptionArn="nonsense") == (
        INVALID,
        "Invalid parameter: SubscriptionArn Reason: An ARN must have at least 6 elements, not 1",
        400,
    )
    shown = sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    assert (shown["SubscriptionsConfirmed"], shown["SubscriptionsDeleted"]) == ("0", "1")
    assert sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=QUEUE)["SubscriptionArn"] != arn


def test_email_waits_for_a_confirmation_that_the_log_shows(
    sns: Any, topic: str, world: World, caplog: pytest.LogCaptureFixture, inbox: Inbox
) -> None:
    letters = inbox.queue("email-letters")
    policy = json.dumps({"deadLetterTargetArn": letters})
    members = {"Protocol": "email", "Endpoint": "a@example.com", "ReturnSubscriptionArn": True}
    with caplog.at_level("WARNING"):
        arn = sns.subscribe(TopicArn=topic, Attributes={"RedrivePolicy": policy}, **members)["SubscriptionArn"]
    assert sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]["PendingConfirmation"] == "true"
    [line] = [record.getMessage() for record in caplog.records if record.name == "bascule.sns"]
    assert world.get("/" + line.rpartition("bascule.test:4566/")[2]).status == 200
    sns.publish(TopicArn=topic, Message="unsent")
    assert inbox.texts(letters) == ["unsent"]


def test_lists_go_over_topics_and_pages(world: World) -> None:
    sns = world.client("sns", region="ap-south-1")
    arns = set()
    for topic_number in range(3):
        topic = sns.create_topic(Name=f"listed{topic_number}")["TopicArn"]
        for number in range(70):
            queue = f"arn:aws:sqs:ap-south-1:000000000000:q{number}"
            arns.add(sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)["SubscriptionArn"])
    found: list[str] = []
    token: dict[str, str] = {}
    sizes = []
    while True:
        page = sns.list_subscriptions(**token)
        sizes.append(len(page["Subscriptions"]))
        found += [one["SubscriptionArn"] for one in page["Subscriptions"]]
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert sizes == [100, 100, 10]
    assert set(found) == arns
    assert len(found) == 210


def test_a_topic_has_at_most_two_hundred_filter_policies(world: World) -> None:
    sns = world.client("sns", region="ap-east-1")
    topic = sns.create_topic(Name="filters")["TopicArn"]

    def subscribe(number: int) -> Any:
        return sns.subscribe(
            TopicArn=topic,
            Protocol="sqs",
            Endpoint=f"arn:aws:sqs:ap-east-1:000000000000:q{number}",
            Attributes={"FilterPolicy": '{"a": ["b"]}'},
        )

    for number in range(200):
        subscribe(number)
    assert refused(lambda: subscribe(200))[0] == "FilterPolicyLimitExceeded"
