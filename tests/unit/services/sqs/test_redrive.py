"""Redrive policies and the way to the dead-letter queue."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bascule.api import sqs as api
from bascule.kernel.scope import Scope
from bascule.services.sqs import errors
from tests.unit.services.sqs.desk import Desk


def _policy(arn: str, count: Any = 1) -> str:
    return json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": count})


def _pair(desk: Desk, suffix: str = "", count: int = 1, **attributes: str) -> tuple[str, str]:
    """A dead-letter queue and a source whose messages come back at once."""
    dead = desk.queue("dead" + suffix)
    policy = _policy(desk.arn("dead" + suffix), count)
    return desk.queue("orders" + suffix, RedrivePolicy=policy, VisibilityTimeout="1", **attributes), dead


def test_a_message_received_too_often_goes_to_the_dead_letter_queue(desk: Desk) -> None:
    url, dead = _pair(desk, count=2)
    value = api.MessageAttributeValue(string_value="v", data_type="String")
    sent = desk.send(url, "poison", message_attributes={"x": value})
    sent_ms = desk.clock.now_ms()
    for _ in range(2):
        assert desk.bodies(url) == ["poison"]
        desk.pass_time(1)
    assert desk.bodies(url) == []
    assert desk.count(url) == (0, 0, 0)
    message = desk.receive(dead, attribute_names=["All"], message_attribute_names=["All"])[0]
    assert message.message_id == sent.message_id
    assert message.message_attributes == {"x": value}
    assert message.attributes["DeadLetterQueueSourceArn"] == desk.arn("orders")
    assert message.attributes["SentTimestamp"] == str(sent_ms)
    assert message.attributes["ApproximateReceiveCount"] == "1"
    assert desk.metrics.value("AWS/SQS/NumberOfMessagesSent", "dead") == 0


def test_a_receive_is_filled_up_with_good_messages_behind_poisoned_ones(desk: Desk) -> None:
    url, dead = _pair(desk)
    for number in range(12):
        desk.send(url, f"poison {number}")
    desk.bodies(url)
    desk.bodies(url)
    desk.pass_time(1)
    desk.send(url, "good")
    assert desk.bodies(url) == ["good"]
    assert desk.count(dead) == (12, 0, 0)


def test_a_long_poll_waits_on_when_all_it_found_was_poisoned(desk: Desk) -> None:
    url, dead = _pair(desk)
    desk.send(url, "poison")
    desk.receive(url)
    desk.pass_time(1)
    start_ms = desk.clock.now_ms()
    assert desk.bodies(url, wait_time_seconds=5) == []
    assert desk.clock.now_ms() == start_ms + 5_000
    assert desk.bodies(dead) == ["poison"]


def test_without_a_visibility_timeout_no_message_is_given_twice_in_one_receive(desk: Desk) -> None:
    url, _ = _pair(desk, count=2)
    desk.send(url, "older")
    for _ in range(2):
        desk.receive(url, visibility_timeout=0)
    desk.send(url, "younger")
    assert desk.bodies(url, visibility_timeout=0) == ["younger"]


def test_messages_stay_while_the_dead_letter_queue_does_not_exist(desk: Desk) -> None:
    url, dead = _pair(desk)
    desk.send(url, "poison")
    desk.call("DeleteQueue", queue_url=dead)
    for _ in range(3):
        assert desk.bodies(url) == ["poison"]
        desk.pass_time(1)
    desk.pass_time(60)
    dead = desk.queue("dead")
    assert desk.bodies(url) == []
    assert desk.bodies(dead) == ["poison"]


def test_retention_counts_from_the_first_send_on_standard_queues(desk: Desk) -> None:
    url, dead = _pair(desk)
    desk.call("SetQueueAttributes", queue_url=dead, attributes={"MessageRetentionPeriod": "60"})
    desk.send(url, "poison")
    desk.receive(url)
    desk.pass_time(50)
    desk.receive(url)
    assert desk.count(dead) == (1, 0, 0)
    desk.pass_time(10)
    assert desk.count(dead) == (0, 0, 0)


def test_on_fifo_queues_retention_starts_anew_and_the_message_id_deduplicates(desk: Desk) -> None:
    url, dead = _pair(desk, ".fifo")
    desk.call("SetQueueAttributes", queue_url=dead, attributes={"MessageRetentionPeriod": "60"})
    sent = desk.send(url, "poison", message_group_id="g", message_deduplication_id="d")
    desk.send(url, "next", message_group_id="g", message_deduplication_id="e")
    desk.receive(url, 1)
    desk.pass_time(50)
    assert desk.bodies(url) == ["next"], "the group goes on without the poisoned message"
    desk.pass_time(50)
    message = desk.receive(dead, attribute_names=["All"])[0]
    assert message.message_id == sent.message_id
    assert message.attributes["MessageDeduplicationId"] == sent.message_id
    assert message.attributes["MessageGroupId"] == "g"


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        ("nonsense", "Redrive policy is not a valid JSON map."),
        ("[]", "Redrive policy is not a valid JSON map."),
        ('{"maxReceiveCount":1}', "Redrive policy does not contain mandatory attribute: deadLetterTargetArn."),
        ('{"deadLetterTargetArn":"x"}', "Redrive policy does not contain mandatory attribute: maxReceiveCount."),
        ('{"deadLetterTargetArn":"x","maxReceiveCount":1,"more":2}', "Only following attributes are supported"),
        (_policy("x"), "Dead letter target does not exist."),
        (_policy("arn:aws:sqs:us-east-1:000000000000:nowhere"), "Dead letter target does not exist."),
        (_policy("arn:aws:sqs:us-east-1:000000000000:dead", 0), "Invalid value for maxReceiveCount: 0"),
        (_policy("arn:aws:sqs:us-east-1:000000000000:dead", 1001), "valid values are from 1 to 1000 both inclusive."),
        (_policy("arn:aws:sqs:us-east-1:000000000000:dead", "many"), "Invalid value for maxReceiveCount: many"),
        (_policy("arn:aws:sqs:us-east-1:111111111111:dead"), "owner should be same as the source."),
        (_policy("arn:aws:sqs:eu-west-1:000000000000:dead"), "Dead letter target does not exist."),
        (_policy("arn:aws:sqs:us-east-1:000000000000:dead.fifo"), "must be same type of queue as the source.."),
    ],
)
def test_a_bad_redrive_policy_is_refused_with_the_reason(desk: Desk, policy: str, reason: str) -> None:
    desk.queue("dead")
    desk.queue("dead.fifo")
    desk.scope = Scope("000000000000", "eu-west-1")
    desk.queue("dead")
    desk.scope = Scope()
    with pytest.raises(errors.InvalidParameterValue) as caught:
        desk.queue("orders", RedrivePolicy=policy)
    assert caught.value.message.startswith(f"Value {policy} for parameter RedrivePolicy is invalid. Reason: ")
    assert reason in caught.value.message


@pytest.mark.parametrize("count", [3, "3"])
def test_the_policy_is_shown_as_it_was_given(desk: Desk, count: Any) -> None:
    desk.queue("dead")
    policy = _policy(desk.arn("dead"), count)
    assert desk.attributes(desk.queue("orders", RedrivePolicy=policy), "RedrivePolicy") == {"RedrivePolicy": policy}


def test_a_dead_letter_queue_may_choose_its_sources(desk: Desk) -> None:
    denies = desk.queue("dead", RedriveAllowPolicy='{"redrivePermission":"denyAll"}')
    with pytest.raises(errors.InvalidParameterValue, match="does not admit this source queue"):
        desk.queue("orders", RedrivePolicy=_policy(desk.arn("dead")))
    by_queue = json.dumps({"redrivePermission": "byQueue", "sourceQueueArns": [desk.arn("orders")]})
    desk.call("SetQueueAttributes", queue_url=denies, attributes={"RedriveAllowPolicy": by_queue})
    desk.queue("orders", RedrivePolicy=_policy(desk.arn("dead")))
    with pytest.raises(errors.InvalidParameterValue):
        desk.queue("others", RedrivePolicy=_policy(desk.arn("dead")))


@pytest.mark.parametrize(
    "policy",
    [
        "x",
        "{}",
        '{"redrivePermission":"some"}',
        '{"redrivePermission":"allowAll","more":1}',
        '{"redrivePermission":"byQueue"}',
        '{"redrivePermission":"denyAll","sourceQueueArns":["arn:aws:sqs:us-east-1:000000000000:a"]}',
        '{"redrivePermission":"byQueue","sourceQueueArns":["a"]}',
        json.dumps({"redrivePermission": "byQueue", "sourceQueueArns": ["arn:aws:sqs:us-east-1:000000000000:a"] * 11}),
    ],
)
def test_a_bad_redrive_allow_policy_is_refused(desk: Desk, policy: str) -> None:
    with pytest.raises(errors.InvalidParameterValue, match="can't create the redrive allow policy"):
        desk.queue("dead", RedriveAllowPolicy=policy)


def test_the_sources_of_a_dead_letter_queue_are_listed_while_they_name_it(desk: Desk) -> None:
    dead, other = desk.queue("dead"), desk.queue("other")
    urls = [desk.queue(name, RedrivePolicy=_policy(desk.arn("dead"))) for name in ("a", "b", "c")]
    first = desk.call("ListDeadLetterSourceQueues", queue_url=dead, max_results=2)
    assert first.queue_urls == urls[:2]
    rest = desk.call("ListDeadLetterSourceQueues", queue_url=dead, max_results=2, next_token=first.next_token)
    assert rest.queue_urls == urls[2:]
    desk.call("DeleteQueue", queue_url=urls[0])
    desk.call("SetQueueAttributes", queue_url=urls[1], attributes={"RedrivePolicy": ""})
    desk.call("SetQueueAttributes", queue_url=urls[2], attributes={"RedrivePolicy": _policy(desk.arn("other"))})
    assert desk.call("ListDeadLetterSourceQueues", queue_url=dead).queue_urls == []
    assert desk.call("ListDeadLetterSourceQueues", queue_url=other).queue_urls == urls[2:]
