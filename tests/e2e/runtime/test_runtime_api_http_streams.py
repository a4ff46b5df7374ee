"""Bodies that the listener hands on while they arrive, over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import uvloop

from bascule.runtime.http_listener import ApiAnswer, ApiRequest, HttpListener
from bascule.runtime.limits import API_HEAD_BYTES_MAX, RESPONSE_BYTES_MAX
from bascule.runtime.response_stream import Source

HEAD = b"POST /s HTTP/1.1\r\ntransfer-encoding: chunked\r\nlambda-runtime-function-response-mode: streaming\r\n"
OFFER = b"connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAEAAEAAAAIAAAAA\r\n"


class Taker:
    """Takes the body of any request that says it streams; notes what it is told."""

    def __init__(self) -> None:
        self.listener = HttpListener(self.handle, self.receive)
        self.asked: list[tuple[str, str]] = []
        self.chunks: list[bytes] = []
        self.ends: list[str] = []
        self.source: Source
        self.heard = asyncio.Event()

    def handle(self, request: ApiRequest) -> ApiAnswer:
        return ApiAnswer(200, b"whole %d" % len(request.body))

    def receive(self, request: ApiRequest, source: Source) -> Taker | None:
        self.asked.append((request.method, request.path))
        self.source = source
        return self

    def take(self, chunk: bytes) -> None:
        self.chunks.append(chunk)
        self.heard.set()

    def end(self, headers: dict[str, str]) -> ApiAnswer:
        self.ends.append(headers.get("x-last", "ended"))
        return ApiAnswer(202, b"taken")

    def lose(self) -> None:
        self.ends.append("lost")
        self.heard.set()

    async def until_heard(self) -> None:
        await asyncio.wait_for(self.heard.wait(), 10)
        self.heard.clear()


Scene = Callable[[Taker, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def with_taker(scene: Scene) -> Callable[[], None]:
    def run() -> None:
        async def running() -> None:
            taker = Taker()
            await taker.listener.open()
            host, _, port = taker.listener.address.partition(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            try:
                await asyncio.wait_for(scene(taker, reader, writer), 30)
            finally:
                writer.close()
                taker.listener.close()
                await asyncio.sleep(0.01)

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(running())

    run.__name__ = scene.__name__
    return run


async def answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    return await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]))


@with_taker
async def test_chunks_are_handed_on_before_the_body_is_over(
    taker: Taker, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    writer.write(HEAD + b"\r\n")
    for chunk in (b"a", b"bc"):
        writer.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        await taker.until_heard()
        assert taker.chunks[-1] == chunk
    writer.write(b"0\r\nX-Last: trailer\r\n\r\nPOST /w HTTP/1.1\r\ncontent-length: 2\r\n\r\nxx")
    assert await answer(reader) == b"taken"
    assert await answer(reader) == b"whole 2"
    assert (taker.ends, taker.asked) == (["trailer"], [("POST", "/s")])


@with_taker
async def test_a_streamed_body_may_be_longer_than_one_that_is_kept(
    taker: Taker, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    writer.write(HEAD + b"\r\n")
    for _ in range(8):
        writer.write(b"100000\r\n" + bytes(1 << 20) + b"\r\n")
    writer.write(b"0\r\n\r\n")
    assert await answer(reader) == b"taken"
    assert sum(map(len, taker.chunks)) == 8 << 20 > RESPONSE_BYTES_MAX
    assert taker.listener.kept_bytes == 0


@with_taker
async def test_a_paused_connection_is_not_read(
    taker: Taker, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    writer.write(HEAD + b"\r\n1\r\na\r\n")
    await taker.until_heard()
    taker.source.pause()
    taker.source.pause()
    writer.write(b"1\r\nb\r\n0\r\n\r\n")
    await asyncio.sleep(0.02)
    assert (taker.chunks, taker.ends) == ([b"a"], [])
    taker.source.resume()
    taker.source.resume()
    assert await answer(reader) == b"taken"
    assert taker.chunks == [b"a", b"b"]


@with_taker
async def test_a_connection_that_ends_in_the_middle_is_lost_once(
    taker: Taker, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    writer.write(HEAD + b"\r\n1\r\na\r\n")
    await taker.until_heard()
    writer.close()
    await taker.until_heard()
    taker.listener.close()
    taker.source.pause()
    taker.source.resume()
    assert taker.ends == ["lost"]


@with_taker
async def test_endless_trailers_end_the_connection(
    taker: Taker, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    writer.write(HEAD + b"\r\n0\r\n")
    try:
        for _ in range(2 * API_HEAD_BYTES_MAX // 65_536):
            writer.write(b"X-More: " + b"x" * 65_536 + b"\r\n")
            await writer.drain()
        assert await reader.read() == b""
    except ConnectionError:
        pass
    await taker.until_heard()
    assert taker.ends == ["lost"]


@with_taker
async def test_a_client_that_offers_another_protocol_streams_all_the_same(
    taker: Taker, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    writer.write(HEAD + OFFER + b"\r\n1\r\na\r\n0\r\n\r\n")
    assert await answer(reader) == b"taken"
    assert (taker.chunks, taker.ends, len(taker.asked)) == ([b"a"], ["ended"], 1)
