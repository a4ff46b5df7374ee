"""SendMessage: digests, sizes, attributes, delays."""

from __future__ import annotations

from typing import Any

import pytest

from bascule.api import sqs as api
from bascule.services.sqs import errors
from tests.unit.services.sqs.desk import Desk

Value = api.MessageAttributeValue


def _text(value: str, kind: str = "String") -> api.MessageAttributeValue:
    return Value(string_value=value, data_type=kind)


def test_digests_are_those_that_clients_compute(desk: Desk) -> None:
    sent = desk.send(desk.queue(), "msg", message_attributes={"Foo": _text("Bar")})
    assert sent.md5_of_message_body == "6e2baaf3b97dbeef01c0043275f9a0e7"
    assert sent.md5_of_message_attributes == "ae7155c6026991b6d54b11589678bf9c"
    assert sent.md5_of_message_system_attributes is None
    assert sent.sequence_number is None


def test_attributes_arrive_as_they_were_sent(desk: Desk) -> None:
    url = desk.queue()
    given = {
        "text": _text("päß"),
        "count.int": _text("-1.5e3", "Number.int"),
        "raw": Value(binary_value=b"\x00\xff", data_type="Binary.png"),
    }
    sent = desk.send(url, message_attributes=given)
    message = desk.receive(url, message_attribute_names=["All"])[0]
    assert message.message_attributes == given
    assert message.md5_of_message_attributes == sent.md5_of_message_attributes
    assert message.attributes is None


def test_the_trace_header_is_the_only_system_attribute(desk: Desk) -> None:
    url = desk.queue()
    trace = api.MessageSystemAttributeValue(string_value="Root=1-2-3", data_type="String")
    sent = desk.send(url, message_system_attributes={"AWSTraceHeader": trace})
    assert sent.md5_of_message_system_attributes is not None
    message = desk.receive(url, attribute_names=["AWSTraceHeader"])[0]
    assert message.attributes == {"AWSTraceHeader": "Root=1-2-3"}
    with pytest.raises(errors.InvalidParameterValue, match="'Other' is not supported"):
        desk.send(url, message_system_attributes={"Other": trace})
    raw = api.MessageSystemAttributeValue(binary_value=b"x", data_type="Binary")
    with pytest.raises(errors.InvalidParameterValue, match="of type 'String'"):
        desk.send(url, message_system_attributes={"AWSTraceHeader": raw})


def test_the_size_counts_utf8_and_attributes_and_names_the_queues_own_limit(desk: Desk) -> None:
    url = desk.queue("small", MaximumMessageSize="1024")
    desk.send(url, "ä" * 512)
    text = "Reason: Message must be shorter than 1024 bytes."
    with pytest.raises(errors.InvalidParameterValue, match=text):
        desk.send(url, "ä" * 512 + "x")
    desk.send(url, "x" * 1010, message_attributes={"name": _text("1234")})
    with pytest.raises(errors.InvalidParameterValue, match=text):
        desk.send(url, "x" * 1011, message_attributes={"name": _text("1234")})


def test_a_message_of_one_mebibyte_is_the_longest(desk: Desk) -> None:
    url = desk.queue()
    desk.send(url, "x" * 1048576)
    with pytest.raises(errors.InvalidParameterValue, match="shorter than 1048576 bytes"):
        desk.send(url, "x" * 1048577)


@pytest.mark.parametrize("body", ["\x00", "a\x0bb", "\x1f", "\ufffe", "x\uffff", "\ud800"])
def test_characters_outside_xml_are_refused(desk: Desk, body: str) -> None:
    with pytest.raises(errors.InvalidMessageContents, match="Invalid characters were found in the message body"):
        desk.send(desk.queue(), body)


def test_every_other_character_arrives(desk: Desk) -> None:
    url = desk.queue()
    body = "\t\n\r ~\x7f\x85\ud7ff\ue000\ufffd\U0001f600\U0010ffff"
    desk.send(url, body)
    assert desk.bodies(url) == [body]


