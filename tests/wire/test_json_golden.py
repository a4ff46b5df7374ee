"""AWS JSON: exact bytes of inputs, outputs and errors, for EventBridge (1.1), SQS (1.0) and CloudWatch Logs."""

from __future__ import annotations

from typing import Any

import pytest

from bascule.api import events, logs, sqs
from bascule.kernel.errors import AwsError, InternalFailure, NotImplementedHere
from bascule.protocol import HttpRequest
from tests.wire.wires import ID, WIRE, call, json_request


def refusal(target: str, body: Any) -> tuple[int, bytes]:
    found = call(json_request(target, body))
    with pytest.raises(AwsError) as caught:
        found.parse()
    answer = found.serialise_error(caught.value, request_id=ID)
    return answer.status, answer.body


def test_put_events_becomes_the_typed_input() -> None:
    body = b'{"Entries":[{"Source":"shop","DetailType":"Order","Detail":"{\\"id\\":1}","Time":1768471650.5,"Resources":["a"]}]}'
    assert call(json_request("AWSEvents.PutEvents", body)).parse() == events.PutEventsRequest(
        entries=[
            events.PutEventsRequestEntry(
                source="shop", detail_type="Order", detail='{"id":1}', time=1768471650.5, resources=["a"]
            )
        ]
    )


def test_an_output_is_written_without_its_absent_members() -> None:
    output = events.PutEventsResponse(
        failed_entry_count=1,
        entries=[
            events.PutEventsResultEntry(event_id="e-1"),
            events.PutEventsResultEntry(error_code="MalformedDetail", error_message="Detail is malformed."),
        ],
    )
    answer = call(json_request("AWSEvents.PutEvents", {})).serialise(output, request_id=ID)
    assert answer.status == 200
    assert answer.headers == [("content-type", "application/x-amz-json-1.1"), ("x-amzn-requestid", ID)]
    assert answer.body == (
        b'{"FailedEntryCount":1,"Entries":[{"EventId":"e-1"},'
        b'{"ErrorCode":"MalformedDetail","ErrorMessage":"Detail is malformed."}]}'
    )


def test_sqs_answers_json_1_0_and_blobs_in_base64() -> None:
    value = sqs.MessageAttributeValue(data_type="Binary", binary_value=b"\x00\xff")
    message = sqs.Message(message_id="m", body="hé", message_attributes={"a": value})
    answer = call(json_request("AmazonSQS.ReceiveMessage", {})).serialise(
        sqs.ReceiveMessageResult(messages=[message]), request_id=ID
    )
    assert answer.headers[0] == ("content-type", "application/x-amz-json-1.0")
    assert answer.body == (
        '{"Messages":[{"MessageId":"m","Body":"hé","MessageAttributes":'
        '{"a":{"BinaryValue":"AP8=","DataType":"Binary"}}}]}'.encode()
    )


def test_an_empty_output_shape_is_an_empty_object_and_no_output_shape_is_no_body() -> None:
    assert call(json_request("AmazonSQS.ReceiveMessage", {})).serialise(None, request_id=ID).body == b"{}"
    deleted = call(json_request("AWSEvents.DeleteRule", {})).serialise(events.Empty(), request_id=ID)
    assert (deleted.status, deleted.body) == (200, b"")


def test_outputs_may_be_plain_dicts_of_wire_names() -> None:
    answer = call(json_request("AWSEvents.PutRule", {})).serialise({"RuleArn": "arn"}, request_id=ID)
    assert answer.body == b'{"RuleArn":"arn"}'


def test_an_operation_without_typed_shapes_parses_to_a_dict() -> None:
    found = call(json_request("Logs_20140328.StartQuery", {"queryString": "q", "startTime": 1, "endTime": 2}))
    assert found.parse() == {"queryString": "q", "startTime": 1, "endTime": 2}


def test_unknown_members_are_ignored_and_null_members_are_absent() -> None:
    parsed = call(json_request("AWSEvents.ListRules", {"NamePrefix": None, "Limit": 5, "New": [{}]})).parse()
    assert parsed == events.ListRulesRequest(limit=5)


def test_no_body_is_an_empty_object() -> None:
    assert call(json_request("AWSEvents.ListEventBuses", b"")).parse() == events.ListEventBusesRequest()


def test_a_fraction_given_for_an_integer_is_cut_off() -> None:
    assert call(json_request("AWSEvents.ListRules", {"Limit": 5.9})).parse() == events.ListRulesRequest(limit=5)


