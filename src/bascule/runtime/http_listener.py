"""A small HTTP/1.1 server on a loopback port, for the processes of one execution environment.

Every environment has a port of its own, and who knows it is not trusted for that: ``admit`` says, once for each connection,
whether it comes from the environment. What arrives is not trusted either: heads, bodies, connections and pipelined requests are
bounded. Requests of one connection are answered in order, and an answer may be a future (a long poll); when the client goes,
the future is cancelled. A body is read whole unless a ``Receiver`` wants it as it comes.
"""

from __future__ import annotations

import asyncio
import enum
import http
from collections import deque
from collections.abc import Callable
from typing import Protocol, cast

import httptools
import msgspec

from bascule.runtime.limits import (
    API_BODIES_BYTES_MAX,
    API_CONNECTIONS_MAX,
    API_HEAD_BYTES_MAX,
    API_PIPELINED_MAX,
    RESPONSE_BYTES_MAX,
)
from bascule.runtime.peers import Address
from bascule.runtime.response_stream import Source

#: A request with this header may have a body that is wanted as it comes.
STREAMS_HEADER = "lambda-runtime-function-response-mode"
_PHRASES = {status.value: status.phrase for status in http.HTTPStatus}


class ApiRequest(msgspec.Struct, frozen=True):
    """A request read whole. Header names are lower case; trailers count as headers."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""
    #: The body was longer than may be kept, and was not.
    is_oversize: bool = False


class ApiAnswer(msgspec.Struct, frozen=True):
    """What goes back. ``Content-Length`` is added."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = msgspec.field(default_factory=lambda: {"Content-Type": "application/json"})


class Receiver(Protocol):
    """Takes a request's body while it arrives; exactly one of ``end`` and ``lose`` is the last call."""

    def take(self, chunk: bytes) -> None:
        """More of the body."""

    def end(self, headers: dict[str, str]) -> ApiAnswer:
        """That was all of it; trailers are among the headers now."""

    def lose(self) -> None:
        """The connection is gone."""


Handle = Callable[[ApiRequest], "ApiAnswer | asyncio.Future[ApiAnswer]"]
#: Asked with a request that has no body yet; None: it is to be read whole.
Receive = Callable[[ApiRequest, Source], Receiver | None]


class Admission(enum.Enum):
    """What becomes of a connection."""

    ANSWERED = "its requests are answered"
    HEARD = "its requests count, but nothing is said to it"
    REFUSED = "it is closed"


#: Asked once for each connection: the client's address and ours. Until a future is done nothing is looked at.
Admit = Callable[[Address, Address], "Admission | asyncio.Future[Admission]"]


def read_whole(request: ApiRequest, source: Source) -> None:
    """A ``Receive`` that wants no body before it is whole."""


def admit_all(peer: Address, ours: Address) -> Admission:
    """An ``Admit`` for clients that nobody else can pretend to be."""
    return Admission.ANSWERED


class HttpListener:
    """Serves ``handle`` on a port of 127.0.0.1 from ``open`` to ``close``; ``receive`` is asked first by who says it streams.

    A connection that ``admit`` refuses is closed before anything of it is read.
    """

    def __init__(self, handle: Handle, receive: Receive = read_whole, admit: Admit = admit_all) -> None:
        self.handle = handle
        self.receive = receive
        self.admit = admit
        self.address = ""
        #: Bytes of request bodies kept now, over all connections.
        self.kept_bytes = 0
        self.connections: set[_Connection] = set()
        #: Those that nobody has decided on yet.
        self.held: set[_Connection] = set()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Begin to listen; sets ``address``. Raises OSError when there is no port."""
        self._server = await asyncio.get_running_loop().create_server(lambda: _Connection(self), "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        self.address = f"{host}:{port}"

    def close(self) -> None:
        """Stop listening and drop every connection. Twice is fine."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in [*self.connections, *self.held]:
            connection.drop()