def test_an_empty_body_is_a_missing_parameter(desk: Desk) -> None:
    with pytest.raises(errors.MissingParameter, match="The request must contain the parameter MessageBody"):
        desk.send(desk.queue(), "")


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("X", _text(""), "'X' must contain a non-empty value of type 'String'."),
        ("X", Value(data_type="Binary"), "of type 'Binary'"),
        ("X", Value(string_value="t", binary_value=b"b", data_type="String"), "of type 'String'"),
        ("X", _text("x", ""), "non-empty message attribute type"),
        ("X", _text("x", "Strings"), "type of message \\(user\\) attribute 'X' is invalid"),
        ("X", _text("x", "String."), "is invalid"),
        ("X", _text("ten", "Number"), "Can't cast the value of message \\(user\\) attribute 'X' to a number."),
        ("X", _text("NaN", "Number"), "to a number"),
        ("AWS.x", _text("x"), "attribute name 'AWS.x' is invalid"),
        ("amazon.x", _text("x"), "is invalid"),
        (".x", _text("x"), "is invalid"),
        ("x..y", _text("x"), "is invalid"),
        ("x y", _text("x"), "is invalid"),
        ("x" * 257, _text("x"), "is invalid"),
    ],
)
def test_a_malformed_attribute_is_refused(desk: Desk, name: str, value: Any, text: str) -> None:
    with pytest.raises(errors.InvalidParameterValue, match=text):
        desk.send(desk.queue(), message_attributes={name: value})


def test_an_attribute_of_forbidden_characters_is_refused(desk: Desk) -> None:
    for bad in ("\x00", "\ud800"):
        with pytest.raises(errors.InvalidMessageContents):
            desk.send(desk.queue(), message_attributes={"x": _text(bad)})


def test_ten_attributes_are_the_most_and_lists_are_not_supported(desk: Desk) -> None:
    url = desk.queue()
    desk.send(url, message_attributes={f"a{number}": _text("x") for number in range(10)})
    with pytest.raises(errors.InvalidParameterValue, match="exceeds the allowed maximum"):
        desk.send(url, message_attributes={f"a{number}": _text("x") for number in range(11)})
    listed = Value(string_list_values=["x"], data_type="String")
    with pytest.raises(errors.UnsupportedOperation):
        desk.send(url, message_attributes={"x": listed})


def test_a_delayed_message_is_counted_apart_until_it_is_due(desk: Desk) -> None:
    url = desk.queue("orders", DelaySeconds="5")
    desk.send(url, "the queue's delay")
    desk.send(url, "no delay", delay_seconds=0)
    desk.send(url, "its own", delay_seconds=900)
    assert desk.count(url) == (1, 0, 2)
    assert desk.bodies(url) == ["no delay"]
    desk.pass_time(5)
    assert desk.bodies(url) == ["the queue's delay"]
    desk.pass_time(895)
    assert "its own" in desk.bodies(url)


@pytest.mark.parametrize("delay", [-1, 901])
def test_a_delay_out_of_range_is_refused(desk: Desk, delay: int) -> None:
    with pytest.raises(errors.InvalidParameterValue, match=f"Value {delay} for parameter DelaySeconds is invalid"):
        desk.send(desk.queue(), delay_seconds=delay)


def test_a_standard_queue_takes_a_group_as_a_tenant_but_no_deduplication(desk: Desk) -> None:
    url = desk.queue()
    desk.send(url, "one", message_group_id="tenant-1")
    desk.send(url, "two", message_group_id="tenant-1")
    first = desk.receive(url, 1, message_system_attribute_names=["MessageGroupId", "SequenceNumber"])[0]
    assert first.attributes == {"MessageGroupId": "tenant-1"}
    assert desk.bodies(url) == ["two"], "a group of a standard queue blocks nothing"
    with pytest.raises(errors.InvalidParameterValue, match="not valid for this queue type"):
        desk.send(url, message_deduplication_id="d")
    with pytest.raises(errors.InvalidParameterValue, match="parameter MessageGroupId is invalid"):
        desk.send(url, message_group_id="x" * 129)


def test_sends_are_counted_for_the_queue(desk: Desk) -> None:
    url = desk.queue("orders")
    desk.send(url)
    desk.delete(url, desk.receive(url)[0])
    desk.receive(url)
    for name in (
        "NumberOfMessagesSent",
        "NumberOfMessagesReceived",
        "NumberOfMessagesDeleted",
        "NumberOfEmptyReceives",
    ):
        assert desk.metrics.value(f"AWS/SQS/{name}", "orders") == 1, name
