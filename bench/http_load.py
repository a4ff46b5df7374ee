"""A load generator of keep-alive connections that costs as little as possible, because it shares the cores."""

from __future__ import annotations

import asyncio
import time
from typing import Any


class _Connection(asyncio.Protocol):
    def __init__(self, request: bytes, deadline: float) -> None:
        self._request = request
        self._deadline = deadline
        self._buffer = b""
        self.answer_count = 0
        self.error: str = ""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head_end = self._buffer.find(b"\r\n\r\n")
        if head_end < 0:
            return
        head = self._buffer[:head_end].lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0])
        if len(self._buffer) < head_end + 4 + length:
            return
        if not head.startswith(b"http/1.1 200"):
            self.error = self._buffer.decode("latin-1")[:600]
            self._finish()
            return
        self._buffer = b""
        self.answer_count += 1
        if time.perf_counter() < self._deadline:
            self._transport.write(self._request)
        else:
            self._finish()

    def _finish(self) -> None:
        self._transport.close()
        if not self.done.done():
            self.done.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


async def _keep_asking(port: int, request: bytes, deadline: float) -> int:
    """One client: asks until the deadline, over a new connection when the server closes the old one after so many answers."""
    loop = asyncio.get_running_loop()
    count = 0
    while time.perf_counter() < deadline:
        _, connection = await loop.create_connection(lambda: _Connection(request, deadline), "127.0.0.1", port)
        await connection.done
        if connection.error or not connection.answer_count:
            raise SystemExit(f"the platform failed under load: {connection.error or 'it closed the connection'}")
        count += connection.answer_count
    return count


async def _run(port: int, request: bytes, connections: int, seconds: float) -> float:
    began = time.perf_counter()
    counts = await asyncio.gather(*(_keep_asking(port, request, began + seconds) for _ in range(connections)))
    return sum(counts) / (time.perf_counter() - began)


def requests_per_second(port: int, request: bytes, *, connections: int, seconds: float) -> float:
    """Answered requests per second over ``seconds`` with every connection waiting for its answer before the next request."""
    try:
        import uvloop

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_run(port, request, connections, seconds))
    except ImportError:
        return asyncio.run(_run(port, request, connections, seconds))


def raw_request(port: int, path: str, headers: dict[str, str], body: bytes) -> bytes:
    """An HTTP/1.1 POST as bytes."""
    lines = [f"POST {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", f"Content-Length: {len(body)}"]
    lines.extend(f"{name}: {value}" for name, value in headers.items())
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def authorization(service: str) -> str:
    """The form of a signature; nobody under measurement verifies it."""
    return (
        f"AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/{service}/aws4_request, "
        "SignedHeaders=host;x-amz-date, Signature=0000000000000000000000000000000000000000000000000000000000000000"
    )
