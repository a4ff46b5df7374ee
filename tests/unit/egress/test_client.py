"""One attempt over a real socket: statuses, silence, end points that are not there or never stop talking."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from bascule.egress.client import BODY_BYTES_MAX, HttpClient
from bascule.services.sns.http_work import Answer, HttpRequest

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(talk: Talk) -> AsyncIterator[str]:
    """A server that does what it is told with each connection; gives its URL."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}/hook"
    finally:
        server.close()


def saying(text: bytes) -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(text)
        await writer.drain()

    return talk


def attempt(talk: Talk, *, answer_s_max: float = 5) -> Answer:
    async def run() -> Answer:
        client = HttpClient(answer_s_max)
        async with serving(talk) as url:
            try:
                return await client.post(HttpRequest(url, {"x-a": "b"}, b"{}"))
            finally:
                await client.close()

    return asyncio.run(run())


def test_the_status_is_the_answer() -> None:
    assert attempt(saying(b"HTTP/1.1 204 No Content\r\n\r\n")) == Answer(status=204)
    assert attempt(saying(b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n")).status == 503


def test_a_redirect_is_not_followed() -> None:
    moved = b"HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n"
    assert attempt(saying(moved)).status == 302


def test_silence_ends_after_its_time() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    answer = attempt(silent, answer_s_max=0.05)
    assert answer.status == 0
    assert "did not answer within 0.05 seconds" in answer.error


def test_an_answer_that_never_ends_is_cut() -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n" + bytes(BODY_BYTES_MAX * 2))
        await writer.drain()
        await reader.read()

    assert attempt(endless).status == 200


def test_a_connection_that_breaks_is_an_answer_too() -> None:
    async def broken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")

    assert attempt(broken).status == 0
    assert attempt(saying(b"nonsense\r\n\r\n")).status == 0


def test_an_address_that_is_none_is_an_answer_too() -> None:
    async def run(url: str) -> Answer:
        client = HttpClient(1)
        try:
            return await client.post(HttpRequest(url, {}, b""))
        finally:
            await client.close()

    for url in ("http://127.0.0.1:1/", "http://[broken/", "http://a..b/", "http://x:99999999/"):
        answer = asyncio.run(run(url))
        assert answer.status == 0, url
        assert answer.error, url


def test_what_an_answer_means() -> None:
    assert Answer(status=299).is_success
    assert not Answer(status=302).is_success
    retried = {status: Answer(status=status).refused.is_retryable for status in (0, 302, 400, 404, 429, 500, 599)}
    assert retried == {0: True, 302: False, 400: False, 404: False, 429: True, 500: True, 599: True}
