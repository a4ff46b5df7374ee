"""Requests that are made to confuse a server, or to cost it more than they cost their sender."""

from __future__ import annotations

import asyncio

import pytest

from bascule.edge import http_connection, server
from tests.unit.edge.test_http_connection import Connect, Echo, run


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Content-Length: 5, 5\r\n",
        b"Content-Length: +5\r\n",
        b"Content-Length : 5\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Folded: a\r\n b: c\r\n",
        b"Nul: a\x00b\r\n",
        b"Bare: a\rb\r\n",
    ],
)
def test_a_request_whose_end_could_be_read_in_two_ways_is_refused(head: bytes) -> None:
    async def scene(echo: Echo, connect: Connect, stopping: asyncio.Event) -> None:
        client = await connect()
        client.send(b"POST /a HTTP/1.1\r\nHost: h\r\n" + head + b"\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n")
        assert "400 Bad Request" in (await client.answer())[0]
        assert await client.rest() == b""
        assert echo.requests == []

    run(scene)


def test_more_header_lines_than_anybody_sends_are_refused() -> None:
    async def scene(echo: Echo, connect: Connect, stopping: asyncio.Event) -> None:
        client = await connect()
        client.send(b"GET /a HTTP/1.1\r\n" + b"A:\r\n" * (http_connection.HEADERS_MAX + 1) + b"\r\n")
        assert "431" in (await client.answer())[0]
        assert await client.rest() == b""
        assert echo.requests == []

    run(scene)


def test_thousands_of_offers_of_another_protocol_are_answered_like_other_requests() -> None:
    async def scene(echo: Echo, connect: Connect, stopping: asyncio.Event) -> None:
        client = await connect()
        offer = b"GET /now HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"
        client.send(offer * 3000 + b"GET /last HTTP/1.0\r\n\r\n")
        text = await client.rest()
        assert text.count(b"\r\n\r\nnow") == 3000
        assert text.endswith(b"GET /last ")

    run(scene)


def test_a_body_is_asked_for_only_after_the_answers_before_it() -> None:
    async def scene(echo: Echo, connect: Connect, stopping: asyncio.Event) -> None:
        client = await connect()
        client.send(b"GET /slow HTTP/1.1\r\n\r\n")
        client.send(b"PUT /x HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n")
        while not echo.requests:
            await asyncio.sleep(0)
        await asyncio.sleep(0.01)
        echo.go_on.set()
        assert (await client.answer())[1] == b"GET /slow "
        assert await client.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.send(b"z")
        assert (await client.answer())[1] == b"PUT /x z"

    run(scene)


def test_a_request_for_no_address_that_does_not_end_is_refused_too() -> None:
    async def scene(echo: Echo, connect: Connect, stopping: asyncio.Event) -> None:
        client = await connect()
        client.send(b"PUT http://h:99999/ HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc")
        assert "400 Bad Request" in (await client.answer())[0]
        assert await client.rest() == b""

    run(scene, body_wait_ms_max=50)


def test_connections_beyond_the_limit_are_told_so_and_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "CONNECTIONS_MAX", 2)

    async def scene(echo: Echo, connect: Connect, stopping: asyncio.Event) -> None:
        first, _ = await connect(), await connect()
        for _ in range(3):
            refused = await connect()
            assert b"503 Service Unavailable" in await refused.rest()
        first.send(b"GET /now HTTP/1.1\r\n\r\n")
        assert (await first.answer())[1] == b"now"

    run(scene)


@pytest.mark.parametrize(
    ("limits", "given"), [((1024, 4096), 4096), ((1024, -1), 20_000), ((-1, -1), 20_000), ((65_536, 65_536), 20_000)]
)
def test_as_many_descriptors_are_asked_for_as_connections_need(
    monkeypatch: pytest.MonkeyPatch, limits: tuple[int, int], given: int
) -> None:
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(server.resource, "getrlimit", lambda _: limits)
    monkeypatch.setattr(server.resource, "setrlimit", lambda _, both: asked.append(both))
    assert server.descriptors_max() == given
    assert asked == ([(given, limits[1])] if limits[0] == 1024 else [])


def test_a_machine_that_gives_no_more_descriptors_is_lived_with(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: int, both: tuple[int, int]) -> None:
        raise ValueError("not allowed")

    monkeypatch.setattr(server.resource, "getrlimit", lambda _: (256, -1))
    monkeypatch.setattr(server.resource, "setrlimit", refused)
    assert server.descriptors_max() == 256
