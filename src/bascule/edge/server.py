"""Accepts connections on a listening socket until the server stops."""

from __future__ import annotations

import asyncio
import logging
import socket

from bascule.edge.http_connection import Handler, HttpConnection
from bascule.edge.sockets import BACKLOG
from bascule.kernel.settings import Settings

log = logging.getLogger("bascule.edge")

#: How long a stopping server waits for requests that are under way. seconds
GRACE_S = 5.0


async def serve_http(handler: Handler, settings: Settings, listener: socket.socket, stopping: asyncio.Event) -> None:
    """Answer requests until ``stopping`` is set; then take no more, and give those under way ``GRACE_S`` to end.

    Takes    listener: bound and listening; closed when this returns.
    """
    connections: set[HttpConnection] = set()
    server = await asyncio.get_running_loop().create_server(
        lambda: HttpConnection(handler, settings, connections), sock=listener, backlog=BACKLOG
    )
    await stopping.wait()
    server.close()
    for connection in list(connections):
        connection.finish()
    try:
        async with asyncio.timeout(GRACE_S):
            while connections:
                await asyncio.sleep(0.01)
    except TimeoutError:
        log.warning("%d connections were closed before their requests were answered", len(connections))
        for connection in list(connections):
            connection.abort()
