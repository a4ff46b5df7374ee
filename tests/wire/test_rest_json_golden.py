"""REST-JSON as Lambda speaks it: labels, query, headers, payloads, statuses and its two spellings of ``message``."""

from __future__ import annotations

import pytest

from bascule.api import lambda_
from bascule.kernel.errors import AwsError, NotImplementedHere
from bascule.protocol import HttpRequest
from tests.wire.wires import ID, WIRE, call, rest_request

FUNCTIONS = "/2015-03-31/functions"


def test_invoke_takes_its_input_from_path_query_headers_and_body() -> None:
    request = rest_request(
        "POST",
        f"{FUNCTIONS}/arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Af/invocations",
        b'{"a":1}',
        "Qualifier=%24LATEST",
        {"x-amz-invocation-type": "Event", "x-amz-client-context": "e30="},
    )
    found = call(request)
    assert (found.service, found.operation, found.protocol) == ("lambda", "Invoke", "rest-json")
    assert found.parse() == lambda_.InvocationRequest(
        function_name="arn:aws:lambda:us-east-1:000000000000:function:f",
        invocation_type="Event",
        client_context="e30=",
        payload=b'{"a":1}',
        qualifier="$LATEST",
    )


def test_invoke_without_a_body_has_no_payload() -> None:
    assert call(rest_request("POST", f"{FUNCTIONS}/f/invocations")).parse().payload is None


def test_an_invocation_is_answered_with_raw_bytes_headers_and_its_status() -> None:
    output = lambda_.InvocationResponse(
        status_code=200, payload=b"\x00 raw", function_error="Unhandled", executed_version="$LATEST", log_result="bG9n"
    )
    answer = call(rest_request("POST", f"{FUNCTIONS}/f/invocations")).serialise(output, request_id=ID)
    assert answer.status == 200
    assert answer.headers == [
        ("content-type", "application/json"),
        ("x-amzn-requestid", ID),
        ("X-Amz-Function-Error", "Unhandled"),
        ("X-Amz-Log-Result", "bG9n"),
        ("X-Amz-Executed-Version", "$LATEST"),
    ]
    assert answer.body == b"\x00 raw"


@pytest.mark.parametrize("status", [202, 204])
def test_a_status_member_is_the_status_and_no_payload_is_no_body(status: int) -> None:
    output = lambda_.InvocationResponse(status_code=status)
    answer = call(rest_request("POST", f"{FUNCTIONS}/f/invocations")).serialise(output, request_id=ID)
    assert (answer.status, answer.body) == (status, b"")


def test_a_function_is_created_from_a_json_body_with_base64_code() -> None:
    body = b'{"FunctionName":"f","Role":"arn:aws:iam::000000000000:role/r","Code":{"ZipFile":"UEs="},"Timeout":3}'
    assert call(rest_request("POST", FUNCTIONS, body)).parse() == lambda_.CreateFunctionRequest(
        function_name="f",
        role="arn:aws:iam::000000000000:role/r",
        code=lambda_.FunctionCode(zip_file=b"PK"),
        timeout=3,
    )


def test_an_output_has_the_status_of_the_model() -> None:
    answer = call(rest_request("POST", FUNCTIONS)).serialise(
        lambda_.FunctionConfiguration(function_name="f", timeout=3), request_id=ID
    )
    assert (answer.status, answer.body) == (201, b'{"FunctionName":"f","Timeout":3}')


def test_an_operation_without_output_has_the_models_status_and_no_body() -> None:
    answer = call(rest_request("DELETE", f"{FUNCTIONS}/f/concurrency".replace("2015-03-31", "2017-10-31"))).serialise(
        lambda_.Empty(), request_id=ID
    )
    assert (answer.status, answer.body) == (204, b"")


def test_moments_of_event_source_mappings_are_numbers() -> None:
    output = lambda_.EventSourceMappingConfiguration(last_modified=1768471650.5)
    answer = call(rest_request("POST", "/2015-03-31/event-source-mappings")).serialise(output, request_id=ID)
    assert (answer.status, answer.body) == (202, b'{"LastModified":1768471650.5}')


def test_query_lists_and_numbers_are_read() -> None:
    assert call(rest_request("DELETE", "/2017-03-31/tags/arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Af",
                             query="tagKeys=a&tagKeys=b")).parse().tag_keys == ["a", "b"]  # fmt: skip
    assert call(rest_request("GET", FUNCTIONS, query="MaxItems=7")).parse().max_items == 7


