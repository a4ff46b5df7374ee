"""What messages of dead-letter queues say about themselves."""

from __future__ import annotations

import json

import pytest

from bascule.edge.letters import event_id_of, letter_of, notification_in, record_in
from bascule.kernel.queues import StoredMessage
from bascule.services.sqs.model import Headers, pack_headers

EVENT = json.dumps({"id": "e-1", "source": "shop", "detail-type": "Order", "detail": {}})
NOTIFICATION = json.dumps(
    {
        "Type": "Notification",
        "MessageId": "m-1",
        "TopicArn": "arn:aws:sns:us-east-1:000000000000:news",
        "Message": EVENT,
        "UnsubscribeURL": "http://127.0.0.1:4566/?Action=Unsubscribe&SubscriptionArn=arn%3Aaws%3Asns%3Aus-east-1%3A000000000000%3Anews%3Au-1",
        "MessageAttributes": {"colour": {"Type": "String", "Value": "red"}},
    }
)
RECORD = json.dumps(
    {
        "version": "1.0",
        "requestContext": {
            "functionArn": "arn:f:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 3,
        },
        "requestPayload": json.loads(EVENT),
    }
)


def _message(headers: Headers, body: str = "{}") -> StoredMessage:
    return StoredMessage(1, "m", body.encode(), pack_headers(headers), None, 0, 0, 0, None, None)


@pytest.mark.parametrize("body", [EVENT, NOTIFICATION, RECORD])
def test_the_event_inside_is_found(body: str) -> None:
    assert event_id_of(body.encode()) == "e-1"


@pytest.mark.parametrize("body", [b"", b"plain", b"[]", b"{}", b'{"id": 5}', b"\xff\xfe", b'{"id": "x"}'])
def test_a_body_without_an_event_has_none(body: bytes) -> None:
    assert event_id_of(body) == ""
    assert record_in(body) is None
    assert notification_in(body) is None


def test_a_notification_names_its_subscription() -> None:
    found = notification_in(NOTIFICATION.encode())
    assert found is not None
    assert found.subscription_arn == "arn:aws:sns:us-east-1:000000000000:news:u-1"
    assert found.message_attributes["colour"].value == "red"


def test_senders_are_told_by_attributes_that_come_with_a_target() -> None:
    rule = {"RULE_ARN": ("String", b"r"), "TARGET_ARN": ("String", b"t"), "raw": ("Binary", b"\x00")}
    assert letter_of(_message(Headers(rule))).sender == "RULE_ARN"
    assert "raw" not in letter_of(_message(Headers(rule))).attributes
    assert letter_of(_message(Headers({"RULE_ARN": ("String", b"r")}))).sender is None


def test_dead_letters_of_functions_carry_an_id_and_a_code() -> None:
    attributes = {"RequestID": ("String", b"r"), "ErrorCode": ("Number", b"200")}
    assert letter_of(_message(Headers(attributes))).is_of_function
    assert not letter_of(_message(Headers())).is_of_function
