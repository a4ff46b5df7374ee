"""The filter pattern language."""

from __future__ import annotations

import json

import pytest

from bascule.services.logs.errors import InvalidParameter
from bascule.services.logs.filter_pattern import compile_pattern


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        ("", ["anything", ""], []),
        ("ERROR", ["an ERROR here"], ["an error here"]),
        ("ERROR code", ["code of ERROR"], ["ERROR"]),
        ('"two words"', ["say two words now"], ["words two"]),
        (r'"a \"quote\""', ['has a "quote" in'], ["a quote"]),
        ("?WARN ?FATAL", ["WARN", "FATAL"], ["INFO"]),
        ("ERROR -timeout", ["ERROR disk"], ["ERROR timeout"]),
        ("-timeout", ["fine"], ["a timeout"]),
        ("%4[0-9]{2}%", ["status 404"], ["status 200"]),
        ("START -%x{3}%", ["START xx"], ["START xxx"]),
    ],
)
def test_terms(pattern: str, matching: list[str], other: list[str]) -> None:
    matches = compile_pattern(pattern)
    assert all(matches(message) for message in matching)
    assert not any(matches(message) for message in other)


EVENT = {
    "level": "ERROR",
    "status": 404,
    "ok": True,
    "none": None,
    "path": "/api/orders",
    "list": [{"id": 7}],
    "user": {"name": "ann", "a-b": 1},
    "text": "a[1]?",
}


@pytest.mark.parametrize(
    "pattern",
    [
        '{ $.level = "ERROR" }',
        "{ $.level = ERROR }",
        '{ $.level != "INFO" }',
        '{ $.path = "/api/*" }',
        '{ $.text = "a[1]*" }',
        "{ $.path = %^/api% }",
        "{ $.status = 404 }",
        "{ $.status >= 400 && $.status < 500 }",
        '{ $.level = "INFO" || ($.status > 403 && $.user.name = "ann") }',
        "{ $.list[0].id = 7 }",
        "{ $.user.a-b = 1 }",
        "{ $['user'].name = ann }",
        "{ $.ok IS TRUE }",
        "{ $.none IS NULL }",
        "{ $.level EXISTS }",
        "{ $.missing NOT EXISTS }",
        "{ $.status = 4.04e2 }",
    ],
)
def test_json_pattern_that_matches(pattern: str) -> None:
    assert compile_pattern(pattern)(json.dumps(EVENT))


@pytest.mark.parametrize(
    "pattern",
    [
        '{ $.level = "INFO" }',
        '{ $.missing = "x" }',
        '{ $.missing != "x" }',
        "{ $.status = 403 }",
        '{ $.status = "404" }',
        "{ $.list[1].id = 7 }",
        "{ $.ok IS FALSE }",
        "{ $.level IS NULL }",
        "{ $.missing EXISTS }",
        "{ $.level > 3 }",
        "{ $.ok = 1 }",
        '{ $.level = "ERROR" && $.status = 1 }',
    ],
)
def test_json_pattern_that_does_not_match(pattern: str) -> None:
    assert not compile_pattern(pattern)(json.dumps(EVENT))


def test_json_pattern_matches_no_plain_text() -> None:
    assert not compile_pattern("{ $.a NOT EXISTS }")("plain")


@pytest.mark.parametrize(
    "pattern",
    [
        "{ $.a = }",
        "{ $.a }",
        "{ a = 1 }",
        "{ $.a = 1",
        "{ $.a = 1 } x",
        "{ $.a IS MAYBE }",
        "{ $.a > x }",
        "{ ($.a = 1 }",
        "{ $.a = 1 & $.b = 2 }",
        '"open',
        "%[%",
        "%(a+)+%",
        "%a% %b% %c%",
        "{ $.a = %(a+)+% }",
        "{ $.* = 1 }",
        "[ip, user",
        "[ip, ..., user, ...]",
        "[ip = ]",
        "[bytes > many]",
        "{ " + "(" * 60 + "$.a = 1" + ")" * 60 + " }",
    ],
)
def test_pattern_that_cannot_be_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidParameter):
        compile_pattern(pattern)


ACCESS = '127.0.0.1 - ann [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534'


@pytest.mark.parametrize(
    "pattern",
    [
        "[ip, id, user, when, request, status, bytes]",
        "[ip, id, user, when, request, status = 4*, bytes]",
        "[ip, ..., status = 404, bytes >= 1000]",
        "[..., bytes > 1000 && bytes < 2000]",
        '[ip, id, user, when, request = "GET *", ...]',
        "[ip = %^127%, ...]",
        "[ip, id, user = bob || user = ann, ...]",
        "[..., status != 200, bytes]",
    ],
)
def test_fields_that_match(pattern: str) -> None:
    assert compile_pattern(pattern)(ACCESS)


@pytest.mark.parametrize(
    "pattern",
    [
        "[ip, user]",
        "[a, b, c, d, e, f, g, h]",
        "[ip, ..., status = 5*, bytes]",
        "[..., bytes > 2000]",
        "[ip, id, user > 3, ...]",
        "[..., status != 404, bytes]",
    ],
)
def test_fields_that_do_not_match(pattern: str) -> None:
    assert not compile_pattern(pattern)(ACCESS)
