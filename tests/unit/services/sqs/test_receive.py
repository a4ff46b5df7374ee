"""ReceiveMessage, DeleteMessage and ChangeMessageVisibility on standard queues."""

from __future__ import annotations

from typing import Any

import pytest

from bascule.api import sqs as api
from bascule.kernel.waiting import WaitFor
from bascule.services.sqs import errors, in_flight, limits
from tests.unit.services.sqs.desk import Desk


def test_a_received_message_is_hidden_until_its_visibility_timeout_ends(desk: Desk) -> None:
    url = desk.queue("orders", VisibilityTimeout="10")
    desk.send(url, "one")
    assert desk.bodies(url) == ["one"]
    assert desk.count(url) == (0, 1, 0)
    assert desk.bodies(url) == []
    desk.pass_time(10)
    assert desk.count(url) == (1, 0, 0)
    assert desk.bodies(url, visibility_timeout=100) == ["one"]
    desk.pass_time(99)
    assert desk.bodies(url) == []


def test_without_a_visibility_timeout_a_message_comes_again_at_once(desk: Desk) -> None:
    url = desk.queue("orders", VisibilityTimeout="0")
    desk.send(url, "one")
    names = ["ApproximateReceiveCount"]
    counts = [desk.receive(url, message_system_attribute_names=names)[0].attributes[names[0]] for _ in range(3)]
    assert counts == ["1", "2", "3"]


def test_system_attributes_tell_the_history_of_a_message(desk: Desk) -> None:
    url = desk.queue()
    sent_ms = desk.clock.now_ms()
    desk.send(url)
    desk.pass_time(1)
    desk.receive(url)
    desk.pass_time(30)
    message = desk.receive(url, attribute_names=["All"])[0]
    assert message.attributes == {
        "SenderId": "000000000000",
        "SentTimestamp": str(sent_ms),
        "ApproximateReceiveCount": "2",
        "ApproximateFirstReceiveTimestamp": str(sent_ms + 1000),
    }
    with pytest.raises(errors.InvalidAttributeName, match="Unknown Attribute Mood"):
        desk.receive(url, message_system_attribute_names=["Mood"])


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        (["All"], {"a", "app.x", "app.y"}),
        ([".*"], {"a", "app.x", "app.y"}),
        (["app.*"], {"app.x", "app.y"}),
        (["a", "absent"], {"a"}),
        (["absent"], set()),
    ],
)
def test_message_attributes_are_selected_by_name_and_prefix(desk: Desk, asked: list[str], given: set[str]) -> None:
    url = desk.queue()
    value = api.MessageAttributeValue(string_value="v", data_type="String")
    sent = desk.send(url, message_attributes=dict.fromkeys(("a", "app.x", "app.y"), value))
    message = desk.receive(url, message_attribute_names=asked)[0]
    assert set(message.message_attributes or ()) == given
    is_all = len(given) == 3
    assert (message.md5_of_message_attributes == sent.md5_of_message_attributes) is is_all


def test_a_long_poll_ends_as_soon_as_a_message_arrives(desk: Desk) -> None:
    url = desk.queue()
    asked: dict[str, Any] = {"queue_url": url, "wait_time_seconds": 20}
    start_ms = desk.clock.now_ms()
    poll = desk.once("ReceiveMessage", **asked)
    assert isinstance(poll, WaitFor)
    assert poll.until_ms == start_ms + 20_000
    desk.pass_time(7)
    fired: list[frozenset[str]] = []
    desk.store.on_signal(fired.append)
    desk.send(url, "arrived")
    assert any(poll.signal in signals for signals in fired)
    result = desk.once("ReceiveMessage", poll, **asked)
    assert [message.body for message in result.messages] == ["arrived"]


def test_a_long_poll_keeps_its_first_deadline_and_ends_empty(desk: Desk) -> None:
    url = desk.queue("orders", ReceiveMessageWaitTimeSeconds="20")
    start_ms = desk.clock.now_ms()
    poll = desk.once("ReceiveMessage", queue_url=url)
    desk.pass_time(15)
    again = desk.once("ReceiveMessage", poll, queue_url=url)
    assert again.until_ms == start_ms + 20_000
    desk.pass_time(5)
    assert desk.once("ReceiveMessage", again, queue_url=url).messages is None
    assert desk.receive(url, wait_time_seconds=0) == []
    assert desk.clock.now_ms() == start_ms + 20_000


