"""Whatever bytes come in, nothing but ``AwsError`` leaves the layer, and every refusal can be answered."""

from __future__ import annotations

import string
from contextlib import suppress

import cbor2
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.kernel.errors import AwsError
from bascule.protocol import HttpRequest, rpc_cbor
from bascule.protocol.errors import SerializationException
from tests.wire.wires import EVERY_TIME, ID, WIRE, json_request, query_request, rest_request, signed

TARGETS = ["AWSEvents.PutEvents", "AWSEvents.PutTargets", "AmazonSQS.SendMessageBatch", "Logs_20140328.PutLogEvents"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["Entries", "Targets", "Rule", "Id", "Arn", "Detail", "Time", "Name", "QueueUrl", "logEvents"]
            )
            | st.text(max_size=5),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)
TOKEN = st.text(alphabet=string.printable, max_size=30)


def answered(request: HttpRequest) -> None:
    """Run a request through the layer; every refusal must be serialisable."""
    answer = None
    try:
        found = WIRE.identify(request)
    except AwsError as error:
        answer = WIRE.refuse(request, error, request_id=ID)
    else:
        try:
            found.parse()
        except AwsError as error:
            answer = found.serialise_error(error, request_id=ID)
    assert answer is None or answer.status >= 400


@EVERY_TIME
@given(target=st.sampled_from(TARGETS), body=st.binary(max_size=200))
def test_any_bytes_as_a_json_body(target: str, body: bytes) -> None:
    answered(json_request(target, body))


@EVERY_TIME
@given(target=st.sampled_from(TARGETS), value=JSON)
def test_any_json_as_a_json_body(target: str, value: object) -> None:
    answered(json_request(target, msgspec.json.encode(value)))


@EVERY_TIME
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "BREW"]),
    path=st.lists(st.sampled_from(["2015-03-31", "functions", "f", "invocations", "%", "%ff", "", "..", "é"])).map(
        "/".join
    ),
    query=TOKEN | st.sampled_from(["MaxItems=x", "Qualifier=%ff", "find=LayerVersion&Arn=", "List=ALL"]),
    body=st.binary(max_size=60),
)
def test_any_rest_request(method: str, path: str, query: str, body: bytes) -> None:
    answered(rest_request(method, f"/{path}", body, query))


FIELD = st.lists(
    st.sampled_from(
        ["Entry", "Attribute", "SendMessageBatchRequestEntry", "1", "2", "01", "Name", "Value", "Id", "", "²"]
    ),
    max_size=6,
).map(".".join)


@EVERY_TIME
@given(
    action=st.sampled_from(["SendMessageBatch", "SetQueueAttributes", "ReceiveMessage", "AssumeRole", "Nope"]),
    fields=st.lists(st.tuples(FIELD, TOKEN), max_size=8),
    path=st.sampled_from(["/", "/000000000000/q", "//", "/a/b/c"]),
)
def test_any_form(action: str, fields: list[tuple[str, str]], path: str) -> None:
    form = "&".join([f"Action={action}", *(f"{name}={value}" for name, value in fields)])
    answered(query_request(form, path=path))


@EVERY_TIME
@given(
    headers=st.dictionaries(
        st.sampled_from(["authorization", "x-amz-target", "content-type", "smithy-protocol", "host"]),
        TOKEN
        | st.sampled_from(
            ["AWSEvents.", ".PutEvents", "rpc-v2-cbor", "Credential=////", "Credential=a/b/c/../aws4_request"]
        )
        | st.sampled_from(["application/x-www-form-urlencoded"]),
    ),
    path=st.sampled_from(
        ["/", "/service/x/operation/y", "/service/GraniteServiceVersion20100801/operation/PutMetricData"]
    ),
    query=TOKEN | st.sampled_from(["X-Amz-Credential=a%2Fb%2Fc%2Fsqs%2Faws4_request", "Action="]),
)
def test_any_headers(headers: dict[str, str], path: str, query: str) -> None:
    answered(HttpRequest("POST", path, query, headers, b""))


@pytest.mark.parametrize(
    "service", ["sqs", "lambda", "s3", "ec2", "iam", "cloudwatch", "dynamodb", "../../etc", "nothing"]
)
def test_a_bare_request_signed_for_any_service_is_answered(service: str) -> None:
    answered(HttpRequest("GET", "/bucket/key", "", signed(service), b""))


CBOR = JSON | st.dictionaries(st.text(max_size=3), st.binary(max_size=5))


@EVERY_TIME
@given(body=st.binary(max_size=80) | CBOR.map(cbor2.dumps))
def test_any_bytes_as_cbor(body: bytes) -> None:
    with suppress(SerializationException):
        rpc_cbor.decode(body)


def test_cbor_that_shares_its_parts_is_not_unfolded() -> None:
    shared: list[object] = []
    for _ in range(60):
        shared = [shared, shared]
    with pytest.raises(AwsError):
        rpc_cbor.decode(cbor2.dumps(shared, value_sharing=True))


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"Entries":' * 50_000, b'{"x":' * 5_000 + b"1" + b"}" * 5_000])
def test_deep_nesting_is_refused_or_ignored(body: bytes) -> None:
    answered(json_request("AWSEvents.PutEvents", body))


def test_a_recursive_shape_nested_too_deeply_is_refused() -> None:
    value: object = {"S": "x"}
    for _ in range(400):
        value = {"L": [value]}
    request = json_request("DynamoDB_20120810.PutItem", {"TableName": "abc", "Item": {"k": value}})
    signed_request = HttpRequest("POST", "/", "", request.headers | signed("dynamodb"), request.body)
    with pytest.raises(AwsError):
        WIRE.identify(signed_request).parse()


@pytest.mark.parametrize("number", [b"1" * 5_000, b"1e400", b"-1e400", b"1" + b"0" * 400])
def test_numbers_beyond_any_type_are_refused(number: bytes) -> None:
    for target, body in [
        ("AWSEvents.ListRules", b'{"Limit":' + number + b"}"),
        ("AWSEvents.PutEvents", b'{"Entries":[{"Time":' + number + b"}]}"),
    ]:
        found = WIRE.identify(json_request(target, body))
        with pytest.raises(AwsError, match=r"can not be converted|Unexpected character"):
            found.parse()


@pytest.mark.parametrize("moment", [-62_135_596_800.0, 253_402_300_799.0, 0, -1e11, 1e12])
def test_a_moment_that_no_calendar_has_is_refused_and_any_other_can_be_printed(moment: float) -> None:
    answered(json_request("AWSEvents.PutEvents", {"Entries": [{"Time": moment}] * 11}))


def test_a_form_with_too_many_fields_or_too_many_dots_is_refused() -> None:
    for form in ["&".join(f"a{n}=1" for n in range(10_001)), f"{'.'.join('a' * 100)}=1"]:
        with pytest.raises(AwsError, match=r"form"):
            WIRE.identify(query_request(f"Action=SendMessage&{form}", service="sqs")).parse()


def test_a_refusal_is_not_much_larger_than_what_it_refuses() -> None:
    request = json_request("AWSEvents.PutEvents", {"Entries": [{"Detail": "x" * 100_000}] * 11})
    found = WIRE.identify(request)
    with pytest.raises(AwsError) as caught:
        found.parse()
    assert len(caught.value.message) < 10_000
    flood = json_request(
        "Logs_20140328.PutLogEvents", {"logGroupName": "g", "logStreamName": "s", "logEvents": [{}] * 200_000}
    )
    with pytest.raises(AwsError) as caught:
        WIRE.identify(flood).parse()
    assert len(caught.value.message) < 30_000
