"""Connections over real sockets, with a handler that answers what it is told to."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import pytest

from bascule.edge import http_connection
from bascule.edge.connection import Connection
from bascule.edge.http_connection import Answered, Handler
from bascule.edge.server import serve_http
from bascule.kernel.errors import AwsError
from bascule.kernel.settings import Settings
from bascule.protocol import HttpAnswer, HttpRequest

POST = b"POST /a?b=c HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"


class Echo:
    """Answers with what it read; ``/slow`` waits until ``go_on`` is set."""

    def __init__(self) -> None:
        self.requests: list[HttpRequest] = []
        self.connections: list[Connection] = []
        self.go_on = asyncio.Event()

    def begin(
        self, request: HttpRequest, *, source_ip: str, base_url: str, connection: Connection, answered: Answered
    ) -> Coroutine[Any, Any, None] | None:
        self.requests.append(request)
        self.connections.append(connection)
        if request.path == "/now":
            answered(HttpAnswer(200, [], b"now"))
            return None
        return self._answer(request, base_url, connection, answered)

    async def _answer(self, request: HttpRequest, base_url: str, connection: Connection, answered: Answered) -> None:
        answered(await self._found(request, base_url, connection))

    async def _found(self, request: HttpRequest, base_url: str, connection: Connection) -> HttpAnswer:
        if request.path == "/slow":
            await self.go_on.wait()
            connection.check()
        if request.path == "/bad":
            return HttpAnswer(200, [("x-bad", "a\r\nset-cookie: stolen")], b"")
        if request.path == "/empty":
            return HttpAnswer(204, [], b"")
        return HttpAnswer(200, [("x-base", base_url)], f"{request.method} {request.path} ".encode() + request.body)

    def refuse(self, request: HttpRequest, error: AwsError) -> HttpAnswer:
        return HttpAnswer(error.status, [], f"{request.path} {error.code}".encode())


class Client:
    """One connection to the server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def answer(self) -> tuple[str, bytes]:
        """The status line and headers, and the body."""
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 10)
        length = next((int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"content-length:")), 0)
        return head.decode(), await self.reader.readexactly(length)

    async def rest(self) -> bytes:
        return await asyncio.wait_for(self.reader.read(), 10)


Connect = Callable[[], Awaitable[Client]]
H = TypeVar("H", bound=Handler)


@asynccontextmanager
async def served(settings: Settings, make: Callable[[], H]) -> AsyncIterator[tuple[H, Connect, asyncio.Event]]:
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    handler, stopping = make(), asyncio.Event()
    task = asyncio.create_task(serve_http(handler, settings, listener, stopping))
    clients: list[Client] = []

    async def connect() -> Client:
        clients.append(Client(*await asyncio.open_connection("127.0.0.1", port)))
        return clients[-1]

    try:
        yield handler, connect, stopping
    finally:
        for client in clients:
            client.writer.close()
        stopping.set()
        await asyncio.wait_for(task, 10)


def run(
    scene: Callable[[H, Connect, asyncio.Event], Awaitable[None]],
    make: Callable[[], H] = Echo,  # type: ignore[assignment]  # a default of a type variable cannot be said
    **settings: int,
) -> None:
    async def played() -> None:
        async with served(Settings(**settings), make) as (handler, connect, stopping):
            await scene(handler, connect, stopping)

    asyncio.run(played())


def test_request_is_read_whole_and_answered_on_a_connection_that_stays() -> None:
    async def scene(echo: Echo, connect: Connect, stopping: asyncio.Event) -> None:
        client = await connect()
        for _ in range(2):
            client.send(POST)
            head, body = await client.answer()
            assert head.startswith("HTTP/1.1 200 OK\r\n")
            assert "x-base: http://h\r\n" in head
            assert body == b"POST /a abc"
        assert echo.requests[0].query_string == "b=c"
        assert echo.requests[0].headers == {"host": "h", "content-length": "3"}

    run(scene)