def test_the_last_of_two_equal_keys_counts() -> None:
    assert call(json_request("AWSEvents.DescribeRule", b'{"Name":"a","Name":"b"}')).parse().name == "b"


@pytest.mark.parametrize(
    ("target", "body", "message"),
    [
        ("AWSEvents.PutRule", {"Name": 1}, "NUMBER_VALUE can not be converted to a String"),
        ("AWSEvents.PutRule", {"Name": True}, "TRUE_VALUE can not be converted to a String"),
        ("AWSEvents.PutRule", {"Name": False}, "FALSE_VALUE can not be converted to a String"),
        ("AWSEvents.PutRule", {"Name": []}, "Start of list found where not expected"),
        ("AWSEvents.PutRule", {"Name": {}}, "Start of structure or map found where not expected."),
        ("AWSEvents.ListRules", {"Limit": "1"}, "STRING_VALUE can not be converted to an Integer"),
        ("AWSEvents.ListRules", {"Limit": 2**31}, "NUMBER_VALUE can not be converted to an Integer"),
        ("AWSEvents.DeleteRule", {"Name": "a", "Force": "yes"}, "STRING_VALUE can not be converted to a Boolean"),
        ("AWSEvents.PutEvents", {"Entries": "x"}, "Expected list or null"),
        ("AWSEvents.PutEvents", {"Entries": {}}, "Start of structure or map found where not expected."),
        (
            "AWSEvents.PutEvents",
            {"Entries": [{"Time": "today"}]},
            "STRING_VALUE can not be converted to milliseconds since epoch",
        ),
        ("AWSEvents.PutEvents", b"{", "Unexpected character or end of input in the request body"),
        ("AWSEvents.PutEvents", b"[]", "Start of list found where not expected"),
        ("AWSEvents.PutEvents", b'{"Entries":["\xff"]}', "Unexpected character or end of input in the request body"),
    ],
)
def test_a_value_of_the_wrong_type_is_a_serialization_exception(target: str, body: Any, message: str) -> None:
    expected = f'{{"__type":"SerializationException","Message":"{message}"}}'.encode()
    assert refusal(target, body) == (400, expected)


def test_constraint_failures_are_reported_together() -> None:
    status, body = refusal("AWSEvents.PutRule", {"Name": "a b", "State": "ON", "Description": "x" * 513})
    assert status == 400
    assert body == (
        b'{"__type":"ValidationException","message":"3 validation errors detected: '
        b"Value 'a b' at 'name' failed to satisfy constraint: "
        rb"Member must satisfy regular expression pattern: [\\.\\-_A-Za-z0-9]+; "
        b"Value 'ON' at 'state' failed to satisfy constraint: Member must satisfy enum value set: "
        b"[ENABLED, DISABLED, ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS]; "
        b"Value '" + b"x" * 513 + b"' at 'description' failed to satisfy constraint: "
        b'Member must have length less than or equal to 512"}'
    )


def test_logs_report_constraints_as_invalid_parameters() -> None:
    assert refusal("Logs_20140328.FilterLogEvents", {"limit": 10001}) == (
        400,
        b'{"__type":"InvalidParameterException","message":"1 validation error detected: Value \'10001\' at \'limit\' '
        b'failed to satisfy constraint: Member must have value less than or equal to 10000"}',
    )


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"MessageBody": "x"}, "QueueUrl"),
        ({"QueueUrl": "u"}, "MessageBody"),
        ({"QueueUrl": "u", "MessageBody": ""}, "MessageBody"),
    ],
)
def test_sqs_names_a_missing_parameter(body: dict[str, str], name: str) -> None:
    found = call(json_request("AmazonSQS.SendMessage", body))
    with pytest.raises(AwsError) as caught:
        found.parse()
    answer = found.serialise_error(caught.value, request_id=ID)
    assert answer.status == 400
    assert ("x-amzn-query-error", "MissingParameter;Sender") in answer.headers
    assert answer.body == (
        b'{"__type":"com.amazonaws.sqs#MissingRequiredParameterException",'
        b'"message":"The request must contain the parameter ' + name.encode() + b'."}'
    )


