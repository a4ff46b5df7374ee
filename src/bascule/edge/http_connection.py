"""One client's connection: bytes to requests and answers to bytes, on the parser of httptools.

Why a protocol class of our own: most requests arrive whole and are answered whole, and for those a general server interface
(a task, a queue of events, a timer and two writes a request) cost more than the work itself (docs/decisions/0008). Parsing,
the part that is hard to get right, stays with the library.

Rules of the file. Requests of one connection are answered one after another, in order. What a client can make us keep is
bounded: a head, a body, and what one read brought beyond the request under way. Every wait for a client has an end.
"""

from __future__ import annotations

import asyncio
import http
import logging
from collections import deque
from collections.abc import Coroutine
from typing import Any, Protocol, cast

import httptools

from bascule.edge.connection import Answered, ClientGone, Connection
from bascule.kernel.errors import AwsError
from bascule.kernel.settings import Settings
from bascule.kernel.streaming import BrokenOff
from bascule.protocol import HttpAnswer, HttpRequest, HttpStreamedAnswer

log = logging.getLogger("bascule.edge")

#: A request line with its headers may be this long, as for Lambda. bytes
HEAD_BYTES_MAX = 1_048_576
#: Header lines of a request. count; ours, because lines of one name are joined, and many short ones would cost much.
HEADERS_MAX = 1_000
#: More than these are answered 503 and closed: each may keep a body, and what functions need of the descriptors stays free. count
CONNECTIONS_MAX = 10_000
#: A connection on which nothing happens is closed after this long. seconds
IDLE_S = 75.0
#: After a refusal the rest of a request is read and thrown away for so long, or the client would not see the answer. seconds
LINGER_S = 2.0

#: A client that takes nothing of an answer it is being sent is given up after this long. seconds
STALLED_S = 300.0

_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in http.HTTPStatus}
_BODILESS = frozenset((204, 304))


class BodyTooLarge(AwsError):
    """Request body is larger than this server accepts."""

    code = "RequestEntityTooLargeException"
    status = 413


class BodyTooSlow(AwsError):
    """The request body was not received within the time this server allows."""

    code = "RequestTimeout"
    status = 408


class Handler(Protocol):
    """What answers requests."""

    def begin(
        self, request: HttpRequest, *, source_ip: str, base_url: str, connection: Connection, answered: Answered
    ) -> Coroutine[Any, Any, None] | None:
        """Answer a whole request: ``answered`` is called once, with None when nobody waits for the answer any more. Gives
        what must be run as a task for that, if anything."""

    def refuse(self, request: HttpRequest, error: AwsError) -> HttpAnswer:
        """The answer to a request that is refused before its body was read."""