def test_request_may_come_byte_by_byte() -> None:
    async def scene(echo: Echo, connect: Connect, stopping: asyncio.Event) -> None:
        client = await connect()
        for at in range(len(POST)):
            client.send(POST[at : at + 1])
            await asyncio.sleep(0)
        assert (await client.answer())[1] == b"POST /a abc"

    run(scene)


def test_chunked_body_and_repeated_headers_are_joined() -> None:
    async def scene(echo: Echo, connect: Connect, stopping: asyncio.Event) -> None:
        client = await connect()
        client.send(b"PUT /x HTTP/1.1\r\nA: 1\r\nA: 2\r\nCookie: a=1; b=2\r\nCookie: c=3\r\n")
        client.send(b"Transfer-Encoding: chunked\r\n\r\n")
        client.send(b"3\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: t\r\n\r\n")
        assert (await client.answer())[1] == b"PUT /x abcde"
        assert echo.requests[0].headers["a"] == "1,2"
        assert echo.requests[0].headers["cookie"] == "a=1; b=2; c=3"
        assert "trailer" not in echo.requests[0].headers

    run(scene)


def test_pipelined_requests_are_answered_in_order() -> None:
    async def scene(echo: Echo, connect: Connect, stopping: asyncio.Event) -> None:
        client = await connect()
        client.send(b"GET /slow HTTP/1.1\r\n\r\n" + POST + b"GET /last HTTP/1.1\r\n\r\n")
        await asyncio.sleep(0.05)
        assert len(echo.requests) == 1
        echo.go_on.set()
        assert [(await client.answer())[1] for _ in range(3)] == [b"GET /slow ", b"POST /a abc", b"GET /last "]
        client.send(POST)
        assert (await client.answer())[1] == b"POST /a abc"

    run(scene)


def test_thousands_of_pipelined_requests_are_answered_one_after_another() -> None:
    async def scene(echo: Echo, connect: Connect, stopping: asyncio.Event) -> None:
        client = await connect()
        client.send(b"GET /now HTTP/1.1\r\n\r\n" * 3000 + b"GET /last HTTP/1.0\r\n\r\n")
        text = await client.rest()
        assert text.count(b"\r\n\r\nnow") == 3000
        assert text.endswith(b"GET /last ")

    run(scene)


def test_offer_of_another_protocol_is_not_taken_up() -> None:
    async def scene(echo: Echo, connect: Connect, stopping: asyncio.Event) -> None:
        client = await connect()
        client.send(b"GET /a HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n" + POST)
        assert (await client.answer())[1] == b"GET /a "
        assert (await client.answer())[1] == b"POST /a abc"

    run(scene)


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /a HTTP/1.0\r\n\r\n",
        b"GET /a HTTP/1.1\r\nConnection: close\r\n\r\n",
        b"GET http://elsewhere/a HTTP/1.1\r\nConnection: close\r\n\r\n",
    ],
)
def test_connection_closes_when_the_client_asks_for_it(request_bytes: bytes) -> None:
    async def scene(echo: Echo, connect: Connect, stopping: asyncio.Event) -> None:
        client = await connect()
        client.send(request_bytes)
        head, body = await client.answer()
        assert "connection: close\r\n" in head
        assert body == b"GET /a "
        assert await client.rest() == b""

    run(scene)


def test_answers_that_have_no_body_send_none() -> None:
    async def scene(echo: Echo, connect: Connect, stopping: asyncio.Event) -> None:
        client = await connect()
        client.send(b"HEAD /a HTTP/1.1\r\n\r\nGET /empty HTTP/1.1\r\n\r\nGET /b HTTP/1.0\r\n\r\n")
        text = (await client.rest()).decode()
        assert text.count("HTTP/1.1 ") == 3
        assert "HEAD /a" not in text
        assert "204 No Content\r\n\r\n" in text
        assert text.endswith("GET /b ")

    run(scene)


