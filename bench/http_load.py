"""A load generator of keep-alive connections that costs as little as possible, because it shares the cores."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

#: Gives the bytes of a connection's next request from the body of the last answer; empty before the first.
Script = Callable[[bytes], bytes]


class _Connection(asyncio.Protocol):
    def __init__(self, script: Script, deadline: float) -> None:
        self._script = script
        self._deadline = deadline
        self._buffer = b""
        self.answer_count = 0
        self.error: str = ""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        transport.write(self._script(b""))

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
        body = self._buffer[head_end + 4 :]
        self._buffer = b""
        self.answer_count += 1
        if time.perf_counter() < self._deadline:
            self._transport.write(self._script(body))
        else:
            self._finish()

    def _finish(self) -> None:
        self._transport.close()
        if not self.done.done():
            self.done.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


async def _keep_asking(port: int, script: Script, deadline: float) -> int:
    """One client: asks until the deadline, over a new connection when the server closes the old one after so many answers."""
    loop = asyncio.get_running_loop()
    count = 0
    while time.perf_counter() < deadline:
        _, connection = await loop.create_connection(lambda: _Connection(script, deadline), "127.0.0.1", port)
        await connection.done
        if connection.error or not connection.answer_count:
            raise SystemExit(f"the platform failed under load: {connection.error or 'it closed the connection'}")
        count += connection.answer_count
    return count


async def _run(port: int, scripts: list[Script], seconds: float) -> float:
    began = time.perf_counter()
    counts = await asyncio.gather(*(_keep_asking(port, script, began + seconds) for script in scripts))
    return sum(counts) / (time.perf_counter() - began)


def requests_per_second(port: int, request: bytes, *, connections: int, seconds: float) -> float:
    """Answered requests per second over ``seconds`` with every connection waiting for its answer before the next request."""
    return scripted(port, [lambda _: request] * connections, seconds=seconds)


def scripted(port: int, scripts: list[Script], *, seconds: float) -> float:
    """Answered requests per second, a connection for each script; a script makes each request from the last answer."""
    try:
        import uvloop

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_run(port, scripts, seconds))
    except ImportError:
        return asyncio.run(_run(port, scripts, seconds))


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
