"""HTTP subscriptions: confirmation, signed messages, retries by the delivery policy, dead letters, slow end points."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from bascule.services.sns import state
from tests.parity.sns.endpoint import Endpoint, Received
from tests.parity.sns.inbox import Inbox
from tests.waiting import eventually
from tests.world import World

SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
SIGNED["UnsubscribeConfirmation"] = SIGNED["SubscriptionConfirmation"]


def visit(world: World, url: str) -> Any:
    parts = urlsplit(url)
    return world.get(f"{parts.path}?{parts.query}")


def subscribe(
    world: World, sns: Any, endpoint: Endpoint, name: str, *, url: str = "", **attributes: str
) -> tuple[str, str]:
    """A confirmed subscription to a new topic; gives the ARNs of the topic and of the subscription."""
    topic = sns.create_topic(Name=name)["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=url or endpoint.url, Attributes=attributes)
    world.settle()
    [asked] = endpoint.take()
    return topic, sns.confirm_subscription(TopicArn=topic, Token=asked.json["Token"])["SubscriptionArn"]


def verify(world: World, message: dict[str, str]) -> None:
    """Check a signature as a receiver does: with the certificate that the message names."""
    pem = visit(world, message["SigningCertURL"]).body
    key = x509.load_pem_x509_certificate(pem).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    text = "".join(f"{name}\n{message[name]}\n" for name in SIGNED[message["Type"]] if name in message)
    digest = hashes.SHA1() if message["SignatureVersion"] == "1" else hashes.SHA256()
    key.verify(b64decode(message["Signature"]), text.encode(), padding.PKCS1v15(), digest)


def code_of(error: pytest.ExceptionInfo[ClientError]) -> tuple[str, str]:
    return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]


def test_an_endpoint_confirms_by_visiting_the_link_it_is_sent(world: World, sns: Any, endpoint: Endpoint) -> None:
    topic = sns.create_topic(Name="link")["TopicArn"]
    answer = sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=endpoint.url)
    assert answer["SubscriptionArn"] == "pending confirmation"
    assert [one["SubscriptionArn"] for one in sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]] == [
        "PendingConfirmation"
    ]
    world.settle()
    [asked] = endpoint.take()
    assert asked.headers["x-amz-sns-message-type"] == "SubscriptionConfirmation"
    assert asked.headers["x-amz-sns-topic-arn"] == topic
    assert asked.headers["content-type"] == "text/plain; charset=UTF-8"
    assert asked.headers["user-agent"] == "Amazon Simple Notification Service Agent"
    assert list(asked.json) == [
        "Type",
        "MessageId",
        "Token",
        "TopicArn",
        "Message",
        "SubscribeURL",
        "Timestamp",
        "SignatureVersion",
        "Signature",
        "SigningCertURL",
    ]
    verify(world, asked.json)
    sns.publish(TopicArn=topic, Message="too early")
    answer = visit(world, asked.json["SubscribeURL"])
    assert answer.status == 200
    assert f"<SubscriptionArn>{topic}:".encode() in answer.body
    [one] = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    shown = sns.get_subscription_attributes(SubscriptionArn=one["SubscriptionArn"])["Attributes"]
    assert shown["PendingConfirmation"] == shown["ConfirmationWasAuthenticated"] == "false"
    sns.publish(TopicArn=topic, Message="hello", Subject="greeting")
    world.settle()
    [notified] = endpoint.take()
    assert notified.json["Message"] == "hello"


def test_a_token_holds_for_two_days_and_for_its_topic_only(world: World, sns: Any, endpoint: Endpoint) -> None:
    topic = sns.create_topic(Name="late")["TopicArn"]
    other = sns.create_topic(Name="other")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=endpoint.url)
    world.settle()
    token = endpoint.take()[0].json["Token"]
    for arn, text in ((other, token), (topic, "nonsense")):
        with pytest.raises(ClientError) as error:
            sns.confirm_subscription(TopicArn=arn, Token=text)
        assert code_of(error) == ("InvalidParameter", "Invalid parameter: Token")
    world.advance(hours=48)
    with pytest.raises(ClientError, match="Token"):
        sns.confirm_subscription(TopicArn=topic, Token=token)
    assert sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] == []


def test_a_notification_is_signed_as_the_topic_says(world: World, sns: Any, endpoint: Endpoint) -> None:
    topic, arn = subscribe(world, sns, endpoint, "signed")
    sns.publish(TopicArn=topic, Message="first", Subject="with a subject")
    sns.set_topic_attributes(TopicArn=topic, AttributeName="SignatureVersion", AttributeValue="2")
    sns.publish(TopicArn=topic, Message="second", MessageAttributes={"a": {"DataType": "String", "StringValue": "x"}})
    world.settle()
    first, second = sorted((one.json for one in endpoint.received), key=lambda body: str(body["Message"]))
    assert (first["SignatureVersion"], second["SignatureVersion"]) == ("1", "2")
    verify(world, first)
    verify(world, second)
    assert second["MessageAttributes"] == {"a": {"Type": "String", "Value": "x"}}
    headers = endpoint.received[0].headers
    assert headers["x-amz-sns-message-type"] == "Notification"
    assert headers["x-amz-sns-subscription-arn"] == arn
    assert headers["x-amz-sns-message-id"] in (first["MessageId"], second["MessageId"])
    assert "x-amz-sns-rawdelivery" not in headers


def test_raw_delivery_sends_the_message_alone(world: World, sns: Any, endpoint: Endpoint) -> None:
    policy = json.dumps({"requestPolicy": {"headerContentType": "application/json"}})
    topic, _ = subscribe(world, sns, endpoint, "raw-http", RawMessageDelivery="true", DeliveryPolicy=policy)
    sns.publish(TopicArn=topic, Message='{"a": 1}')
    world.settle()
    [one] = endpoint.take()
    assert one.body == b'{"a": 1}'
    assert one.headers["x-amz-sns-rawdelivery"] == "true"
    assert one.headers["content-type"] == "application/json"


def statuses(world: World, endpoint: Endpoint, start_ms: int, seconds: int) -> list[int]:
    """At which second after ``start_ms`` a request came, seen second by second."""
    found = [0] * len(endpoint.take())
    for second in range(1, seconds + 1):
        world.advance(seconds=1)
        assert world.clock.now_ms() == start_ms + second * 1000
        found += [second] * len(endpoint.take())
    return found


def test_server_errors_are_retried_three_times_twenty_seconds_apart_then_dead_lettered(
    world: World, sns: Any, inbox: Inbox, endpoint: Endpoint
) -> None:
    letters = inbox.queue("http-letters")
    topic, _ = subscribe(world, sns, endpoint, "broken", RedrivePolicy=json.dumps({"deadLetterTargetArn": letters}))
    endpoint.answers.extend([500, 503, 429, 500, 500])
    sns.publish(TopicArn=topic, Message="never taken")
    world.settle()
    assert statuses(world, endpoint, world.clock.now_ms(), 70) == [0, 20, 40, 60]
    [letter] = inbox.bodies(letters)
    assert letter["Message"] == "never taken"
    endpoint.answers.clear()


def test_a_delivery_policy_has_four_phases(world: World, sns: Any, endpoint: Endpoint) -> None:
    policy = {
        "numRetries": 7,
        "numNoDelayRetries": 1,
        "numMinDelayRetries": 1,
        "numMaxDelayRetries": 2,
        "minDelayTarget": 2,
        "maxDelayTarget": 8,
        "backoffFunction": "linear",
    }
    topic, _ = subscribe(world, sns, endpoint, "phases", DeliveryPolicy=json.dumps({"healthyRetryPolicy": policy}))
    endpoint.answers.extend([500] * 8)
    sns.publish(TopicArn=topic, Message="often")
    world.settle()
    assert statuses(world, endpoint, world.clock.now_ms(), 50) == [0, 0, 2, 4, 9, 17, 25, 33]


def test_an_answer_that_blames_the_message_ends_it_at_once(
    world: World, sns: Any, inbox: Inbox, endpoint: Endpoint
) -> None:
    letters = inbox.queue("client-letters")
    topic, _ = subscribe(world, sns, endpoint, "blaming", RedrivePolicy=json.dumps({"deadLetterTargetArn": letters}))
    endpoint.answers.append(404)
    sns.publish(TopicArn=topic, Message="unwanted")
    world.advance(minutes=5)
    assert len(endpoint.take()) == 1
    assert inbox.texts(letters) == ["unwanted"]


def test_a_retry_that_is_taken_ends_the_delivery(world: World, sns: Any, endpoint: Endpoint) -> None:
    topic, _ = subscribe(world, sns, endpoint, "recovering")
    endpoint.answers.append(500)
    sns.publish(TopicArn=topic, Message="again")
    world.advance(minutes=5)
    first, second = endpoint.take()
    assert first.body == second.body


def test_an_endpoint_that_is_not_there_is_retried(world: World, sns: Any, inbox: Inbox, endpoint: Endpoint) -> None:
    letters = inbox.queue("absent-letters")
    with Endpoint() as gone:
        topic, _ = subscribe(world, sns, gone, "absent", RedrivePolicy=json.dumps({"deadLetterTargetArn": letters}))
    sns.publish(TopicArn=topic, Message="nobody home")
    world.advance(seconds=59)
    assert inbox.texts(letters) == []
    world.advance(seconds=1)
    assert inbox.texts(letters) == ["nobody home"]


def test_a_slow_endpoint_delays_nobody_else(world: World, sns: Any, endpoint: Endpoint) -> None:
    slow, _ = subscribe(world, sns, endpoint, "slow")
    quick, _ = subscribe(world, sns, endpoint, "quick", url=endpoint.url.replace("/hook", "/quick"))
    endpoint.may_answer.clear()
    for number in range(30):
        sns.publish(TopicArn=slow, Message=f"slow {number}")
    for number in range(30):
        sns.publish(TopicArn=quick, Message=f"quick {number}")

    def arrived(path: str) -> list[Received]:
        return [one for one in list(endpoint.received) if one.path == path]

    eventually(lambda: len(arrived("/quick")) == 30, what="what the other end point was sent")
    assert len(arrived("/hook")) <= 10
    endpoint.may_answer.set()
    world.settle()
    assert len(arrived("/hook")) == 30


def test_a_throttle_policy_bounds_the_rate(world: World, sns: Any, endpoint: Endpoint) -> None:
    policy = json.dumps({"throttlePolicy": {"maxReceivesPerSecond": 2}})
    topic, _ = subscribe(world, sns, endpoint, "throttled", DeliveryPolicy=policy)
    world.advance(seconds=1)
    for number in range(5):
        sns.publish(TopicArn=topic, Message=str(number))
    world.settle()
    assert statuses(world, endpoint, world.clock.now_ms(), 4) == [0, 0, 1, 1, 2]


def test_an_unsigned_unsubscribe_tells_the_endpoint_how_to_come_back(
    world: World, sns: Any, endpoint: Endpoint
) -> None:
    topic, arn = subscribe(world, sns, endpoint, "leaving")
    sns.publish(TopicArn=topic, Message="farewell")
    world.settle()
    assert visit(world, endpoint.take()[0].json["UnsubscribeURL"]).status == 200
    world.settle()
    [told] = endpoint.take()
    assert told.json["Type"] == told.headers["x-amz-sns-message-type"] == "UnsubscribeConfirmation"
    verify(world, told.json)
    with pytest.raises(ClientError, match="Subscription does not exist"):
        sns.get_subscription_attributes(SubscriptionArn=arn)
    visit(world, told.json["SubscribeURL"])
    assert sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]["PendingConfirmation"] == "false"


def test_a_protected_subscription_ends_by_signed_requests_only(world: World, sns: Any, endpoint: Endpoint) -> None:
    topic = sns.create_topic(Name="guarded")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=endpoint.url)
    world.settle()
    token = endpoint.take()[0].json["Token"]
    arn = sns.confirm_subscription(TopicArn=topic, Token=token, AuthenticateOnUnsubscribe="true")["SubscriptionArn"]
    answer = world.get(f"/?Action=Unsubscribe&SubscriptionArn={arn}")
    assert answer.status == 403
    assert b"<Code>AuthorizationError</Code>" in answer.body
    sns.unsubscribe(SubscriptionArn=arn)
    world.settle()
    assert endpoint.take() == []


def test_what_waits_for_a_subscription_ends_with_it(world: World, sns: Any, endpoint: Endpoint) -> None:
    topic, arn = subscribe(world, sns, endpoint, "ending")
    endpoint.answers.append(500)
    sns.publish(TopicArn=topic, Message="once")
    world.settle()
    sns.unsubscribe(SubscriptionArn=arn)
    world.advance(minutes=5)
    assert len(endpoint.take()) == 1
    uuid = arn.rpartition(":")[2]
    assert not world.read(lambda tx: state.has_lane(tx, uuid))