def test_a_long_poll_wakes_for_a_delay_and_for_the_end_of_a_visibility_timeout(desk: Desk) -> None:
    url = desk.queue("orders", VisibilityTimeout="6")
    desk.send(url, "delayed", delay_seconds=3)
    start_ms = desk.clock.now_ms()
    assert desk.bodies(url, wait_time_seconds=20) == ["delayed"]
    assert desk.clock.now_ms() == start_ms + 3_000
    assert desk.bodies(url, wait_time_seconds=20) == ["delayed"]
    assert desk.clock.now_ms() == start_ms + 9_000


def test_a_long_poll_on_a_deleted_queue_learns_of_it(desk: Desk) -> None:
    url = desk.queue()
    poll = desk.once("ReceiveMessage", queue_url=url, wait_time_seconds=20)
    desk.call("DeleteQueue", queue_url=url)
    with pytest.raises(errors.QueueDoesNotExist):
        desk.once("ReceiveMessage", poll, queue_url=url, wait_time_seconds=20)


def test_a_long_poll_goes_on_over_a_purge(desk: Desk) -> None:
    url = desk.queue()
    poll = desk.once("ReceiveMessage", queue_url=url, wait_time_seconds=20)
    desk.call("PurgeQueue", queue_url=url)
    again = desk.once("ReceiveMessage", poll, queue_url=url, wait_time_seconds=20)
    assert again.signal != poll.signal
    desk.send(url, "after")
    assert len(desk.once("ReceiveMessage", again, queue_url=url, wait_time_seconds=20).messages) == 1


@pytest.mark.parametrize(
    ("member", "value", "text"),
    [
        (
            "max_number_of_messages",
            0,
            "Value 0 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10",
        ),
        ("max_number_of_messages", 11, "Must be between 1 and 10, if provided."),
        ("wait_time_seconds", 21, "Value 21 for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20"),
        ("visibility_timeout", 43201, "Must be >= 0 and <= 43200, if provided."),
        ("receive_request_attempt_id", "a", "not valid for this queue type"),
    ],
)
def test_a_parameter_out_of_range_is_refused(desk: Desk, member: str, value: Any, text: str) -> None:
    with pytest.raises(errors.InvalidParameterValue) as caught:
        desk.call("ReceiveMessage", queue_url=desk.queue(), **{member: value})
    assert text in caught.value.message


def test_deleting_is_final_and_may_be_repeated(desk: Desk) -> None:
    url = desk.queue()
    desk.send(url)
    message = desk.receive(url)[0]
    desk.delete(url, message)
    desk.delete(url, message)
    desk.pass_time(3600)
    assert desk.receive(url) == []


def test_an_old_handle_deletes_only_while_nobody_received_the_message_again(desk: Desk) -> None:
    url = desk.queue("orders", VisibilityTimeout="5")
    desk.send(url, "one")
    first = desk.receive(url)[0]
    desk.pass_time(5)
    second = desk.receive(url)[0]
    assert second.receipt_handle != first.receipt_handle
    desk.delete(url, first)
    assert desk.count(url) == (0, 1, 0), "the older handle is void"
    desk.pass_time(5)
    desk.delete(url, second)
    assert desk.count(url) == (0, 0, 0), "the latest handle works although its timeout is over"


@pytest.mark.parametrize("handle", ["garbage", "Z2FyYmFnZQ==", "é", "YSBiIGMgZCBl"])
def test_a_malformed_handle_is_refused(desk: Desk, handle: str) -> None:
    url = desk.queue()
    text = f'The input receipt handle "{handle}" is not a valid receipt handle.'
    for name, members in (("DeleteMessage", {}), ("ChangeMessageVisibility", {"visibility_timeout": 1})):
        with pytest.raises(errors.ReceiptHandleIsInvalid, match=text):
            desk.call(name, queue_url=url, receipt_handle=handle, **members)