def test_sqs_names_a_missing_member_of_a_batch_entry_by_its_query_name() -> None:
    body = {"QueueUrl": "u", "Entries": [{"Id": "a", "MessageBody": "b"}, {"Id": "b"}]}
    with pytest.raises(AwsError, match=r"the parameter SendMessageBatchRequestEntry\.2\.MessageBody\."):
        call(json_request("AmazonSQS.SendMessageBatch", body)).parse()


def test_sqs_overlooks_null_elements() -> None:
    parsed = call(json_request("AmazonSQS.ReceiveMessage", {"QueueUrl": "u", "AttributeNames": [None, "All"]})).parse()
    assert parsed.attribute_names == ["All"]


def test_other_services_name_the_place_of_a_null_element() -> None:
    with pytest.raises(
        AwsError, match=r"Value null at 'entries\.2\.member' failed to satisfy constraint: Member must not"
    ):
        call(json_request("AWSEvents.PutEvents", {"Entries": [{}, None]})).parse()


def test_a_batch_without_entries_reaches_the_service_which_has_words_for_it() -> None:
    assert call(json_request("AmazonSQS.SendMessageBatch", {"QueueUrl": "u"})).parse().entries == []


class QueueDoesNotExist(AwsError):
    """The specified queue does not exist."""

    code = "QueueDoesNotExist"


class NonExistentQueue(QueueDoesNotExist):
    """The specified queue does not exist."""

    code = "AWS.SimpleQueueService.NonExistentQueue"


@pytest.mark.parametrize("error", [QueueDoesNotExist(), NonExistentQueue()])
def test_sqs_errors_carry_both_names_whichever_the_service_used(error: AwsError) -> None:
    answer = call(json_request("AmazonSQS.SendMessage", {})).serialise_error(error, request_id=ID)
    assert answer.status == 400
    assert answer.headers == [
        ("content-type", "application/x-amz-json-1.0"),
        ("x-amzn-requestid", ID),
        ("x-amzn-query-error", "AWS.SimpleQueueService.NonExistentQueue;Sender"),
    ]
    assert answer.body == (
        b'{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"The specified queue does not exist."}'
    )


def test_framework_errors_have_the_prefix_of_the_framework_where_the_service_uses_prefixes() -> None:
    assert refusal("AmazonSQS.SendMessage", {"QueueUrl": {}})[1] == (
        b'{"__type":"com.amazon.coral.service#SerializationException",'
        b'"Message":"Start of structure or map found where not expected."}'
    )


def test_an_unimplemented_operation_is_a_501_of_the_protocol() -> None:
    error = NotImplementedHere("Bascule does not implement events CreateEndpoint yet.")
    answer = call(json_request("AWSEvents.CreateEndpoint", {})).serialise_error(error, request_id=ID)
    assert (answer.status, answer.body) == (
        501,
        b'{"__type":"NotImplemented","message":"Bascule does not implement events CreateEndpoint yet."}',
    )


def test_our_own_failure_is_a_500_and_the_fault_of_the_receiver() -> None:
    answer = call(json_request("AmazonSQS.SendMessage", {})).serialise_error(InternalFailure(), request_id=ID)
    assert answer.status == 500
    assert ("x-amzn-query-error", "InternalFailure;Receiver") in answer.headers


def test_an_unknown_operation_is_refused_in_json() -> None:
    request = json_request("AWSEvents.MakeCoffee", {})
    with pytest.raises(AwsError) as caught:
        WIRE.identify(request)
    answer = WIRE.refuse(request, caught.value, request_id=ID)
    assert (answer.status, answer.body) == (
        400,
        b'{"__type":"UnknownOperationException","message":"The operation MakeCoffee is not known to events."}',
    )


def test_further_members_of_an_error_stand_beside_its_message() -> None:
    error = AwsError("no", Reason="why", Nothing=None)
    answer = call(json_request("AWSEvents.PutRule", {})).serialise_error(error, request_id=ID)
    assert answer.body == b'{"__type":"InternalFailure","message":"no","Reason":"why"}'


def test_logs_members_are_written_in_lower_camel_case() -> None:
    output = logs.GetLogEventsResponse(events=[logs.OutputLogEvent(timestamp=1, message="m")], next_forward_token="f/1")
    request = HttpRequest("POST", "/", "", {"x-amz-target": "Logs_20140328.GetLogEvents"}, b"")
    assert call(request).serialise(output, request_id=ID).body == (
        b'{"events":[{"timestamp":1,"message":"m"}],"nextForwardToken":"f/1"}'
    )
