"""Cross-origin answers of function URLs."""

from __future__ import annotations

from typing import Any

import pytest

from bascule.services.lambda_.function_url_cors import is_preflight, preflight_headers, with_cors
from bascule.services.lambda_.function_url_model import UrlCors

ORIGIN = "https://shop.example"


@pytest.mark.parametrize(
    ("method", "headers", "expected"),
    [
        ("OPTIONS", {"origin": ORIGIN, "access-control-request-method": "PUT"}, True),
        ("OPTIONS", {"origin": ORIGIN}, False),
        ("OPTIONS", {"access-control-request-method": "PUT"}, False),
        ("PUT", {"origin": ORIGIN, "access-control-request-method": "PUT"}, False),
    ],
)
def test_preflight_is_an_options_request_that_asks_for_a_method(
    method: str, headers: dict[str, str], expected: bool
) -> None:
    assert is_preflight(method, headers) is expected


def test_preflight_is_answered_from_the_configuration() -> None:
    cors = UrlCors(
        allow_origins=(ORIGIN,),
        allow_methods=("GET", "PUT"),
        allow_headers=("x-one", "x-two"),
        allow_credentials=True,
        max_age=300,
    )
    assert dict(preflight_headers(cors, ORIGIN)) == {
        "access-control-allow-origin": ORIGIN,
        "vary": "Origin",
        "access-control-allow-credentials": "true",
        "access-control-allow-methods": "GET,PUT",
        "access-control-allow-headers": "x-one,x-two",
        "access-control-max-age": "300",
    }
    assert preflight_headers(cors, "https://elsewhere.example") == []


@pytest.mark.parametrize(("members", "allowed"), [({}, "*"), ({"allow_credentials": True}, ORIGIN)])
def test_star_allows_every_origin_and_is_named_when_credentials_go_along(members: Any, allowed: str) -> None:
    headers = dict(preflight_headers(UrlCors(allow_origins=("*",), **members), ORIGIN))
    assert headers["access-control-allow-origin"] == allowed
    assert ("vary" in headers) is (allowed != "*")


def test_configured_headers_replace_those_of_the_function() -> None:
    cors = UrlCors(allow_origins=(ORIGIN,), expose_headers=("x-total",))
    given = [("Access-Control-Allow-Origin", "*"), ("x-total", "3")]
    assert with_cors(cors, ORIGIN, given) == [
        ("x-total", "3"),
        ("access-control-allow-origin", ORIGIN),
        ("vary", "Origin"),
        ("access-control-expose-headers", "x-total"),
    ]
    assert with_cors(cors, "https://elsewhere.example", given) == [("x-total", "3")]


def test_without_a_configuration_the_functions_own_headers_stay() -> None:
    given = [("Access-Control-Allow-Origin", "*")]
    assert with_cors(None, ORIGIN, given) is given
    assert with_cors(UrlCors(allow_origins=("*",)), None, given) is given
