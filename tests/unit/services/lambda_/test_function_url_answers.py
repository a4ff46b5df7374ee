"""What a function gives back as an HTTP answer."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from bascule.services.lambda_.function_url_answers import MalformedAnswer, answer_of, failure


def answered(result: Any) -> tuple[int, dict[str, str], bytes]:
    answer = answer_of(json.dumps(result).encode())
    return answer.status, dict(answer.headers), answer.body


@pytest.mark.parametrize(
    ("result", "body"),
    [
        ("hello", b"hello"),
        ('say "é"', 'say "é"'.encode()),
        ([1, 2], b"[1, 2]"),
        (3.5, b"3.5"),
        (True, b"true"),
        (None, b"null"),
        ({"message": "no status"}, b'{"message": "no status"}'),
    ],
)
def test_result_without_a_status_is_the_body_of_a_200(result: Any, body: bytes) -> None:
    assert answered(result) == (200, {"content-type": "application/json"}, body)


def test_answer_object_is_sent_as_it_is() -> None:
    answer = answer_of(
        json.dumps(
            {
                "statusCode": 201,
                "headers": {"Content-Type": "text/html", "X-Count": 3, "X-Flag": True, "X-None": None, "X-Text": "é"},
                "cookies": ["a=1; Secure", "b=2"],
                "body": "<p>é</p>",
            }
        ).encode()
    )
    assert answer.status == 201
    assert answer.headers == [
        ("Content-Type", "text/html"),
        ("X-Count", "3"),
        ("X-Flag", "true"),
        ("X-Text", "é".encode().decode("latin-1")),
        ("set-cookie", "a=1; Secure"),
        ("set-cookie", "b=2"),
    ]
    assert answer.body == "<p>é</p>".encode()


def test_base64_body_is_decoded() -> None:
    encoded = base64.b64encode(bytes(range(256))).decode()
    assert answered({"statusCode": 200, "body": encoded, "isBase64Encoded": True})[2] == bytes(range(256))
    assert answered({"statusCode": 200, "body": encoded, "isBase64Encoded": False})[2] == encoded.encode()


def test_answer_object_without_a_type_is_json_and_without_a_body_empty() -> None:
    assert answered({"statusCode": "404"}) == (404, {"content-type": "application/json"}, b"")


def test_statuses_without_a_body_have_none() -> None:
    assert answered({"statusCode": 204, "body": "ignored"})[2] == b""


def test_headers_that_are_the_servers_business_are_left_out() -> None:
    headers = {"Content-Length": "1", "Connection": "close", "Transfer-Encoding": "chunked", "X-Kept": "1"}
    assert answered({"statusCode": 200, "headers": headers})[1] == {"X-Kept": "1", "content-type": "application/json"}


@pytest.mark.parametrize(
    "result",
    [
        {"statusCode": "abc"},
        {"statusCode": None},
        {"statusCode": True},
        {"statusCode": 200.5},
        {"statusCode": 99},
        {"statusCode": 101},
        {"statusCode": 1000},
        {"statusCode": 200, "headers": ["a"]},
        {"statusCode": 200, "headers": {"a": ["b"]}},
        {"statusCode": 200, "headers": {"a": "b\r\nset-cookie: c"}},
        {"statusCode": 200, "headers": {"a b": "c"}},
        {"statusCode": 200, "headers": {"a": "\ud800"}},
        {"statusCode": 200, "cookies": "a=1"},
        {"statusCode": 200, "cookies": [1]},
        {"statusCode": 200, "body": {"a": 1}},
        {"statusCode": 200, "body": 3},
        {"statusCode": 200, "body": "not base64!", "isBase64Encoded": True},
    ],
)
def test_what_only_looks_like_an_answer_is_malformed(result: Any) -> None:
    with pytest.raises(MalformedAnswer):
        answered(result)


def test_result_that_is_not_json_is_malformed() -> None:
    with pytest.raises(MalformedAnswer):
        answer_of(b"<html>")


def test_reason_of_a_failure_is_one_line_of_ascii() -> None:
    assert dict(failure(502, b"", reason="é\r\nx-other: 1").headers)["x-bascule-reason"] == "? x-other: 1"
