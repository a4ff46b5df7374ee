"""HTTP to requests and back: an ASGI application under uvicorn.

Owns the outermost bounds: body size, the time a client may take to send its body, and nothing else. Whatever happens above,
the client gets an answer of the shape its SDK expects.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol

from bascule.edge.connection import ClientGone, Connection
from bascule.kernel.errors import AwsError
from bascule.kernel.settings import Settings
from bascule.protocol import HttpAnswer, HttpRequest

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


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

    async def handle(
        self, request: HttpRequest, *, source_ip: str, base_url: str, connection: Connection
    ) -> HttpAnswer:
        """Answer a whole request. Raises ClientGone when nobody waits for the answer any more; nothing else."""

    def refuse(self, request: HttpRequest, error: AwsError) -> HttpAnswer:
        """The answer to a request that is refused before its body was read."""


class HttpApplication:
    """The ASGI callable."""

    def __init__(self, handler: Handler, settings: Settings) -> None:
        self._handler = handler
        self._settings = settings

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "websocket":
                await receive()
                await send({"type": "websocket.close", "code": 1000})
            return
        headers = _headers(scope["headers"])
        request = HttpRequest(
            method=scope["method"],
            path=scope["raw_path"].decode("latin-1"),
            query_string=scope["query_string"].decode("latin-1"),
            headers=headers,
            body=b"",
        )
        try:
            body = await self._body(headers, receive)
        except ClientGone:
            return
        except AwsError as error:
            await _answer(send, self._handler.refuse(request, error), is_last=True)
            return
        if body:
            request = HttpRequest(request.method, request.path, request.query_string, headers, body)
        client = scope.get("client")
        connection = Connection(receive)
        try:
            answer = await self._handler.handle(
                request,
                source_ip=client[0] if client else "127.0.0.1",
                base_url=f"http://{headers.get('host', '')}",
                connection=connection,
            )
        except ClientGone:
            return
        finally:
            connection.close()
        await _answer(send, answer)

    async def _body(self, headers: dict[str, str], receive: Receive) -> bytes:
        length = headers.get("content-length", "")
        if length.isdigit() and int(length) > self._settings.body_bytes_max:
            raise BodyTooLarge()
        message = await _within(receive(), self._settings.body_wait_ms_max) if length else await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        body: bytes = message.get("body", b"")
        if not message.get("more_body", False):
            return body
        chunks, size = [body], len(body)
        deadline = asyncio.get_running_loop().time() + self._settings.body_wait_ms_max / 1000
        while message.get("more_body", False):
            left_ms = (deadline - asyncio.get_running_loop().time()) * 1000
            message = await _within(receive(), left_ms)
            if message["type"] == "http.disconnect":
                raise ClientGone
            chunks.append(message.get("body", b""))
            size += len(chunks[-1])
            if size > self._settings.body_bytes_max:
                raise BodyTooLarge()
        return b"".join(chunks)


async def _within(awaitable: Awaitable[Message], wait_ms: float) -> Message:
    try:
        async with asyncio.timeout(max(0.0, wait_ms / 1000)):
            return await awaitable
    except TimeoutError:
        raise BodyTooSlow() from None


def _headers(raw: list[tuple[bytes, bytes]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in raw:
        key = name.decode("latin-1")
        text = value.decode("latin-1")
        headers[key] = f"{headers[key]},{text}" if key in headers else text
    return headers


async def _answer(send: Send, answer: HttpAnswer, *, is_last: bool = False) -> None:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
    headers.append((b"content-length", str(len(answer.body)).encode("ascii")))
    if is_last:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
