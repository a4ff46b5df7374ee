"""Batch operations: bounds of the request, and entries that fail alone."""

from __future__ import annotations

from typing import Any

import pytest

from bascule.api import sqs as api
from bascule.services.sqs import errors
from tests.unit.services.sqs.desk import Desk

SHAPES = {
    "SendMessageBatch": api.SendMessageBatchRequestEntry,
    "DeleteMessageBatch": api.DeleteMessageBatchRequestEntry,
    "ChangeMessageVisibilityBatch": api.ChangeMessageVisibilityBatchRequestEntry,
}


def _entry(name: str, entry_id: str, **members: Any) -> Any:
    if name == "SendMessageBatch":
        members = {"message_body": "x"} | members
    else:
        members = {"receipt_handle": "h"} | members
    return SHAPES[name](id=entry_id, **members)


@pytest.mark.parametrize("name", SHAPES)
def test_a_batch_has_one_to_ten_entries_of_distinct_well_formed_ids(desk: Desk, name: str) -> None:
    url = desk.queue()
    cases: list[tuple[list[str], type[Exception], str]] = [
        ([], errors.EmptyBatchRequest, f"There should be at least one {name}RequestEntry in the request."),
        (
            [str(number) for number in range(20)],
            errors.TooManyEntriesInBatchRequest,
            "Maximum number of entries per request are 10. You have sent 20.",
        ),
        (["a", "a"], errors.BatchEntryIdsNotDistinct, "Id a repeated."),
        (["no space"], errors.InvalidBatchEntryId, "A batch entry id can only contain alphanumeric"),
        (["x" * 81], errors.InvalidBatchEntryId, "at most 80 letters long"),
        ([""], errors.InvalidBatchEntryId, "hyphens and underscores"),
    ]
    for ids, error, text in cases:
        with pytest.raises(error, match=text):
            desk.call(name, queue_url=url, entries=[_entry(name, one) for one in ids])


def test_entries_of_a_send_fail_alone(desk: Desk) -> None:
    url = desk.queue()
    bad = api.MessageAttributeValue(string_value="x", data_type="Nothing")
    entries = [
        _entry("SendMessageBatch", "good", message_body="fine"),
        _entry("SendMessageBatch", "empty", message_body=""),
        _entry("SendMessageBatch", "delay", delay_seconds=1000),
        _entry("SendMessageBatch", "attribute", message_attributes={"x": bad}),
        _entry("SendMessageBatch", "control", message_body="\x01"),
    ]
    result = desk.call("SendMessageBatch", queue_url=url, entries=entries)
    assert [one.id for one in result.successful] == ["good"]
    assert result.successful[0].md5_of_message_body == "ccc0c41fcb0f4ec3f8a84c0e50ad3b8f" or desk.bodies(url) == [
        "fine"
    ]
    assert {one.id: one.code for one in result.failed} == {
        "empty": "MissingParameter",
        "delay": "InvalidParameterValue",
        "attribute": "InvalidParameterValue",
        "control": "InvalidMessageContents",
    }
    assert all(one.sender_fault for one in result.failed)


def test_lists_without_entries_are_absent(desk: Desk) -> None:
    url = desk.queue()
    sent = desk.call("SendMessageBatch", queue_url=url, entries=[_entry("SendMessageBatch", "a")])
    assert sent.failed is None
    gone = desk.call("DeleteMessageBatch", queue_url=url, entries=[_entry("DeleteMessageBatch", "a")])
    assert gone.successful is None
    assert gone.failed[0].code == "ReceiptHandleIsInvalid"


def test_a_batch_is_bounded_as_a_whole(desk: Desk) -> None:
    url = desk.queue()
    entries = [_entry("SendMessageBatch", str(number), message_body="x" * 131072) for number in range(8)]
    assert len(desk.call("SendMessageBatch", queue_url=url, entries=entries).successful) == 8
    more = [*entries, _entry("SendMessageBatch", "last")]
    text = "Batch requests cannot be longer than 1048576 bytes. You have sent 1048577 bytes."
    with pytest.raises(errors.BatchRequestTooLong, match=text):
        desk.call("SendMessageBatch", queue_url=url, entries=more)


def test_entries_of_a_fifo_batch_are_in_order_and_need_a_group(desk: Desk) -> None:
    url = desk.queue("orders.fifo", ContentBasedDeduplication="true")
    entries = [
        _entry("SendMessageBatch", "a", message_body="1", message_group_id="g"),
        _entry("SendMessageBatch", "b", message_body="2"),
        _entry("SendMessageBatch", "c", message_body="3", message_group_id="g"),
        _entry("SendMessageBatch", "d", message_body="1", message_group_id="g"),
    ]
    result = desk.call("SendMessageBatch", queue_url=url, entries=entries)
    sent = {one.id: one for one in result.successful}
    assert sent["a"].message_id == sent["d"].message_id, "a duplicate within the batch"
    assert sent["a"].sequence_number < sent["c"].sequence_number
    assert result.failed[0].code == "InvalidParameterValue"
    assert result.failed[0].message == "The request must contain the parameter MessageGroupId."
    assert desk.bodies(url) == ["1", "3"]


def test_visibility_changes_fail_alone(desk: Desk) -> None:
    url = desk.queue()
    desk.send(url, "one")
    handle = desk.receive(url)[0].receipt_handle
    name = "ChangeMessageVisibilityBatch"
    entries = [
        _entry(name, "good", receipt_handle=handle, visibility_timeout=0),
        _entry(name, "again", receipt_handle=handle, visibility_timeout=0),
        _entry(name, "none", receipt_handle=handle),
        _entry(name, "bad", visibility_timeout=1),
    ]
    result = desk.call(name, queue_url=url, entries=entries)
    assert [one.id for one in result.successful] == ["good"]
    assert {one.id: one.code for one in result.failed} == {
        "again": "AWS.SimpleQueueService.MessageNotInflight",
        "none": "MissingParameter",
        "bad": "ReceiptHandleIsInvalid",
    }
    assert desk.bodies(url) == ["one"]


def test_a_batch_of_deletes_removes_what_it_can(desk: Desk) -> None:
    url = desk.queue()
    for number in range(3):
        desk.send(url, str(number))
    handles = [message.receipt_handle for message in desk.receive(url)]
    entries = [_entry("DeleteMessageBatch", str(n), receipt_handle=handle) for n, handle in enumerate(handles)]
    result = desk.call("DeleteMessageBatch", queue_url=url, entries=[*entries, _entry("DeleteMessageBatch", "bad")])
    assert len(result.successful) == 3
    assert len(result.failed) == 1
    assert desk.count(url) == (0, 0, 0)
