"""The Query protocol: forms in and XML out, for STS and for SQS as older SDKs speak it."""

from __future__ import annotations

import pytest

from bascule.api import sqs, sts
from bascule.kernel.errors import AwsError, NotImplementedHere
from bascule.protocol import HttpRequest
from tests.wire.wires import ID, WIRE, call, query_request, signed


def test_get_caller_identity_is_answered_in_xml() -> None:
    found = call(query_request("Action=GetCallerIdentity&Version=2011-06-15", service="sts"))
    assert found.parse() == sts.GetCallerIdentityRequest()
    output = sts.GetCallerIdentityResponse(user_id="u", account="000000000000", arn="arn:aws:iam::000000000000:root")
    answer = found.serialise(output, request_id=ID)
    assert answer.status == 200
    assert answer.headers == [("content-type", "text/xml"), ("x-amzn-requestid", ID)]
    assert answer.body == (
        b'<?xml version="1.0"?><GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
        b"<GetCallerIdentityResult><UserId>u</UserId><Account>000000000000</Account>"
        b"<Arn>arn:aws:iam::000000000000:root</Arn></GetCallerIdentityResult>"
        b"<ResponseMetadata><RequestId>" + ID.encode() + b"</RequestId></ResponseMetadata></GetCallerIdentityResponse>"
    )


def test_moments_are_iso_8601_in_xml() -> None:
    output = sts.GetSessionTokenResponse(
        credentials=sts.Credentials(
            access_key_id="a", secret_access_key="s", session_token="t", expiration=1768471650.0
        )
    )
    answer = call(query_request("Action=GetSessionToken")).serialise(output, request_id=ID)
    assert b"<Expiration>2026-01-15T10:07:30Z</Expiration>" in answer.body


def test_a_send_to_the_address_of_a_queue_is_read_with_its_attributes() -> None:
    form = (
        "Action=SendMessage&MessageBody=hello+w%C3%B6rld&DelaySeconds=3&MessageAttribute.1.Name=n"
        "&MessageAttribute.1.Value.DataType=Binary&MessageAttribute.1.Value.BinaryValue=AP8%3D"
        "&MessageSystemAttribute.1.Name=AWSTraceHeader&MessageSystemAttribute.1.Value.DataType=String"
        "&MessageSystemAttribute.1.Value.StringValue=Root"
    )
    found = call(query_request(form, path="/000000000000/orders"))
    assert (found.service, found.operation, found.protocol) == ("sqs", "SendMessage", "query")
    assert found.parse() == sqs.SendMessageRequest(
        queue_url="http://localhost:4566/000000000000/orders",
        message_body="hello wörld",
        delay_seconds=3,
        message_attributes={"n": sqs.MessageAttributeValue(data_type="Binary", binary_value=b"\x00\xff")},
        message_system_attributes={
            "AWSTraceHeader": sqs.MessageSystemAttributeValue(data_type="String", string_value="Root")
        },
    )


def test_batch_entries_come_in_the_order_of_their_numbers() -> None:
    form = "Action=DeleteMessageBatch&QueueUrl=u" + "".join(
        f"&DeleteMessageBatchRequestEntry.{n}.Id=i{n}&DeleteMessageBatchRequestEntry.{n}.ReceiptHandle=r"
        for n in (10, 2, 1)
    )
    assert [entry.id for entry in call(query_request(form, service="sqs")).parse().entries] == ["i1", "i2", "i10"]


@pytest.mark.parametrize(
    "form", ["Attribute.1.Name=DelaySeconds&Attribute.1.Value=5", "Attribute.Name=DelaySeconds&Attribute.Value=5"]
)
def test_attributes_may_be_given_with_or_without_a_number(form: str) -> None:
    request = query_request(f"Action=SetQueueAttributes&QueueUrl=u&{form}")
    assert call(request).parse().attributes == {"DelaySeconds": "5"}


@pytest.mark.parametrize("form", ["AttributeName.1=All", "AttributeName=All"])
def test_a_list_of_one_may_be_given_without_a_number(form: str) -> None:
    assert call(query_request(f"Action=GetQueueAttributes&QueueUrl=u&{form}")).parse().attribute_names == ["All"]


def test_an_action_may_stand_in_the_query_string() -> None:
    headers = {"host": "localhost:4566"}
    request = HttpRequest("GET", "/000000000000/q", "Action=ReceiveMessage&WaitTimeSeconds=2", headers, b"")
    assert call(request).parse() == sqs.ReceiveMessageRequest(
        queue_url="http://localhost:4566/000000000000/q", wait_time_seconds=2
    )


def test_a_received_message_is_written_flat() -> None:
    message = sqs.Message(
        message_id="m",
        receipt_handle="r",
        md5_of_body="d",
        body='<b> & "q"\r\n\x00',
        attributes={"SentTimestamp": "1"},
        message_attributes={"n": sqs.MessageAttributeValue(data_type="String", string_value="v")},
    )
    found = call(query_request("Action=ReceiveMessage&QueueUrl=u", service="sqs"))
    answer = found.serialise(sqs.ReceiveMessageResult(messages=[message, message]), request_id=ID)
    one = (
        "<Message><MessageId>m</MessageId><ReceiptHandle>r</ReceiptHandle><MD5OfBody>d</MD5OfBody>"
        "<Body>&lt;b&gt; &amp; &quot;q&quot;&#13;\n\ufffd</Body>"
        "<Attribute><Name>SentTimestamp</Name><Value>1</Value></Attribute>"
        "<MessageAttribute><Name>n</Name><Value><StringValue>v</StringValue><DataType>String</DataType></Value>"
        "</MessageAttribute></Message>"
    )
    assert answer.body.decode() == (
        '<?xml version="1.0"?><ReceiveMessageResponse xmlns="http://queue.amazonaws.com/doc/2012-11-05/">'
        f"<ReceiveMessageResult>{one}{one}</ReceiveMessageResult>"
        f"<ResponseMetadata><RequestId>{ID}</RequestId></ResponseMetadata></ReceiveMessageResponse>"
    )


