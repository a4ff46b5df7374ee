"""The messages between the server and an environment: a fixed head, then bytes.

A head is kind, number, length. Towards the environment the number is the length of the JSON head inside an ``INVOKE``
body (the event follows it untouched); towards the server it is the peak memory of the process in kilobytes.
"""

from __future__ import annotations

import socket
import struct

HEAD = struct.Struct("!BII")

START, INVOKE = 1, 2
READY, INIT_FAILED, RESULT, FAILED, OVERSIZE = 10, 11, 12, 13, 14

#: Starts a framed log event in the output pipe: it may hold line ends. Not valid UTF-8, so no text contains it.
LOG_MARK = b"\xa5\x5a\x00\x03"
LOG_HEAD = struct.Struct("!I")


class ServerGone(Exception):
    """The other side closed the channel."""


def send(channel: socket.socket, kind: int, number: int, body: bytes) -> None:
    """Write one message whole."""
    channel.sendall(HEAD.pack(kind, number, len(body)) + body)


def receive(channel: socket.socket) -> tuple[int, int, bytearray]:
    """The next message: kind, number, body. Raises ServerGone at the end of the stream."""
    kind, number, length = HEAD.unpack(_exactly(channel, HEAD.size))
    return kind, number, _exactly(channel, length)


def _exactly(channel: socket.socket, count: int) -> bytearray:
    body = bytearray(count)
    view, filled = memoryview(body), 0
    while filled < count:
        got = channel.recv_into(view[filled:])
        if got == 0:
            raise ServerGone
        filled += got
    return body