def test_body_is_asked_for_when_the_client_waits_to_be_asked() -> None:
    async def scene(echo: Echo, connect: Connect, stopping: asyncio.Event) -> None:
        client = await connect()
        client.send(b"PUT /x HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n")
        assert await client.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.send(b"z")
        assert (await client.answer())[1] == b"PUT /x z"

    run(scene)


@pytest.mark.parametrize(
    "head",
    [
        b"PUT /x HTTP/1.1\r\nContent-Length: 101\r\n\r\n",
        b"PUT /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nC8\r\n",
    ],
)
def test_too_long_body_is_refused_while_it_is_sent(head: bytes) -> None:
    async def scene(echo: Echo, connect: Connect, stopping: asyncio.Event) -> None:
        client = await connect()
        client.send(head + bytes(101))
        head_text, body = await client.answer()
        assert "413" in head_text
        assert body == b"/x RequestEntityTooLargeException"
        client.send(bytes(100_000))
        assert await client.rest() == b""
        assert echo.requests == []

    run(scene, body_bytes_max=100)


@pytest.mark.parametrize(
    ("sent", "body"),
    [
        (b"PUT /x HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc", b"/x RequestTimeout"),
        (b"PUT /x HTTP/1.1\r\nContent-", b"The request was not received in time."),
    ],
)
def test_request_that_does_not_end_is_refused(sent: bytes, body: bytes) -> None:
    async def scene(echo: Echo, connect: Connect, stopping: asyncio.Event) -> None:
        client = await connect()
        client.send(sent)
        head, found = await client.answer()
        assert "408" in head
        assert found == body
        assert await client.rest() == b""

    run(scene, body_wait_ms_max=50)


def test_endless_head_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_connection, "HEAD_BYTES_MAX", 1000)

    async def scene(echo: Echo, connect: Connect, stopping: asyncio.Event) -> None:
        client = await connect()
        client.send(b"GET / HTTP/1.1\r\nA: " + b"x" * 2000)
        assert "431" in (await client.answer())[0]

    run(scene)


def test_no_request_is_told_so() -> None:
    async def scene(echo: Echo, connect: Connect, stopping: asyncio.Event) -> None:
        client = await connect()
        client.send(b"\x16\x03\x01 nonsense\r\n\r\n")
        head, body = await client.answer()
        assert "400 Bad Request" in head
        assert body == b"Invalid HTTP request received."

    run(scene)


def test_header_with_a_line_break_is_never_sent() -> None:
    async def scene(echo: Echo, connect: Connect, stopping: asyncio.Event) -> None:
        client = await connect()
        client.send(b"GET /bad HTTP/1.1\r\n\r\n")
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await client.answer()

    run(scene)


def test_handler_learns_that_the_client_went_away() -> None:
    async def scene(echo: Echo, connect: Connect, stopping: asyncio.Event) -> None:
        client = await connect()
        client.send(b"GET /slow HTTP/1.1\r\n\r\n")
        async with asyncio.timeout(10):
            while not echo.connections:
                await asyncio.sleep(0.001)
            client.writer.close()
            while not echo.connections[0].is_gone:
                await asyncio.sleep(0.001)
        echo.go_on.set()

    run(scene)


def test_idle_connection_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_connection, "IDLE_S", 0.05)

    async def scene(echo: Echo, connect: Connect, stopping: asyncio.Event) -> None:
        client = await connect()
        try:
            assert await client.rest() == b""
        except ConnectionError:
            return

    run(scene)


def test_stopping_server_answers_what_it_has_begun() -> None:
    async def scene(echo: Echo, connect: Connect, stopping: asyncio.Event) -> None:
        busy, idle = await connect(), await connect()
        idle.send(POST)
        await idle.answer()
        busy.send(b"GET /slow HTTP/1.1\r\n\r\n")
        while len(echo.requests) < 2:
            await asyncio.sleep(0.001)
        stopping.set()
        assert await idle.rest() == b""
        echo.go_on.set()
        head, body = await busy.answer()
        assert "connection: close" in head
        assert body == b"GET /slow "

    run(scene)