def test_a_handle_of_another_queue_is_refused_and_an_empty_one_is_missing(desk: Desk) -> None:
    url = desk.queue("orders")
    desk.send(url)
    handle = desk.receive(url)[0].receipt_handle
    other = desk.queue("other")
    with pytest.raises(errors.ReceiptHandleIsInvalid):
        desk.call("DeleteMessage", queue_url=other, receipt_handle=handle)
    for name, members in (("DeleteMessage", {}), ("ChangeMessageVisibility", {"visibility_timeout": 1})):
        with pytest.raises(errors.MissingParameter):
            desk.call(name, queue_url=url, receipt_handle="", **members)


def test_visibility_is_changed_from_now_on_and_zero_returns_the_message(desk: Desk) -> None:
    url = desk.queue()
    desk.send(url, "one")
    message = desk.receive(url)[0]
    handle = message.receipt_handle
    desk.pass_time(29)
    desk.call("ChangeMessageVisibility", queue_url=url, receipt_handle=handle, visibility_timeout=100)
    desk.pass_time(99)
    assert desk.bodies(url) == []
    desk.call("ChangeMessageVisibility", queue_url=url, receipt_handle=handle, visibility_timeout=0)
    assert desk.count(url) == (1, 0, 0)
    with pytest.raises(errors.MessageNotInflight):
        desk.call("ChangeMessageVisibility", queue_url=url, receipt_handle=handle, visibility_timeout=1)
    assert desk.bodies(url) == ["one"]


def test_visibility_ends_at_most_twelve_hours_after_the_receive(desk: Desk) -> None:
    url = desk.queue()
    desk.send(url)
    change = {"queue_url": url, "receipt_handle": desk.receive(url)[0].receipt_handle}
    desk.pass_time(20)
    desk.call("ChangeMessageVisibility", **change, visibility_timeout=43180)
    text = "Total VisibilityTimeout for the message is beyond the limit"
    with pytest.raises(errors.InvalidParameterValue, match=text):
        desk.call("ChangeMessageVisibility", **change, visibility_timeout=43181)
    with pytest.raises(errors.InvalidParameterValue, match="Value 43201 for parameter VisibilityTimeout is invalid"):
        desk.call("ChangeMessageVisibility", **change, visibility_timeout=43201)


def test_the_visibility_of_a_deleted_message_cannot_change(desk: Desk) -> None:
    url = desk.queue()
    desk.send(url)
    message = desk.receive(url)[0]
    desk.delete(url, message)
    with pytest.raises(errors.InvalidParameterValue, match="Message does not exist or is not available"):
        desk.call("ChangeMessageVisibility", queue_url=url, receipt_handle=message.receipt_handle, visibility_timeout=1)


def test_the_number_of_messages_in_flight_is_limited(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "IN_FLIGHT_MAX", 3)
    monkeypatch.setattr(in_flight, "_bounds", type(in_flight._bounds)())
    standard, fifo = desk.queue("orders"), desk.queue("orders.fifo", ContentBasedDeduplication="true")
    for number in range(5):
        desk.send(standard, str(number))
        desk.send(fifo, str(number), message_group_id=str(number))
    assert len(desk.receive(standard)) == len(desk.receive(fifo)) == 3
    with pytest.raises(errors.OverLimit):
        desk.receive(standard)
    assert desk.receive(fifo) == []
    desk.pass_time(30)
    assert len(desk.receive(standard)) == len(desk.receive(fifo)) == 3


def test_messages_older_than_the_retention_period_are_gone(desk: Desk) -> None:
    url = desk.queue("orders", MessageRetentionPeriod="60")
    desk.send(url, "old")
    desk.pass_time(59)
    desk.send(url, "young")
    desk.pass_time(1)
    assert desk.count(url) == (1, 0, 0)
    assert desk.bodies(url) == ["young"]


def test_a_change_of_retention_applies_to_messages_already_there(desk: Desk) -> None:
    url = desk.queue()
    desk.send(url, "old")
    desk.pass_time(100)
    desk.call("SetQueueAttributes", queue_url=url, attributes={"MessageRetentionPeriod": "60"})
    assert desk.bodies(url) == []


def test_a_changed_visibility_timeout_leaves_messages_in_flight_alone(desk: Desk) -> None:
    url = desk.queue("orders", VisibilityTimeout="5")
    desk.send(url, "one")
    desk.receive(url)
    desk.call("SetQueueAttributes", queue_url=url, attributes={"VisibilityTimeout": "500"})
    desk.pass_time(5)
    assert desk.bodies(url) == ["one"]
