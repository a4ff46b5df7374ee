"""Answers that are sent in parts over real sockets: while they are made, as fast as the client takes them, cut off or whole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable

import pytest

from bascule.edge import http_connection
from bascule.edge.connection import Connection
from bascule.edge.http_connection import Answered
from bascule.kernel.errors import AwsError
from bascule.kernel.streaming import BrokenOff
from bascule.protocol import HttpAnswer, HttpRequest, HttpStreamedAnswer
from tests.unit.edge.test_http_connection import Client, Connect, run

HEADERS = [("x-mine", "1")]


class Parts:
    """Answers GET with parts that the test gives one by one; None ends them, an exception breaks them off."""

    def __init__(
        self, status: int = 200, *, parts: list[bytes | Exception] | None = None, endless: bool = False
    ) -> None:
        self.status = status
        self.given: asyncio.Queue[bytes | Exception | None] = asyncio.Queue()
        for part in parts or []:
            self.given.put_nowait(part)
        self.is_endless = endless
        self.sent_count = 0
        self.is_closed = asyncio.Event()

    def begin(
        self, request: HttpRequest, *, source_ip: str, base_url: str, connection: Connection, answered: Answered
    ) -> None:
        if request.path == "/whole":
            answered(HttpAnswer(200, [], b"whole"))
            return
        headers = [("x-mine", "a\r\nb")] if request.path == "/bad" else HEADERS
        answered(HttpStreamedAnswer(self.status, headers, self._parts()))

    async def _parts(self) -> AsyncGenerator[bytes, None]:
        try:
            while self.is_endless:
                yield b"x" * 65_536
                self.sent_count += 1
            while (part := await self.given.get()) is not None:
                if isinstance(part, Exception):
                    raise part
                yield part
        finally:
            self.is_closed.set()

    def refuse(self, request: HttpRequest, error: AwsError) -> HttpAnswer:
        raise AssertionError("nothing is refused here")


def play(scene: Callable[[Parts, Connect, asyncio.Event], Awaitable[None]], parts: Callable[[], Parts] = Parts) -> None:
    run(scene, parts)


async def head_of(client: Client) -> str:
    return (await asyncio.wait_for(client.reader.readuntil(b"\r\n\r\n"), 10)).decode()


async def next_part(client: Client) -> bytes:
    size = int(await asyncio.wait_for(client.reader.readuntil(b"\r\n"), 10), 16)
    return (await client.reader.readexactly(size + 2))[:-2]


def test_parts_are_sent_as_they_come_and_the_connection_stays() -> None:
    async def scene(parts: Parts, connect: Connect, stopping: asyncio.Event) -> None:
        client = await connect()
        client.send(b"GET / HTTP/1.1\r\n\r\nGET /whole HTTP/1.1\r\n\r\n")
        head = await head_of(client)
        assert head.startswith("HTTP/1.1 200 OK\r\nx-mine: 1\r\ntransfer-encoding: chunked\r\n")
        for part in (b"a", b"", b"bc" * 50_000):
            parts.given.put_nowait(part)
            if part:
                assert await next_part(client) == part
        parts.given.put_nowait(None)
        assert await next_part(client) == b""
        assert (await client.answer())[1] == b"whole"

    play(scene)


def test_an_answer_that_is_broken_off_ends_with_the_connection() -> None:
    async def scene(parts: Parts, connect: Connect, stopping: asyncio.Event) -> None:
        client = await connect()
        client.send(b"GET / HTTP/1.1\r\n\r\n")
        assert (await client.rest()).endswith(b"\r\n\r\n1\r\na\r\n")

    play(scene, lambda: Parts(parts=[b"a", BrokenOff("for a test")]))


def test_a_mistake_of_ours_ends_with_the_connection_too() -> None:
    async def scene(parts: Parts, connect: Connect, stopping: asyncio.Event) -> None:
        for path in (b"/", b"/bad"):
            client = await connect()
            client.send(b"GET %b HTTP/1.1\r\n\r\n" % path)
            try:
                assert not (await client.rest()).endswith(b"0\r\n\r\n")
            except ConnectionError:
                continue

    play(scene, lambda: Parts(parts=[RuntimeError("for a test")]))


@pytest.mark.parametrize(("method", "status"), [("GET", 204), ("GET", 304), ("HEAD", 200)])
def test_where_there_is_no_body_none_is_sent(method: str, status: int) -> None:
    async def scene(parts: Parts, connect: Connect, stopping: asyncio.Event) -> None:
        client = await connect()
        client.send(f"{method} / HTTP/1.1\r\n\r\nGET /whole HTTP/1.1\r\n\r\n".encode())
        parts.given.put_nowait(b"a")
        parts.given.put_nowait(None)
        head = await head_of(client)
        assert str(status) in head
        assert "transfer-encoding" not in head
        assert (await client.answer())[1] == b"whole"

    play(scene, lambda: Parts(status))


def test_a_client_that_knows_no_chunks_gets_the_bytes_and_the_end_of_the_connection() -> None:
    async def scene(parts: Parts, connect: Connect, stopping: asyncio.Event) -> None:
        client = await connect()
        client.send(b"GET / HTTP/1.0\r\n\r\n")
        parts.given.put_nowait(b"a")
        parts.given.put_nowait(b"b")
        parts.given.put_nowait(None)
        assert "connection: close" in await head_of(client)
        assert await client.rest() == b"ab"

    play(scene)


def test_a_client_that_does_not_read_is_not_sent_more_and_at_last_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_connection, "STALLED_S", 0.2)

    async def scene(parts: Parts, connect: Connect, stopping: asyncio.Event) -> None:
        client = await connect()
        client.send(b"GET / HTTP/1.1\r\n\r\n")
        await asyncio.wait_for(parts.is_closed.wait(), 10)
        assert parts.sent_count * 65_536 < 64 << 20

    play(scene, lambda: Parts(endless=True))


def test_a_client_that_leaves_ends_the_parts() -> None:
    async def scene(parts: Parts, connect: Connect, stopping: asyncio.Event) -> None:
        client = await connect()
        client.send(b"GET / HTTP/1.1\r\n\r\n")
        parts.given.put_nowait(b"a")
        await head_of(client)
        client.writer.transport.abort()
        async with asyncio.timeout(10):
            while not parts.is_closed.is_set():
                parts.given.put_nowait(b"b")
                await asyncio.sleep(0.001)

    play(scene)
