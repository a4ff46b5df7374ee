"""Queue attributes: defaults, ranges, kinds."""

from __future__ import annotations

from typing import Any

import pytest

from bascule.services.sqs import errors
from tests.unit.services.sqs.desk import Desk


def test_a_fresh_standard_queue_shows_the_defaults_and_nothing_of_fifo(desk: Desk) -> None:
    url = desk.queue("orders")
    second = str(desk.clock.now_ms() // 1000)
    assert desk.attributes(url) == {
        "QueueArn": "arn:aws:sqs:us-east-1:000000000000:orders",
        "CreatedTimestamp": second,
        "LastModifiedTimestamp": second,
        "ApproximateNumberOfMessages": "0",
        "ApproximateNumberOfMessagesNotVisible": "0",
        "ApproximateNumberOfMessagesDelayed": "0",
        "DelaySeconds": "0",
        "MaximumMessageSize": "1048576",
        "MessageRetentionPeriod": "345600",
        "ReceiveMessageWaitTimeSeconds": "0",
        "VisibilityTimeout": "30",
        "SqsManagedSseEnabled": "true",
    }


def test_a_fresh_fifo_queue_shows_its_own_attributes_too(desk: Desk) -> None:
    found = desk.attributes(desk.queue("orders.fifo"))
    assert found["FifoQueue"] == "true"
    assert found["ContentBasedDeduplication"] == "false"
    assert found["DeduplicationScope"] == "queue"
    assert found["FifoThroughputLimit"] == "perQueue"


def test_only_attributes_that_are_asked_for_are_given(desk: Desk) -> None:
    url = desk.queue("orders")
    assert desk.attributes(url, "DelaySeconds", "Policy") == {"DelaySeconds": "0"}
    assert desk.call("GetQueueAttributes", queue_url=url).attributes is None
    with pytest.raises(errors.InvalidAttributeName, match="Unknown Attribute Colour"):
        desk.attributes(url, "Colour")


@pytest.mark.parametrize(
    ("name", "lowest", "highest"),
    [
        ("DelaySeconds", 0, 900),
        ("MaximumMessageSize", 1024, 1048576),
        ("MessageRetentionPeriod", 60, 1209600),
        ("ReceiveMessageWaitTimeSeconds", 0, 20),
        ("VisibilityTimeout", 0, 43200),
    ],
)
def test_a_number_is_kept_within_its_range_and_refused_outside(
    desk: Desk, name: str, lowest: int, highest: int
) -> None:
    url = desk.queue("orders")
    for value in (lowest, highest):
        desk.call("SetQueueAttributes", queue_url=url, attributes={name: str(value)})
        assert desk.attributes(url, name) == {name: str(value)}
    for bad in (str(lowest - 1), str(highest + 1), "many", "", "9" * 30):
        with pytest.raises(errors.InvalidAttributeValue, match=f"Invalid value for the parameter {name}"):
            desk.call("SetQueueAttributes", queue_url=url, attributes={name: bad})


@pytest.mark.parametrize(
    "name", ["QueueArn", "ApproximateNumberOfMessages", "All", "Colour", "ContentBasedDeduplication"]
)
def test_an_attribute_that_cannot_be_set_is_unknown(desk: Desk, name: str) -> None:
    with pytest.raises(errors.InvalidAttributeName, match=f"Unknown Attribute {name}."):
        desk.call("SetQueueAttributes", queue_url=desk.queue(), attributes={name: "true"})


def test_setting_is_all_or_nothing_and_changes_the_modification_time(desk: Desk) -> None:
    url = desk.queue("orders")
    desk.pass_time(10)
    with pytest.raises(errors.InvalidAttributeValue):
        desk.call("SetQueueAttributes", queue_url=url, attributes={"DelaySeconds": "7", "VisibilityTimeout": "-1"})
    assert desk.attributes(url, "DelaySeconds") == {"DelaySeconds": "0"}
    desk.call("SetQueueAttributes", queue_url=url, attributes={"DelaySeconds": "7"})
    found = desk.attributes(url)
    assert int(found["LastModifiedTimestamp"]) == int(found["CreatedTimestamp"]) + 10


def test_setting_nothing_is_refused(desk: Desk) -> None:
    with pytest.raises(errors.MissingParameter):
        desk.call("SetQueueAttributes", queue_url=desk.queue(), attributes={})


def test_the_kind_of_a_queue_cannot_change(desk: Desk) -> None:
    with pytest.raises(errors.InvalidAttributeName, match="Unknown Attribute FifoQueue"):
        desk.queue("orders", FifoQueue="false")
    url = desk.queue("orders")
    with pytest.raises(errors.InvalidAttributeValue, match="Reason: Modifying queue type is not supported"):
        desk.call("SetQueueAttributes", queue_url=url, attributes={"FifoQueue": "true"})
    fifo = desk.queue("orders.fifo")
    desk.call("SetQueueAttributes", queue_url=fifo, attributes={"FifoQueue": "true"})


def test_high_throughput_needs_deduplication_by_group(desk: Desk) -> None:
    url = desk.queue("orders.fifo")
    with pytest.raises(errors.InvalidAttributeValue, match="FifoThroughputLimit"):
        desk.call("SetQueueAttributes", queue_url=url, attributes={"FifoThroughputLimit": "perMessageGroupId"})
    both = {"DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}
    desk.call("SetQueueAttributes", queue_url=url, attributes=both)
    assert desk.attributes(url, *both) == both
    for name, value in both.items():
        with pytest.raises(errors.InvalidAttributeName, match="only when FifoQueue is set to true"):
            desk.queue("plain", **{name: value})
        with pytest.raises(errors.InvalidAttributeValue):
            desk.call("SetQueueAttributes", queue_url=url, attributes={name: "other"})


def test_the_two_kinds_of_encryption_exclude_each_other(desk: Desk) -> None:
    url = desk.queue("orders", KmsMasterKeyId="alias/mine", KmsDataKeyReusePeriodSeconds="60")
    assert desk.attributes(url, "KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds", "SqsManagedSseEnabled") == {
        "KmsMasterKeyId": "alias/mine",
        "KmsDataKeyReusePeriodSeconds": "60",
        "SqsManagedSseEnabled": "false",
    }
    with pytest.raises(errors.InvalidAttributeValue, match="one type of server-side encryption"):
        desk.queue("both", KmsMasterKeyId="alias/mine", SqsManagedSseEnabled="true")
    desk.call("SetQueueAttributes", queue_url=url, attributes={"SqsManagedSseEnabled": "true"})
    assert desk.attributes(url, "KmsMasterKeyId", "SqsManagedSseEnabled") == {"SqsManagedSseEnabled": "true"}
    desk.call("SetQueueAttributes", queue_url=url, attributes={"KmsMasterKeyId": ""})


def test_an_empty_text_clears_policies(desk: Desk) -> None:
    policy = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"sqs:*","Resource":"*"}]}'
    desk.queue("dead")
    redrive = f'{{"deadLetterTargetArn":"{desk.arn("dead")}","maxReceiveCount":"5"}}'
    allow = '{"redrivePermission":"denyAll"}'
    given = {"Policy": policy, "RedrivePolicy": redrive, "RedriveAllowPolicy": allow}
    url = desk.queue("orders", **given)
    assert desk.attributes(url, *given) == given
    desk.call("SetQueueAttributes", queue_url=url, attributes=dict.fromkeys(given, ""))
    assert desk.attributes(url, *given) == {}


