"""FIFO queues: order, groups, deduplication, receive attempts."""

from __future__ import annotations

from typing import Any

import pytest

from bascule.api import sqs as api
from bascule.services.sqs import errors
from tests.unit.services.sqs.desk import Desk


@pytest.fixture
def url(desk: Desk) -> str:
    return desk.queue("orders.fifo", ContentBasedDeduplication="true")


def _send(desk: Desk, url: str, body: str, group: str = "g", **members: Any) -> Any:
    return desk.send(url, body, message_group_id=group, **members)


def test_a_group_is_given_in_order_and_blocked_while_in_flight(desk: Desk, url: str) -> None:
    for body in ("a1", "a2", "a3"):
        _send(desk, url, body, "a")
    first = desk.receive(url, 2)
    assert [message.body for message in first] == ["a1", "a2"]
    assert desk.bodies(url) == [], "behind messages of its group in flight"
    desk.delete(url, first[0])
    assert desk.bodies(url) == []
    desk.delete(url, first[1])
    assert desk.bodies(url) == ["a3"]


def test_one_receive_gives_as_many_of_a_group_as_it_can_and_leaves_other_groups_to_other_consumers(
    desk: Desk, url: str
) -> None:
    for number in range(3):
        for group in "ab":
            _send(desk, url, f"{group}{number}", group)
    assert [message.body for message in desk.receive(url, 3)] == ["a0", "a1", "a2"]
    assert [message.body for message in desk.receive(url, 10)] == ["b0", "b1", "b2"]


def test_one_receive_may_give_several_messages_of_a_group_in_order(desk: Desk, url: str) -> None:
    for number in range(5):
        _send(desk, url, str(number))
    assert desk.bodies(url) == ["0", "1", "2", "3", "4"]


def test_other_groups_go_on_while_one_is_blocked(desk: Desk, url: str) -> None:
    _send(desk, url, "a1", "a")
    held = desk.receive(url)[0]
    _send(desk, url, "a2", "a")
    _send(desk, url, "b1", "b")
    assert desk.bodies(url) == ["b1"]
    desk.delete(url, held)
    assert desk.bodies(url) == ["a2"]


def test_a_message_that_comes_back_comes_before_the_later_ones(desk: Desk, url: str) -> None:
    _send(desk, url, "1")
    _send(desk, url, "2")
    first = desk.receive(url, 1)[0]
    assert first.body == "1"
    desk.call("ChangeMessageVisibility", queue_url=url, receipt_handle=first.receipt_handle, visibility_timeout=0)
    assert desk.bodies(url) == ["1", "2"]


def test_a_long_poll_sees_a_blocked_group_as_soon_as_it_is_free(desk: Desk, url: str) -> None:
    _send(desk, url, "1")
    _send(desk, url, "2")
    assert desk.bodies(url, 1, visibility_timeout=7) == ["1"]
    start_ms = desk.clock.now_ms()
    assert desk.bodies(url, 1, wait_time_seconds=20) == ["1"]
    assert desk.clock.now_ms() == start_ms + 7_000


def test_a_duplicate_is_answered_like_the_first_and_enqueues_nothing(desk: Desk, url: str) -> None:
    first = _send(desk, url, "same")
    desk.delete(url, desk.receive(url)[0])
    desk.pass_time(299)
    again = _send(desk, url, "same")
    assert (again.message_id, again.sequence_number) == (first.message_id, first.sequence_number)
    assert desk.receive(url) == [], "still swallowed after the original was deleted"
    desk.pass_time(1)
    assert _send(desk, url, "same").message_id != first.message_id
    assert desk.bodies(url) == ["same"]


def test_an_explicit_deduplication_id_goes_before_the_content(desk: Desk, url: str) -> None:
    _send(desk, url, "same", message_deduplication_id="one")
    _send(desk, url, "same", message_deduplication_id="two")
    _send(desk, url, "other", message_deduplication_id="one")
    found = desk.receive(url, attribute_names=["MessageDeduplicationId", "MessageGroupId"])
    assert [message.attributes["MessageDeduplicationId"] for message in found] == ["one", "two"]
    assert found[0].attributes["MessageGroupId"] == "g"


def test_attributes_are_no_part_of_the_content(desk: Desk, url: str) -> None:
    value = api.MessageAttributeValue(string_value="v", data_type="String")
    _send(desk, url, "same")
    _send(desk, url, "same", message_attributes={"x": value})
    assert len(desk.receive(url)) == 1


