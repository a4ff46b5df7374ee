"""What a queue accepts from the delivery engine."""

from __future__ import annotations

import pytest

from bascule.kernel.delivery import Refused
from bascule.kernel.scope import Scope
from tests.unit.services.sqs.desk import Desk


def test_a_payload_becomes_a_message(desk: Desk) -> None:
    url = desk.queue()
    accepted = desk.deliver(desk.arn("orders"), b'{"amount":1}', trace_header="Root=1-2-3")
    message = desk.receive(url, attribute_names=["AWSTraceHeader", "SenderId"], message_attribute_names=["All"])[0]
    assert message.body == '{"amount":1}'
    assert message.message_id == accepted.reference
    assert message.attributes == {"AWSTraceHeader": "Root=1-2-3", "SenderId": "000000000000"}
    assert message.message_attributes is None
    assert desk.metrics.value("AWS/SQS/NumberOfMessagesSent", "orders") == 1


def test_attributes_of_a_dead_letter_arrive_as_message_attributes(desk: Desk) -> None:
    url = desk.queue()
    attributes = {"ERROR_CODE": ("String", "NO_RESOURCE"), "RETRY_ATTEMPTS": ("Number", "3")}
    desk.deliver(desk.arn("orders"), attributes=attributes)
    message = desk.receive(url, message_attribute_names=["All"])[0]
    found = {name: (value.data_type, value.string_value) for name, value in message.message_attributes.items()}
    assert found == attributes


def test_the_queues_delay_applies(desk: Desk) -> None:
    url = desk.queue("orders", DelaySeconds="5")
    desk.deliver(desk.arn("orders"))
    assert desk.count(url) == (0, 0, 1)


def test_a_queue_of_another_account_and_region_accepts(desk: Desk) -> None:
    there = Scope("111111111111", "eu-west-1")
    desk.scope = there
    url = desk.queue()
    desk.scope = Scope()
    desk.deliver(there.arn("sqs", "orders"))
    desk.scope = there
    assert desk.receive(url, attribute_names=["SenderId"])[0].attributes == {"SenderId": "000000000000"}


def test_a_fifo_queue_takes_group_and_deduplication_from_the_parameters(desk: Desk) -> None:
    url = desk.queue("orders.fifo")
    parameters = {"MessageGroupId": "g", "MessageDeduplicationId": "d"}
    first = desk.deliver(desk.arn("orders.fifo"), parameters=parameters)
    again = desk.deliver(desk.arn("orders.fifo"), parameters=parameters)
    assert again.reference == first.reference
    message = desk.receive(url, attribute_names=["MessageGroupId", "MessageDeduplicationId"])[0]
    assert message.attributes == parameters
    assert desk.receive(url) == []


def test_content_deduplicates_when_the_queue_says_so(desk: Desk) -> None:
    url = desk.queue("orders.fifo", ContentBasedDeduplication="true")
    for payload in (b"1", b"2", b"1"):
        desk.deliver(desk.arn("orders.fifo"), payload, parameters={"MessageGroupId": "g"})
    assert desk.bodies(url) == ["1", "2"]


def test_a_group_is_a_tenant_on_a_standard_queue(desk: Desk) -> None:
    url = desk.queue()
    desk.deliver(desk.arn("orders"), parameters={"MessageGroupId": "tenant"})
    assert desk.receive(url, attribute_names=["All"])[0].attributes["MessageGroupId"] == "tenant"


@pytest.mark.parametrize(
    ("queue", "payload", "parameters", "text"),
    [
        ("orders.fifo", b"x", {}, "must contain the parameter MessageGroupId"),
        ("orders.fifo", b"x", {"MessageGroupId": "g"}, "ContentBasedDeduplication"),
        ("orders", b"x", {"MessageDeduplicationId": "d"}, "not valid for this queue type"),
        ("orders", b"x", {"Colour": "red"}, "Colour"),
        ("orders", b"x" * 1025, {}, "shorter than 1024 bytes"),
        ("orders", b"\x00", {}, "Invalid characters"),
        ("orders", b"", {}, "empty"),
    ],
)
def test_what_a_queue_cannot_take_is_refused_for_good(
    desk: Desk, queue: str, payload: bytes, parameters: dict[str, str], text: str
) -> None:
    url = desk.queue(queue, MaximumMessageSize="1024")
    with pytest.raises(Refused, match=text) as caught:
        desk.deliver(desk.arn(queue), payload, parameters=parameters)
    assert (caught.value.code, caught.value.is_retryable) == ("INVALID_PARAMETER", False)
    assert desk.count(url) == (0, 0, 0)


def test_a_missing_queue_is_no_resource(desk: Desk) -> None:
    with pytest.raises(Refused) as caught:
        desk.deliver(desk.arn("nowhere"))
    assert (caught.value.code, caught.value.is_retryable) == ("NO_RESOURCE", False)
