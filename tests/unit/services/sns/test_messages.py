"""Messages on their way out: what is signed, how an envelope is laid out, what filters see."""

from __future__ import annotations

import json

import pytest

from bascule.services.sns.content import Attribute
from bascule.services.sns.envelope import laid_out, subscribe_url, timestamp, unsubscribe_url
from bascule.services.sns.errors import InvalidParameter
from bascule.services.sns.filter_policy import ATTRIBUTES, BODY, attributes_event, check_policy, compile_policy
from bascule.services.sns.signing import text_to_sign


def test_what_is_signed_leaves_out_an_absent_subject() -> None:
    fields = {"Type": "Notification", "MessageId": "id", "TopicArn": "arn", "Message": "m", "Timestamp": "t"}
    assert text_to_sign(fields) == "Message\nm\nMessageId\nid\nTimestamp\nt\nTopicArn\narn\nType\nNotification\n"
    assert "Subject\ns\nTimestamp" in text_to_sign({**fields, "Subject": "s"})


def test_what_is_signed_of_a_confirmation_has_link_and_token() -> None:
    fields = {"Type": "SubscriptionConfirmation", "Message": "m", "MessageId": "id", "Token": "tok"}
    fields |= {"TopicArn": "arn", "SubscribeURL": "url", "Timestamp": "t"}
    assert text_to_sign(fields) == (
        "Message\nm\nMessageId\nid\nSubscribeURL\nurl\nTimestamp\nt\nToken\ntok\nTopicArn\narn\n"
        "Type\nSubscriptionConfirmation\n"
    )


def test_an_envelope_has_a_member_on_each_line() -> None:
    attributes = {"k": Attribute("String", 'v"'), "n": Attribute("Number", "1")}
    text = laid_out({"Type": "Notification", "Message": "a\nb"}, attributes)
    assert text.decode().split("\n") == [
        "{",
        '  "Type" : "Notification",',
        '  "Message" : "a\\nb",',
        '  "MessageAttributes" : {',
        '    "k" : {"Type":"String","Value":"v\\""},',
        '    "n" : {"Type":"Number","Value":"1"}',
        "  }",
        "}",
    ]
    assert json.loads(text)["MessageAttributes"]["k"]["Value"] == 'v"'


def test_moments_and_links_are_written_as_aws_writes_them() -> None:
    assert timestamp(1_704_067_200_007) == "2024-01-01T00:00:00.007Z"
    assert unsubscribe_url("http://h", "a:b") == "http://h/?Action=Unsubscribe&SubscriptionArn=a%3Ab"
    assert subscribe_url("http://h", "a:b", "t") == "http://h/?Action=ConfirmSubscription&TopicArn=a%3Ab&Token=t"


def test_filters_see_text_numbers_and_arrays_but_no_bytes() -> None:
    seen = attributes_event(
        {
            "text": Attribute("String", "1"),
            "number": Attribute("Number", "1.50"),
            "odd": Attribute("Number", "+07"),
            "list": Attribute("String.Array", '["a", 1, null]'),
            "custom": Attribute("String.json", "x"),
            "bytes": Attribute("Binary", "AA=="),
        }
    )
    assert seen is not None
    assert json.loads(seen) == {"text": "1", "number": 1.5, "odd": "+07", "list": ["a", 1, None], "custom": "x"}


@pytest.mark.parametrize("value", ["not JSON", "{}", '"text"', "["])
def test_an_array_that_is_none_passes_no_filter(value: str) -> None:
    assert attributes_event({"a": Attribute("String.Array", value)}) is None


@pytest.mark.parametrize("text", ["", "{}", " { } "])
def test_an_empty_policy_lets_everything_through(text: str) -> None:
    assert compile_policy(text, ATTRIBUTES) is None


def test_each_scope_has_its_dialect() -> None:
    check_policy('{"a": {"b": ["c"]}}', BODY, "FilterPolicy")
    with pytest.raises(InvalidParameter, match="nested"):
        check_policy('{"a": {"b": ["c"]}}', ATTRIBUTES, "FilterPolicy")
    with pytest.raises(InvalidParameter, match="Unsupported anything-but pattern: suffix"):
        check_policy('{"a": [{"anything-but": {"suffix": "x"}}]}', ATTRIBUTES, "FilterPolicy")
    with pytest.raises(InvalidParameter, match="larger than"):
        check_policy(json.dumps({"a": ["x" * 262_144]}), BODY, "FilterPolicy")
    with pytest.raises(InvalidParameter, match="failed to parse JSON"):
        check_policy('{"a": ["b"]} trailing', BODY, "FilterPolicy")