def test_deduplication_reaches_over_groups_unless_its_scope_is_the_group(desk: Desk, url: str) -> None:
    _send(desk, url, "same", "a")
    _send(desk, url, "same", "b")
    assert len(desk.receive(url)) == 1
    scoped = desk.queue("scoped.fifo", ContentBasedDeduplication="true", DeduplicationScope="messageGroup")
    for group in ("a", "b", "a"):
        _send(desk, scoped, "same", group)
    assert len(desk.receive(scoped)) == 2


def test_deduplication_outlives_a_purge(desk: Desk, url: str) -> None:
    _send(desk, url, "same")
    desk.call("PurgeQueue", queue_url=url)
    _send(desk, url, "same")
    assert desk.receive(url) == []


def test_sequence_numbers_have_twenty_digits_and_grow(desk: Desk, url: str) -> None:
    numbers = [_send(desk, url, str(number)).sequence_number for number in range(3)]
    assert numbers == sorted(numbers)
    assert all(len(number) == 20 for number in numbers)
    found = [message.attributes["SequenceNumber"] for message in desk.receive(url, attribute_names=["All"])]
    assert found == numbers


def test_what_a_fifo_queue_needs_and_refuses(desk: Desk, url: str) -> None:
    with pytest.raises(errors.MissingParameter, match="must contain the parameter MessageGroupId"):
        desk.send(url, "x")
    with pytest.raises(errors.InvalidParameterValue, match="Value 2 for parameter DelaySeconds is invalid"):
        _send(desk, url, "x", delay_seconds=2)
    with pytest.raises(errors.InvalidParameterValue, match="parameter MessageDeduplicationId is invalid"):
        _send(desk, url, "x", message_deduplication_id="no blanks")
    explicit = desk.queue("explicit.fifo")
    with pytest.raises(errors.InvalidParameterValue, match="either have ContentBasedDeduplication enabled or"):
        _send(desk, explicit, "x")
    with pytest.raises(errors.InvalidParameterValue, match="parameter ReceiveRequestAttemptId is invalid"):
        desk.receive(url, receive_request_attempt_id="no blanks")


def test_the_queues_delay_applies_to_each_message(desk: Desk) -> None:
    url = desk.queue("slow.fifo", ContentBasedDeduplication="true", DelaySeconds="5")
    _send(desk, url, "x")
    assert desk.bodies(url) == []
    desk.pass_time(5)
    assert desk.bodies(url) == ["x"]


def test_an_expired_handle_neither_deletes_nor_changes_visibility(desk: Desk, url: str) -> None:
    _send(desk, url, "x")
    message = desk.receive(url)[0]
    desk.pass_time(30)
    text = "for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired"
    for name, members in (("DeleteMessage", {}), ("ChangeMessageVisibility", {"visibility_timeout": 1})):
        with pytest.raises(errors.InvalidParameterValue) as caught:
            desk.call(name, queue_url=url, receipt_handle=message.receipt_handle, **members)
        assert text in caught.value.message
    desk.delete(url, desk.receive(url)[0])
    desk.delete(url, message)
    assert desk.count(url) == (0, 0, 0)


def test_a_repeated_receive_attempt_is_given_the_same_messages(desk: Desk, url: str) -> None:
    for number in range(3):
        _send(desk, url, str(number), f"g{number}")
    first = desk.receive(url, 2, receive_request_attempt_id="try-1")
    desk.pass_time(20)
    again = desk.receive(url, 2, receive_request_attempt_id="try-1", attribute_names=["ApproximateReceiveCount"])
    assert [message.body for message in again] == [message.body for message in first]
    assert again[0].attributes["ApproximateReceiveCount"] == "1"
    desk.pass_time(20)
    assert desk.bodies(url) == ["2"], "the repetition made them invisible anew"
    for message in first:
        desk.delete(url, message)


def test_a_receive_attempt_is_forgotten_once_one_of_its_messages_changed(desk: Desk, url: str) -> None:
    for number in range(3):
        _send(desk, url, str(number), f"g{number}")
    first = desk.receive(url, 2, receive_request_attempt_id="try-1")
    desk.delete(url, first[0])
    assert desk.bodies(url, 2, receive_request_attempt_id="try-1") == ["2"]
    desk.pass_time(300)
    assert set(desk.bodies(url, receive_request_attempt_id="try-1")) == {"1", "2"}


def test_a_receive_attempt_does_not_reach_over_a_purge(desk: Desk, url: str) -> None:
    _send(desk, url, "before")
    desk.receive(url, receive_request_attempt_id="try-1")
    desk.call("PurgeQueue", queue_url=url)
    _send(desk, url, "after")
    assert desk.bodies(url, receive_request_attempt_id="try-1") == ["after"]