class _Connection(asyncio.Protocol):
    """One client. The parser's callbacks (``on_...``) build requests; ``_advance`` answers them one by one."""

    def __init__(self, listener: HttpListener) -> None:
        self._listener = listener
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._waiting: deque[tuple[ApiRequest, bool]] = deque()
        self._pending: asyncio.Future[ApiAnswer] | None = None
        self._is_in_head = True
        self._head_bytes = 0
        self._is_writable = True
        self._is_answered = True
        #: What came before it was decided who this is; None: it is.
        self._early: bytes | None = None
        self._is_at_end = False
        self._receiver: Receiver | None = None
        self._reset()

    def _reset(self) -> None:
        self._url = b""
        self._headers: dict[str, str] = {}
        self._chunks: list[bytes] = []
        self._body_bytes = 0
        self._is_oversize = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's does not inherit from it
        peer, ours = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        admission = self._listener.admit(peer, ours) if peer and ours else Admission.REFUSED
        if isinstance(admission, Admission):
            self._enter(admission)
        else:
            self._early = b""
            self._listener.held.add(self)
            admission.add_done_callback(self._decided)

    def _decided(self, admission: asyncio.Future[Admission]) -> None:
        self._listener.held.discard(self)
        early, self._early = self._early or b"", None
        if self._transport is None:
            return
        self._enter(admission.result())
        if not self._transport.is_closing():
            self.data_received(early)
            if self._is_at_end:
                self._lose()
                self._transport.close()
            else:
                self.resume()

    def _enter(self, admission: Admission) -> None:
        if admission is Admission.REFUSED:
            self.drop()
            return
        self._is_answered = admission is Admission.ANSWERED
        self._listener.connections.add(self)
        if len(self._listener.connections) > API_CONNECTIONS_MAX:
            self.drop()

    def connection_lost(self, exc: Exception | None) -> None:
        self._listener.connections.discard(self)
        self._transport = None
        self._listener.held.discard(self)
        self._lose()
        self._let_go(self._body_bytes)
        self._body_bytes = 0
        while self._waiting:
            self._let_go(len(self._waiting.popleft()[0].body))
        if self._pending is not None:
            self._pending.cancel()

    def eof_received(self) -> bool:
        """The client may ask on another connection before this one's loss is reported."""
        if self._early is not None:
            self._is_at_end = True
            return True
        self._lose()
        return False

    def _lose(self) -> None:
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            receiver.lose()

    def _let_go(self, body_bytes: int) -> None:
        self._listener.kept_bytes -= body_bytes

    def drop(self) -> None:
        """End the connection now."""
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        if self._early is not None:
            # Only a transport that reads already can be paused.
            self._early += data
            self.pause()
            return
        try:
            self._feed(data)
        except httptools.HttpParserError:
            self.drop()
            return
        if self._is_in_head:
            self._head_bytes += len(data)
            if self._head_bytes > API_HEAD_BYTES_MAX:
                self.drop()

    def _feed(self, data: bytes) -> None:
        """Parse. Some clients offer another protocol with each request; it is parsed again as if they had not."""
        while data:
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as offer:
                data = self._head_without_offer() + data[offer.args[0] :]
                self._parser = httptools.HttpRequestParser(self)
                self._reset()
            else:
                return

    def _head_without_offer(self) -> bytes:
        method, headers = self._parser.get_method(), self._headers
        kept = {name: value for name, value in headers.items() if name not in ("connection", "upgrade", "expect")}
        lines = [f"{name}: {value}" for name, value in kept.items()]
        return b"%b %b HTTP/1.1\r\n" % (method, self._url) + ("\r\n".join([*lines, "\r\n"])).encode("latin-1")

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._is_in_head:  # a trailer
            self._head_bytes += len(name) + len(value)
            if self._head_bytes > API_HEAD_BYTES_MAX:
                self.drop()
                return
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        is_asking = self._headers.get("expect", "").lower() == "100-continue" and self._is_answered
        if is_asking and self._transport is not None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if self._parser.should_upgrade():
            return  # it is parsed again without the offer
        if STREAMS_HEADER in self._headers and self._pending is None and not self._waiting:
            method = self._parser.get_method().decode("latin-1")
            self._receiver = self._listener.receive(ApiRequest(method, self._path, self._headers), self)

    @property
    def _path(self) -> str:
        return self._url.decode("latin-1").partition("?")[0]

    def pause(self) -> None:
        """Read no more for now."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read on."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def on_body(self, chunk: bytes) -> None:
        if self._receiver is not None:
            self._receiver.take(chunk)
            return
        if self._is_oversize:
            return
        listener = self._listener
        if self._body_bytes + len(chunk) > RESPONSE_BYTES_MAX or listener.kept_bytes >= API_BODIES_BYTES_MAX:
            self._is_oversize = True
            self._chunks.clear()
            self._let_go(self._body_bytes)
            self._body_bytes = 0
            return
        self._chunks.append(chunk)
        self._body_bytes += len(chunk)
        listener.kept_bytes += len(chunk)

    def on_message_complete(self) -> None:
        if self._parser.should_upgrade():
            return
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            answer = receiver.end(self._headers)
            self._is_in_head, self._head_bytes = True, 0
            self._reset()
            self._write(answer, self._parser.should_keep_alive())
            return
        method = self._parser.get_method().decode("latin-1")
        request = ApiRequest(method, self._path, self._headers, b"".join(self._chunks), self._is_oversize)
        self._waiting.append((request, self._parser.should_keep_alive()))
        self._is_in_head, self._head_bytes = True, 0
        self._reset()
        if len(self._waiting) > API_PIPELINED_MAX:
            self.drop()
        else:
            self._advance()

    def _advance(self) -> None:
        while self._waiting and self._pending is None and self._is_writable and self._transport is not None:
            request, is_kept_alive = self._waiting.popleft()
            self._let_go(len(request.body))
            answer = self._listener.handle(request)
            if isinstance(answer, ApiAnswer):
                self._write(answer, is_kept_alive)
            else:
                self._pending = answer
                answer.add_done_callback(lambda done, keep=is_kept_alive: self._answered(done, keep))  # type: ignore[misc]

    def _answered(self, done: asyncio.Future[ApiAnswer], is_kept_alive: bool) -> None:
        self._pending = None
        if self._transport is None:
            return
        if done.cancelled():
            self.drop()
            return
        self._write(done.result(), is_kept_alive)
        self._advance()

    def _write(self, answer: ApiAnswer, is_kept_alive: bool) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        if not self._is_answered:
            self.drop()
            return
        lines = [f"HTTP/1.1 {answer.status} {_PHRASES[answer.status]}"]
        lines += [f"{name}: {value}" for name, value in answer.headers.items()]
        lines.append(f"Content-Length: {len(answer.body)}")
        if not is_kept_alive:
            lines.append("Connection: close")
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
        self._transport.write(head + answer.body)
        if not is_kept_alive:
            self._transport.close()

    def pause_writing(self) -> None:
        self._is_writable = False

    def resume_writing(self) -> None:
        self._is_writable = True
        self._advance()