class ResourceNotFound(AwsError):
    """Function not found"""

    code = "ResourceNotFoundException"


class TooManyRequests(AwsError):
    """Rate Exceeded."""

    code = "TooManyRequestsException"


class InvalidParameterValue(AwsError):
    """Wrong."""

    code = "InvalidParameterValueException"


class Service(AwsError):
    """Broken."""

    code = "ServiceException"


@pytest.mark.parametrize(
    ("error", "status", "body"),
    [
        (ResourceNotFound(), 404, b'{"Type":"User","Message":"Function not found"}'),
        (InvalidParameterValue(), 400, b'{"Type":"User","message":"Wrong."}'),
        (Service(), 500, b'{"Type":"Service","Message":"Broken."}'),
        (NotImplementedHere("Not here."), 501, b'{"message":"Not here."}'),
    ],
)
def test_errors_have_the_models_status_and_the_shapes_own_spelling(error: AwsError, status: int, body: bytes) -> None:
    answer = call(rest_request("GET", f"{FUNCTIONS}/f")).serialise_error(error, request_id=ID)
    assert (answer.status, answer.body) == (status, body)
    assert answer.headers == [
        ("content-type", "application/json"),
        ("x-amzn-requestid", ID),
        ("x-amzn-errortype", error.code),
    ]


def test_members_of_an_error_go_where_the_model_says() -> None:
    error = TooManyRequests(None, Reason="ReservedFunctionConcurrentInvocationLimitExceeded", retryAfterSeconds="1")
    answer = call(rest_request("POST", f"{FUNCTIONS}/f/invocations")).serialise_error(error, request_id=ID)
    assert answer.status == 429
    assert ("Retry-After", "1") in answer.headers
    assert answer.body == (
        b'{"Type":"User","message":"Rate Exceeded.","Reason":"ReservedFunctionConcurrentInvocationLimitExceeded"}'
    )


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        (
            rest_request("POST", f"{FUNCTIONS}/f/invocations", headers={"x-amz-invocation-type": "Later"}),
            "ValidationException",
            "1 validation error detected: Value 'Later' at 'invocationType' failed to satisfy constraint: "
            "Member must satisfy enum value set: [Event, RequestResponse, DryRun]",
        ),
        (
            rest_request("GET", f"{FUNCTIONS}/{'f' * 257}/configuration"),
            "InvalidParameterValueException",
            f"1 validation error detected: Value '{'f' * 257}' at 'functionName' failed to satisfy constraint: "
            "Member must have length less than or equal to 256",
        ),
        (
            rest_request("POST", FUNCTIONS, b'{"Role":1}'),
            "SerializationException",
            "NUMBER_VALUE can not be converted to a String",
        ),
        (
            rest_request("POST", FUNCTIONS, b"{"),
            "InvalidRequestContentException",
            "Could not parse request body into json: Unexpected character or end of input in the request body",
        ),
        (
            rest_request("GET", FUNCTIONS, query="MaxItems=many"),
            "SerializationException",
            "STRING_VALUE can not be converted to an Integer",
        ),
    ],
)
def test_bad_input_has_the_code_that_lambda_uses(request_: HttpRequest, code: str, message: str) -> None:
    with pytest.raises(AwsError) as caught:
        call(request_).parse()
    assert (caught.value.code, caught.value.message, caught.value.status) == (code, message, 400)


def test_an_unknown_path_is_a_404() -> None:
    request = rest_request("GET", "/2015-03-31/coffee")
    with pytest.raises(AwsError) as caught:
        WIRE.identify(request)
    answer = WIRE.refuse(request, caught.value, request_id=ID)
    assert answer.status == 404
    assert ("x-amzn-errortype", "UnknownOperationException") in answer.headers


def test_a_header_cannot_be_split_by_its_value() -> None:
    output = lambda_.InvocationResponse(status_code=200, function_error="Un\r\nhandled: \N{SNOWMAN}")
    answer = call(rest_request("POST", f"{FUNCTIONS}/f/invocations")).serialise(output, request_id=ID)
    assert ("X-Amz-Function-Error", "Un  handled: ?") in answer.headers