class HttpConnection(asyncio.Protocol):
    """The parser calls ``on_...``; ``_begin`` hands a whole request over; ``_send`` writes its answer."""

    def __init__(
        self, handler: Handler, settings: Settings, connections: set[HttpConnection], count_max: int = CONNECTIONS_MAX
    ) -> None:
        self._handler = handler
        self._settings = settings
        self._connections = connections
        self._count_max = count_max
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport
        self._source_ip = "127.0.0.1"
        self._client = Connection()
        #: Requests read beyond the one under way, each with whether the connection outlives it.
        self._ready: deque[tuple[HttpRequest, bool]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._is_busy = False
        self._is_advancing = False
        self._has_body = True
        self._keeps_alive = True
        self._is_over = False
        self._is_paused = False
        self._is_in_message = False
        self._is_in_head = False
        self._head_bytes = 0
        self._deadline: asyncio.TimerHandle | None = None
        self._idle_since_s = 0.0
        #: While the client takes less than it is sent: done when it can be sent more.
        self._drained: asyncio.Future[None] | None = None
        self._reset()

    def _reset(self) -> None:
        self._url = b""
        self._headers: dict[str, str] = {}
        self._header_count = 0
        self._body = b""
        #: What came after it. One buffer, because a client may send its body in pieces of a byte.
        self._more_body = bytearray()
        self._body_bytes = 0

    # -- the transport's side ----------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's does not inherit from it
        peer = transport.get_extra_info("peername")
        if peer:
            self._source_ip = peer[0]
        self._connections.add(self)
        self._idle_since_s = self._loop.time()
        self._idle_timer = self._loop.call_later(IDLE_S, self._look_idle)
        if len(self._connections) > self._count_max:
            self._keeps_alive = False
            self._send(HttpAnswer(503, [("content-type", "text/plain; charset=utf-8")], b"Too many connections."))
            self._close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)
        self._client.is_gone = True
        self._is_over = True
        self._idle_timer.cancel()
        self._ready.clear()
        self._end_deadline()
        self.resume_writing()

    def pause_writing(self) -> None:
        self._drained = self._loop.create_future()

    def resume_writing(self) -> None:
        drained, self._drained = self._drained, None
        if drained is not None and not drained.done():
            drained.set_result(None)

    def data_received(self, data: bytes) -> None:
        if self._is_over:
            return
        if self._is_in_head or not self._is_in_message:
            self._head_bytes += len(data)
        while data:
            try:
                self._parser.feed_data(data)
                break
            except httptools.HttpParserUpgrade as upgrade:
                data = data[upgrade.args[0] :]  # offers to speak another protocol are not taken up, as HTTP allows
            except httptools.HttpParserError:
                self._refuse_plainly(400, "Invalid HTTP request received.")
                return
        if self._is_in_message:
            self._look_incomplete()

    def finish(self) -> None:
        """The server stops: close after the answer that is under way."""
        self._keeps_alive = False
        self._ready.clear()
        if not self._is_busy:
            self._close()

    def abort(self) -> None:
        """End the connection and what it waits for now."""
        if self._task is not None:
            self._task.cancel()
        self._transport.abort()

    def _look_incomplete(self) -> None:
        """After a read that ended inside a request: bound its head and its time."""
        if self._is_in_head and self._head_bytes > HEAD_BYTES_MAX:
            self._refuse_plainly(431, "The request line and its headers are too long.")
        elif self._deadline is None and not self._is_over:
            self._deadline = self._loop.call_later(self._settings.body_wait_ms_max / 1000, self._too_slow)

    def _too_slow(self) -> None:
        self._deadline = None
        if self._is_in_head:
            self._refuse_plainly(408, "The request was not received in time.")
        else:
            self._refuse(BodyTooSlow())

    def _end_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _look_idle(self) -> None:
        is_idle = not self._is_busy and not self._is_in_message
        left_s = self._idle_since_s + IDLE_S - self._loop.time()
        if is_idle and left_s <= 0:
            self._transport.abort()
            return
        self._idle_timer = self._loop.call_later(left_s if is_idle else IDLE_S, self._look_idle)

    # -- the parser's side -------------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self._is_in_message = self._is_in_head = True

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._is_in_head:
            return  # a trailer
        self._header_count += 1
        if self._header_count > HEADERS_MAX:
            self._refuse_plainly(431, f"The request has more than {HEADERS_MAX} header lines.")
            return
        key = name.decode("latin-1").lower()
        text = value.decode("latin-1")
        headers = self._headers
        if key in headers:
            # Cookies may come in several headers; what is between two in one is a semicolon (RFC 9113, 8.2.3).
            headers[key] += f"{'; ' if key == 'cookie' else ','}{text}"
        else:
            headers[key] = text

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        self._head_bytes = 0
        length = self._headers.get("content-length", "")
        if length.isdigit() and int(length) > self._settings.body_bytes_max:
            self._refuse(BodyTooLarge())
        elif not self._is_busy:
            self._invite()

    def _invite(self) -> None:
        """Ask for the body of the request that is being read, if its client waits for that; never amid another answer."""
        if not self._is_over and "expect" in self._headers and self._headers["expect"].lower() == "100-continue":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        if self._is_over:
            return
        self._body_bytes += len(body)
        if self._body_bytes > self._settings.body_bytes_max:
            self._refuse(BodyTooLarge())
        elif not self._body:
            self._body = body
        else:
            self._more_body += body

    def on_message_complete(self) -> None:
        self._is_in_message = False
        if self._is_over:
            return
        self._end_deadline()
        request = self._request()
        parser = self._parser
        keeps_alive = parser.should_keep_alive() and parser.get_http_version() != "1.0"
        self._reset()
        self._ready.append((request, keeps_alive))
        self._advance()
        if self._ready and not self._is_paused:
            self._is_paused = True
            self._transport.pause_reading()

    def _request(self) -> HttpRequest:
        url = self._url
        if url.startswith(b"/") and b"#" not in url:
            path, _, query = url.partition(b"?")
        else:
            parsed = httptools.parse_url(url)
            path, query = parsed.path or b"/", parsed.query or b""
        return HttpRequest(
            self._parser.get_method().decode("ascii"),
            path.decode("latin-1"),
            query.decode("latin-1"),
            self._headers,
            self._body + self._more_body if self._more_body else self._body,
        )

    # -- answers -----------------------------------------------------------------------------------------------------

    def _advance(self) -> None:
        """Begin requests until one has to be waited for. Not again from within, however many answer at once."""
        if self._is_advancing:
            return
        self._is_advancing = True
        while self._ready and not self._is_busy and not self._is_over:
            self._begin(*self._ready.popleft())
        self._is_advancing = False

    def _begin(self, request: HttpRequest, keeps_alive: bool) -> None:
        self._keeps_alive = keeps_alive
        self._is_busy = True
        self._has_body = request.method != "HEAD"
        try:
            rest = self._handler.begin(
                request,
                source_ip=self._source_ip,
                base_url=f"http://{request.headers.get('host', '')}",
                connection=self._client,
                answered=self._answered,
            )
        except Exception:  # noqa: BLE001 - the top of a request: the client sees that it gets no answer
            self._fail()
            return
        if rest is not None:
            self._task = self._loop.create_task(self._run(rest))

    async def _run(self, rest: Coroutine[Any, Any, None]) -> None:
        try:
            await rest
        except ClientGone:
            self._close()
        except Exception:  # noqa: BLE001 - the top of an answer: the client sees that it gets none
            self._fail()

    def _fail(self) -> None:
        log.exception("a request could not be answered")
        self._is_over = True
        self._transport.abort()

    def _answered(self, answer: HttpAnswer | HttpStreamedAnswer | None) -> None:
        if isinstance(answer, HttpStreamedAnswer):
            self._task = self._loop.create_task(self._run(self._send_parts(answer)))
            return
        if answer is None or self._client.is_gone:
            self._close()
        else:
            try:
                self._send(answer)
            except ValueError:
                self._fail()
        self._go_on()

    def _go_on(self) -> None:
        """After an answer: the next request, or wait for one."""
        self._is_busy = False
        self._task = None
        self._idle_since_s = self._loop.time()
        if not self._keeps_alive or self._is_over:
            self._close()
            return
        if self._ready:
            self._advance()
        elif self._is_in_message and not self._is_in_head:
            self._invite()
        if self._is_paused and not self._ready:
            self._is_paused = False
            self._transport.resume_reading()

    def _send(self, answer: HttpAnswer) -> None:
        has_body = self._has_body
        lines = [_STATUS_LINES.get(answer.status) or f"HTTP/1.1 {answer.status} \r\n"]
        for name, value in answer.headers:
            lines.append(f"{name}: {value}\r\n")
        if answer.status not in _BODILESS:
            lines.append(f"content-length: {len(answer.body)}\r\n")
        else:
            has_body = False
        if not self._keeps_alive:
            lines.append("connection: close\r\n")
        lines.append("\r\n")
        head = "".join(lines)
        if head.count("\n") != len(lines) or head.count("\r") != len(lines):
            raise ValueError("a header holds a line break")
        self._transport.write(head.encode("latin-1") + answer.body if has_body else head.encode("latin-1"))

    async def _send_parts(self, answer: HttpStreamedAnswer) -> None:
        """Send what comes, as fast as the client takes it. An answer that cannot be completed ends with the connection.

        Raises   ClientGone. A client of HTTP/1.0, which knows no chunks, is sent the parts as they are.
        """
        has_body = self._has_body and answer.status not in _BODILESS
        is_chunked = has_body and self._parser.get_http_version() != "1.0"
        self._keeps_alive = self._keeps_alive and (is_chunked or not has_body)
        headers = [*answer.headers, *([("transfer-encoding", "chunked")] if is_chunked else [])]
        if not self._keeps_alive:
            headers.append(("connection", "close"))
        lines = [f"{name}: {value}" for name, value in headers]
        if any("\r" in line or "\n" in line for line in lines):
            raise ValueError("a header holds a line break")
        start = _STATUS_LINES.get(answer.status) or f"HTTP/1.1 {answer.status} \r\n"
        self._transport.write((start + "\r\n".join([*lines, "\r\n"])).encode("latin-1"))
        try:
            async for part in answer.parts:
                if part and has_body:
                    self._transport.write(b"%x\r\n%b\r\n" % (len(part), part) if is_chunked else part)
                if self._drained is not None:
                    await self._until_taken(self._drained)
                self._client.check()
            if is_chunked:
                self._transport.write(b"0\r\n\r\n")
        except BrokenOff as error:
            log.warning("an answer was broken off: %s", error)
            self._close()
        finally:
            await answer.parts.aclose()
        self._go_on()

    async def _until_taken(self, drained: asyncio.Future[None]) -> None:
        try:
            async with asyncio.timeout(STALLED_S):
                await drained
        except TimeoutError:
            self._transport.abort()
            raise ClientGone from None

    def _refuse(self, error: AwsError) -> None:
        """Answer a request that was not read to its end, in the shape its client expects, and close."""
        try:
            request = self._request()
        except httptools.HttpParserError:
            self._refuse_plainly(400, "Invalid HTTP request received.")
            return
        self._end_with(self._handler.refuse(request, error))

    def _refuse_plainly(self, status: int, text: str) -> None:
        """Answer what is no request, or not yet one."""
        self._end_with(HttpAnswer(status, [("content-type", "text/plain; charset=utf-8")], text.encode("ascii")))

    def _end_with(self, answer: HttpAnswer) -> None:
        if self._is_over:
            return
        self._is_over = True
        self._keeps_alive = False
        self._ready.clear()
        self._end_deadline()
        if self._is_busy:
            return  # the client is owed another answer first, and after a broken request gets no more
        self._send(answer)
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._deadline = self._loop.call_later(LINGER_S, self._close)

    def _close(self) -> None:
        self._is_over = True
        self._transport.close()