@pytest.mark.parametrize(
    "policy", ["{", "[]", "{}", '{"Statement":[]}', '{"Statement":["x"]}', '{"Statement":{"Effect":"?"}}']
)
def test_a_malformed_policy_is_refused(desk: Desk, policy: str) -> None:
    with pytest.raises(errors.InvalidAttributeValue, match="Invalid value for the parameter Policy"):
        desk.queue("orders", Policy=policy)


def test_tags_are_added_replaced_removed_and_bounded(desk: Desk) -> None:
    url = desk.call("CreateQueue", queue_name="orders", tags={"team": "a"}).queue_url
    desk.call("TagQueue", queue_url=url, tags={"team": "b", "cost": ""})
    assert desk.call("ListQueueTags", queue_url=url).tags == {"team": "b", "cost": ""}
    desk.call("UntagQueue", queue_url=url, tag_keys=["team", "absent"])
    assert desk.call("ListQueueTags", queue_url=url).tags == {"cost": ""}
    desk.call("UntagQueue", queue_url=url, tag_keys=["cost"])
    assert desk.call("ListQueueTags", queue_url=url).tags is None
    bad: list[dict[str, Any]] = [
        {"aws:mine": "x"},
        {"": "x"},
        {"k" * 129: "x"},
        {"k": "x" * 257},
        {str(number): "" for number in range(51)},
    ]
    for tags in bad:
        with pytest.raises(errors.InvalidParameterValue):
            desk.call("TagQueue", queue_url=url, tags=tags)
    with pytest.raises(errors.MissingParameter):
        desk.call("TagQueue", queue_url=url, tags={})
    with pytest.raises(errors.MissingParameter):
        desk.call("UntagQueue", queue_url=url, tag_keys=[])
