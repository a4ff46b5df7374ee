"""The way out of a sandbox that has a network of its own: to the server and to nothing else.

The sandbox's first process listens on the server's port of its own loopback and hands the listening socket over; a socket
stays in the network it was made in, so what a function connects to is accepted here, in the server, and passed on to the
same port of the machine. No process forwards, and there is nothing in the sandbox to attack.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket

_CHUNK_BYTES = 65_536


class Relay:
    """Accepts from listening sockets of a sandbox until it is closed."""

    def __init__(self, listeners: list[socket.socket]) -> None:
        self._listeners = listeners
        self._connections: set[asyncio.Task[None]] = set()
        self._accepting = [asyncio.ensure_future(self._accept(listener)) for listener in listeners]

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        listener.setblocking(False)
        port = listener.getsockname()[1]
        while True:
            inside, _ = await loop.sock_accept(listener)
            task = asyncio.create_task(_relay(inside, port))
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)

    def close(self) -> None:
        """Accept no more; connections end."""
        for task in (*self._accepting, *self._connections):
            task.cancel()
        for listener in self._listeners:
            listener.close()


async def _relay(inside: socket.socket, port: int) -> None:
    """Carry one connection to the same port of the machine, both ways, until both sides have ended."""
    try:
        inside_reader, inside_writer = await asyncio.open_connection(sock=inside)
    except OSError:
        inside.close()
        return
    with contextlib.closing(inside_writer), contextlib.suppress(OSError):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        with contextlib.closing(writer):
            await asyncio.gather(_carry(inside_reader, writer), _carry(reader, inside_writer))


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(_CHUNK_BYTES):
        writer.write(chunk)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
