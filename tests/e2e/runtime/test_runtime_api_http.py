"""The listener of an environment against clients that are slow, wrong or hostile."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
from collections.abc import Awaitable, Callable

import pytest
import uvloop

from bascule.runtime import http_listener
from bascule.runtime.http_listener import Admission, ApiAnswer, ApiRequest, HttpListener
from bascule.runtime.limits import API_CONNECTIONS_MAX, API_HEAD_BYTES_MAX, API_PIPELINED_MAX, RESPONSE_BYTES_MAX
from bascule.runtime.peers import Address

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Echo:
    """Answers with what it was asked; ``/wait`` waits."""

    def __init__(self) -> None:
        self.listener = HttpListener(self.handle, admit=self.admit)
        #: What connections get; a future: they have to wait.
        self.admission: Admission | asyncio.Future[Admission] = Admission.ANSWERED
        self.asked: list[str] = []
        self.waiting: list[asyncio.Future[ApiAnswer]] = []
        self.writers: list[asyncio.StreamWriter] = []

    def admit(self, peer: Address, ours: Address) -> Admission | asyncio.Future[Admission]:
        return self.admission

    def handle(self, request: ApiRequest) -> ApiAnswer | asyncio.Future[ApiAnswer]:
        self.asked.append(request.path)
        if request.path == "/wait":
            self.waiting.append(asyncio.get_running_loop().create_future())
            return self.waiting[-1]
        about = [request.method, request.path, len(request.body), request.is_oversize, request.headers.get("x-last")]
        return ApiAnswer(200, json.dumps(about).encode())

    async def connect(self) -> Streams:
        host, _, port = self.listener.address.partition(":")
        streams = await asyncio.open_connection(host, int(port))
        self.writers.append(streams[1])
        return streams

    async def leave(self) -> None:
        """Close everything, clients first."""
        for writer in self.writers:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
        self.listener.close()
        await until(lambda: not self.listener.connections)


def with_echo(test: Callable[[Echo], Awaitable[None]]) -> Callable[[], None]:
    def run() -> None:
        async def running() -> None:
            echo = Echo()
            await echo.listener.open()
            try:
                await asyncio.wait_for(test(echo), 30)
            finally:
                await echo.leave()

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(running())

    run.__name__ = test.__name__
    return run


async def answer(reader: asyncio.StreamReader) -> list[object]:
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n"), head
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    decoded: list[object] = json.loads(await reader.readexactly(length))
    return decoded


async def until(is_true: Callable[[], bool]) -> None:
    while not is_true():
        await asyncio.sleep(0.001)


@with_echo
async def test_requests_of_one_connection_are_answered_in_order(echo: Echo) -> None:
    reader, writer = await echo.connect()
    writer.write(b"GET /wait HTTP/1.1\r\n\r\nPOST /b?q HTTP/1.1\r\ncontent-length: 2\r\n\r\nxxGET /c HTTP/1.1\r\n\r\n")
    await until(lambda: len(echo.waiting) == 1)
    echo.waiting[0].set_result(ApiAnswer(200, b"[]"))
    assert await answer(reader) == []
    assert await answer(reader) == ["POST", "/b", 2, False, None]
    assert await answer(reader) == ["GET", "/c", 0, False, None]


@with_echo
async def test_chunked_bodies_arrive_whole_with_their_trailers(echo: Echo) -> None:
    reader, writer = await echo.connect()
    writer.write(b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n")
    await asyncio.sleep(0)
    writer.write(b"2\r\nde\r\n0\r\nX-Last: yes\r\n\r\n")
    assert await answer(reader) == ["POST", "/", 5, False, "yes"]


@with_echo
async def test_a_client_that_asks_first_is_told_to_go_on(echo: Echo) -> None:
    reader, writer = await echo.connect()
    writer.write(b"POST / HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 1\r\n\r\n")
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(b"x")
    assert await answer(reader) == ["POST", "/", 1, False, None]


@with_echo
async def test_a_body_of_the_limit_is_kept_and_a_larger_one_is_not(echo: Echo) -> None:
    reader, writer = await echo.connect()
    for length, kept, is_oversize in (
        (RESPONSE_BYTES_MAX, RESPONSE_BYTES_MAX, False),
        (RESPONSE_BYTES_MAX + 1, 0, True),
    ):
        writer.write(b"POST / HTTP/1.1\r\ncontent-length: %d\r\n\r\n" % length + b"x" * length)
        assert await answer(reader) == ["POST", "/", kept, is_oversize, None]
    assert echo.listener.kept_bytes == 0


@with_echo
async def test_a_client_that_goes_takes_its_long_poll_and_its_bytes_with_it(echo: Echo) -> None:
    _, writer = await echo.connect()
    writer.write(b"GET /wait HTTP/1.1\r\n\r\nPOST / HTTP/1.1\r\ncontent-length: 9\r\n\r\nhalf")
    await until(lambda: echo.listener.kept_bytes == 4)
    writer.close()
    await until(lambda: echo.waiting[0].cancelled())
    assert echo.listener.kept_bytes == 0
    assert not echo.listener.connections


@with_echo
async def test_garbage_endless_heads_and_endless_pipelines_end_the_connection(echo: Echo) -> None:
    for sent in (
        b"\x00\x01garbage\r\n\r\n",
        b"GET / HTTP/1.1\r\nx: " + b"y" * (API_HEAD_BYTES_MAX + 1),
        b"GET /wait HTTP/1.1\r\n\r\n" * (API_PIPELINED_MAX + 2),
    ):
        reader, writer = await echo.connect()
        writer.write(sent)
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""


@with_echo
async def test_more_connections_than_allowed_are_dropped(echo: Echo) -> None:
    kept = [await echo.connect() for _ in range(API_CONNECTIONS_MAX)]
    await until(lambda: len(echo.listener.connections) == API_CONNECTIONS_MAX)
    reader, _ = await echo.connect()
    with contextlib.suppress(ConnectionError):
        assert await reader.read() == b""
    reader, still = kept[0]
    still.write(b"GET / HTTP/1.1\r\n\r\n")
    assert await answer(reader) == ["GET", "/", 0, False, None]


@with_echo
async def test_bodies_of_many_connections_share_one_bound(echo: Echo) -> None:
    half = RESPONSE_BYTES_MAX - 1
    connections = [await echo.connect() for _ in range(4)]
    for _, writer in connections:
        writer.write(b"POST / HTTP/1.1\r\ncontent-length: %d\r\n\r\n" % (half + 1) + b"x" * half)
    await until(lambda: echo.listener.kept_bytes >= http_listener.API_BODIES_BYTES_MAX - half)
    assert echo.listener.kept_bytes <= http_listener.API_BODIES_BYTES_MAX + half
    for _, writer in connections:
        writer.write(b"x")
    answers = [await answer(reader) for reader, _ in connections]
    assert any(is_oversize for _, _, _, is_oversize, _ in answers)
    assert echo.listener.kept_bytes == 0


@with_echo
async def test_an_offer_of_another_protocol_is_not_taken(echo: Echo) -> None:
    reader, writer = await echo.connect()
    offer = b"connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAEAAEAAAAIAAAAA\r\n"
    writer.write(b"GET /a HTTP/1.1\r\n" + offer + b"\r\nPOST /b HTTP/1.1\r\ncontent-length: 2\r\n" + offer + b"\r\nxx")
    assert await answer(reader) == ["GET", "/a", 0, False, None]
    assert await answer(reader) == ["POST", "/b", 2, False, None]


@with_echo
async def test_an_old_client_is_answered_and_let_go(echo: Echo) -> None:
    reader, writer = await echo.connect()
    writer.write(b"GET / HTTP/1.0\r\n\r\n")
    assert (await reader.read()).endswith(b'["GET", "/", 0, false, null]')


def test_an_address_that_was_closed_does_not_answer() -> None:
    async def opened_and_closed() -> str:
        echo = Echo()
        await echo.listener.open()
        echo.listener.close()
        await asyncio.sleep(0)
        return echo.listener.address

    connection = http.client.HTTPConnection(asyncio.run(opened_and_closed()), timeout=5)
    with pytest.raises(OSError), contextlib.closing(connection):
        connection.connect()


@with_echo
async def test_a_connection_that_is_refused_is_closed_unread(echo: Echo) -> None:
    echo.admission = Admission.REFUSED
    reader, writer = await echo.connect()
    writer.write(b"GET /a HTTP/1.1\r\n\r\n")
    with contextlib.suppress(ConnectionError):
        assert await reader.read() == b""
    assert (echo.asked, echo.listener.connections) == ([], set())


@with_echo
async def test_what_is_only_heard_counts_and_gets_no_answer(echo: Echo) -> None:
    echo.admission = Admission.HEARD
    reader, writer = await echo.connect()
    writer.write(b"POST /a HTTP/1.1\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\nx")
    with contextlib.suppress(ConnectionError):
        assert await reader.read() == b""
    assert echo.asked == ["/a"]


async def held_request(echo: Echo, *, goes: bool) -> tuple[asyncio.Future[Admission], Streams]:
    """A connection with one request that has come and that nobody has decided on."""
    decided: asyncio.Future[Admission] = asyncio.get_running_loop().create_future()
    echo.admission = decided
    streams = await echo.connect()
    streams[1].write(b"GET /held HTTP/1.1\r\n\r\n")
    if goes:
        streams[1].close()
    echo.admission = Admission.ANSWERED
    reader, writer = await echo.connect()
    for _ in range(3):  # what came before them has been read by then
        writer.write(b"GET /other HTTP/1.1\r\n\r\n")
        await answer(reader)
    assert len(echo.listener.held) == 1
    assert set(echo.asked) == {"/other"}
    return decided, streams


@with_echo
async def test_nothing_is_done_before_it_is_decided_and_nothing_is_lost(echo: Echo) -> None:
    decided, (reader, writer) = await held_request(echo, goes=False)
    decided.set_result(Admission.ANSWERED)
    assert (await answer(reader))[1] == "/held"
    writer.write(b"GET /more HTTP/1.1\r\n\r\n")
    assert (await answer(reader))[1] == "/more"


@with_echo
async def test_what_somebody_said_who_went_can_still_count(echo: Echo) -> None:
    decided, _ = await held_request(echo, goes=True)
    decided.set_result(Admission.HEARD)
    await until(lambda: echo.asked[-1] == "/held" and len(echo.listener.connections) == 1)


@with_echo
async def test_what_is_refused_in_the_end_was_not_heard(echo: Echo) -> None:
    decided, (reader, _) = await held_request(echo, goes=False)
    decided.set_result(Admission.REFUSED)
    with contextlib.suppress(ConnectionError):
        assert await reader.read() == b""
    assert "/held" not in echo.asked