def test_an_operation_without_output_has_only_metadata() -> None:
    answer = call(query_request("Action=PurgeQueue&QueueUrl=u")).serialise(sqs.Empty(), request_id=ID)
    assert answer.body.decode() == (
        '<?xml version="1.0"?><PurgeQueueResponse xmlns="http://queue.amazonaws.com/doc/2012-11-05/">'
        f"<ResponseMetadata><RequestId>{ID}</RequestId></ResponseMetadata></PurgeQueueResponse>"
    )


class QueueDoesNotExist(AwsError):
    """The specified queue does not exist."""

    code = "QueueDoesNotExist"


class PurgeQueueInProgress(AwsError):
    """Only one PurgeQueue operation on q is allowed every 60 seconds."""

    code = "PurgeQueueInProgress"


def test_sqs_errors_have_their_older_code_and_text() -> None:
    answer = call(query_request("Action=PurgeQueue&QueueUrl=u")).serialise_error(QueueDoesNotExist(), request_id=ID)
    assert answer.status == 400
    assert answer.body.decode() == (
        '<?xml version="1.0"?><ErrorResponse xmlns="http://queue.amazonaws.com/doc/2012-11-05/"><Error><Type>Sender</Type>'
        "<Code>AWS.SimpleQueueService.NonExistentQueue</Code>"
        "<Message>The specified queue does not exist for this wsdl version.</Message><Detail/></Error>"
        f"<RequestId>{ID}</RequestId></ErrorResponse>"
    )


def test_the_status_of_an_older_code_is_kept() -> None:
    answer = call(query_request("Action=PurgeQueue&QueueUrl=u")).serialise_error(PurgeQueueInProgress(), request_id=ID)
    assert answer.status == 403


def test_a_missing_parameter_has_its_older_code() -> None:
    found = call(query_request("Action=SendMessage&QueueUrl=u", service="sqs"))
    with pytest.raises(AwsError) as caught:
        found.parse()
    answer = found.serialise_error(caught.value, request_id=ID)
    assert (
        b"<Code>MissingParameter</Code><Message>The request must contain the parameter MessageBody.</Message>"
        in answer.body
    )


def test_constraint_failures_of_sts_are_validation_errors() -> None:
    found = call(query_request("Action=AssumeRole&RoleSessionName=x", service="sts"))
    with pytest.raises(AwsError) as caught:
        found.parse()
    answer = found.serialise_error(caught.value, request_id=ID)
    assert answer.status == 400
    assert answer.body.decode() == (
        '<?xml version="1.0"?><ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>'
        "<Code>ValidationError</Code><Message>2 validation errors detected: Value null at 'roleArn' failed to satisfy "
        "constraint: Member must not be null; Value 'x' at 'roleSessionName' failed to satisfy constraint: Member must have "
        f"length greater than or equal to 2</Message></Error><RequestId>{ID}</RequestId></ErrorResponse>"
    )


@pytest.mark.parametrize(
    "request_",
    [
        query_request("Action=MakeCoffee", service="sqs"),
        query_request("Action=MakeCoffee", service="sts"),
        query_request("Action=MakeCoffee", path="/000000000000/q"),
        query_request("Action=MakeCoffee"),
    ],
)
def test_an_unknown_action_is_refused_in_xml(request_: HttpRequest) -> None:
    with pytest.raises(AwsError) as caught:
        WIRE.identify(request_)
    answer = WIRE.refuse(request_, caught.value, request_id=ID)
    assert answer.status == 400
    assert (
        b"<Code>InvalidAction</Code><Message>The action MakeCoffee is not valid for this web service.</Message>"
    ) in answer.body


def test_a_request_of_a_query_service_without_action_is_refused_in_xml() -> None:
    request = HttpRequest("POST", "/", "", signed("sts"), b"")
    with pytest.raises(AwsError) as caught:
        WIRE.identify(request)
    assert b"<Code>MissingAction</Code>" in WIRE.refuse(request, caught.value, request_id=ID).body


def test_a_number_that_is_none_is_malformed_input() -> None:
    found = call(query_request("Action=ReceiveMessage&QueueUrl=u&WaitTimeSeconds=soon", service="sqs"))
    with pytest.raises(AwsError) as caught:
        found.parse()
    assert b"<Code>MalformedInput</Code><Message>STRING_VALUE can not be converted to an Integer</Message>" in (
        found.serialise_error(caught.value, request_id=ID).body
    )


def test_an_unimplemented_operation_is_a_501_of_the_receiver() -> None:
    answer = call(query_request("Action=AssumeRoot")).serialise_error(NotImplementedHere("Not here."), request_id=ID)
    assert answer.status == 501
    assert b"<Type>Receiver</Type><Code>NotImplemented</Code><Message>Not here.</Message>" in answer.body
