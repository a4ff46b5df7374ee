"""What a web page can have a browser send to a server on the same machine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bascule.protocol import HttpRequest
from tests.world import World

FORM = {"content-type": "application/x-www-form-urlencoded"}
CREATE = b"Action=CreateQueue&Version=2012-11-05&QueueName=made"


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World() as made:
        yield made


def status(world: World, method: str, path: str, headers: dict[str, str], body: bytes = b"", query: str = "") -> int:
    return world.request(HttpRequest(method, path, query, headers, body)).status


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://evil.example:4566", "null", "http://localhost.evil.example", "http://[x"]
)
def test_a_form_of_another_site_is_refused(world: World, origin: str) -> None:
    assert status(world, "POST", "/", {**FORM, "origin": origin}, CREATE) == 403
    assert status(world, "POST", "/_bascule/dlq/made/redrive", {"origin": origin}, b"{}") == 403
    assert world.client("sqs").list_queues().get("QueueUrls", []) == []


def test_an_image_of_another_site_is_refused(world: World) -> None:
    assert status(world, "GET", "/", {"sec-fetch-site": "cross-site"}, query=CREATE.decode()) == 403
    assert status(world, "GET", "/_bascule/status", {"sec-fetch-site": "cross-site"}) == 403
    assert world.client("sqs").list_queues().get("QueueUrls", []) == []


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "http://localhost:3000", "sec-fetch-site": "cross-site"},
        {"origin": "http://127.0.0.1:4566", "sec-fetch-site": "same-origin"},
        {"origin": "http://[::1]:3000"},
        {"origin": "http://app.localhost:3000"},
        {"sec-fetch-site": "none"},
    ],
)
def test_programs_and_pages_of_this_machine_are_answered(world: World, headers: dict[str, str]) -> None:
    assert status(world, "GET", "/_bascule/status", headers) == 200
    assert status(world, "POST", "/", {**FORM, **headers}, b"Action=ListQueues&Version=2012-11-05") == 200


def test_function_urls_are_for_pages(world: World) -> None:
    assert status(world, "GET", "/_bascule/url/nobody/", {"origin": "https://shop.example"}) == 404
