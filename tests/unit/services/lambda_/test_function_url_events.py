"""The event of a function URL, payload format 2.0."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
import pytest

from bascule.services.lambda_.function_url_callers import Signer
from bascule.services.lambda_.function_url_events import UrlRequest, event_of

PLAIN = UrlRequest(
    url_id="abc",
    domain_name="abc.lambda-url.us-east-1.on.aws",
    port="4566",
    scheme="http",
    method="GET",
    path="/",
    query_string="",
    headers={},
    body=b"",
    source_ip="203.0.113.7",
)


def event(signer: Signer | None = None, **members: Any) -> Any:
    request = msgspec.structs.replace(PLAIN, **members)
    return msgspec.json.decode(
        event_of(request, request_id="the-id", now_ms=1_583_348_638_390, trace_root="Root=1-2-3", signer=signer)
    )


def test_event_of_a_plain_request_has_exactly_these_members() -> None:
    assert event(headers={"user-agent": "curl/8"}) == {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/",
        "rawQueryString": "",
        "headers": {
            "user-agent": "curl/8",
            "x-amzn-trace-id": "Root=1-2-3",
            "x-forwarded-for": "203.0.113.7",
            "x-forwarded-port": "4566",
            "x-forwarded-proto": "http",
        },
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "abc",
            "domainName": "abc.lambda-url.us-east-1.on.aws",
            "domainPrefix": "abc",
            "http": {
                "method": "GET",
                "path": "/",
                "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.7",
                "userAgent": "curl/8",
            },
            "requestId": "the-id",
            "routeKey": "$default",
            "stage": "$default",
            "time": "04/Mar/2020:19:03:58 +0000",
            "timeEpoch": 1_583_348_638_390,
        },
        "isBase64Encoded": False,
    }


def test_path_and_query_string_stay_as_on_the_wire_and_parameters_are_decoded() -> None:
    found = event(path="/a%20b", query_string="x=1&y=%C3%A9+z&x=2&empty=&flag")
    assert (found["rawPath"], found["rawQueryString"]) == ("/a%20b", "x=1&y=%C3%A9+z&x=2&empty=&flag")
    assert found["queryStringParameters"] == {"x": "1,2", "y": "é z", "empty": "", "flag": ""}


def test_cookies_leave_the_headers() -> None:
    found = event(headers={"cookie": "a=1; b=2;  c=3"})
    assert found["cookies"] == ["a=1", "b=2", "c=3"]
    assert "cookie" not in found["headers"]


@pytest.mark.parametrize(
    "media_type", ["application/json", "text/html; charset=utf-8", "application/problem+json", "image/svg+xml", None]
)
def test_text_is_handed_over_as_text(media_type: str | None) -> None:
    headers = {} if media_type is None else {"content-type": media_type}
    found = event(method="POST", headers=headers, body="é".encode())
    assert (found["body"], found["isBase64Encoded"]) == ("é", False)


@pytest.mark.parametrize(
    ("media_type", "body"),
    [
        ("multipart/form-data; boundary=x", b"--x--"),
        ("application/x-www-form-urlencoded", b"a=1"),
        ("image/png", b"\x89PNG"),
        ("text/plain", b"\xff"),
    ],
)
def test_anything_else_is_base64(media_type: str, body: bytes) -> None:
    found = event(method="POST", headers={"content-type": media_type}, body=body)
    assert (base64.b64decode(found["body"]), found["isBase64Encoded"]) == (body, True)


def test_request_without_a_body_has_none_in_the_event() -> None:
    found = event(method="POST", headers={"content-type": "image/png"})
    assert "body" not in found
    assert found["isBase64Encoded"] is False


def test_signed_request_says_who_signed_it() -> None:
    arn = "arn:aws:iam::111111111111:user/ann"
    signer = Signer(access_key="AKIA", account="111111111111", arn=arn, user_id="AIDA", principal_arn=arn)
    context = event(signer)["requestContext"]
    assert context["accountId"] == "111111111111"
    assert context["authorizer"] == {
        "iam": {
            "accessKey": "AKIA",
            "accountId": "111111111111",
            "callerId": "AIDA",
            "cognitoIdentity": None,
            "principalOrgId": None,
            "userArn": arn,
            "userId": "AIDA",
        }
    }
