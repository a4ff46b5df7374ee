"""Accepts connections on a listening socket until the server stops."""

from __future__ import annotations

import asyncio
import logging
import resource
import socket

from bascule.edge.http_connection import CONNECTIONS_MAX, Handler, HttpConnection
from bascule.edge.sockets import BACKLOG
from bascule.kernel.settings import Settings

log = logging.getLogger("bascule.edge")

#: How long a stopping server waits for requests that are under way. seconds
GRACE_S = 5.0


def descriptors_max() -> int:
    """How many descriptors this process may have, after asking for as many as all connections need.

    Many systems begin with 1,024 and let a process have more when it asks; functions get a limit of their own.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * CONNECTIONS_MAX if hard == resource.RLIM_INFINITY else min(2 * CONNECTIONS_MAX, hard)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError) as error:
        log.info("no more than %d descriptors can be had: %s", soft, error)
        return soft
    return wanted


async def serve_http(handler: Handler, settings: Settings, listener: socket.socket, stopping: asyncio.Event) -> None:
    """Answer requests until ``stopping`` is set; then take no more, and give those under way ``GRACE_S`` to end.

    Takes    listener: bound and listening; closed when this returns.
    """
    connections: set[HttpConnection] = set()
    # Half of the descriptors: the store and the functions need some.
    count_max = min(CONNECTIONS_MAX, descriptors_max() // 2)
    server = await asyncio.get_running_loop().create_server(
        lambda: HttpConnection(handler, settings, connections, count_max), sock=listener, backlog=BACKLOG
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
