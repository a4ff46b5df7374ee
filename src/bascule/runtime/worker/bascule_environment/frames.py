"""The messages between the server and an environment: a fixed head, then bytes.

A head is kind, number, length. Towards the environment the number is the length of the JSON head inside an ``INVOKE``
body (the event follows it untouched); towards the server it is the peak memory of the process in kilobytes.
"""

from __future__ import annotations

import socket
import struct

HEAD = struct.Struct("!BII")

_FIRST_READ_BYTES = 32_768

START, INVOKE = 1, 2
READY, INIT_FAILED, RESULT, FAILED, OVERSIZE = 10, 11, 12, 13, 14
#: A program could not be executed; the body is the reason. When it could, the channel just ends.
NOT_EXECUTED = 15

#: The variable with the start message of a program, which has no channel: a wrapper may put what it likes between the arguments.
START_VARIABLE = "_BASCULE_START"

#: Starts a framed log event in the output pipe: it may hold line ends. Not valid UTF-8, so no text contains it.
LOG_MARK = b"\xa5\x5a\x00\x03"
LOG_HEAD = struct.Struct("!I")


class ServerGone(Exception):
    """The other side closed the channel."""


class FrameServer:
    """The server at the other end of a channel."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel

    def receive(self) -> tuple[int, int, bytes]:
        """The next message. Raises ServerGone."""
        return receive(self._channel)

    def send(self, kind: int, number: int, body: bytes) -> None:
        """Write one message."""
        send(self._channel, kind, number, body)


def send(channel: socket.socket, kind: int, number: int, body: bytes) -> None:
    """Write one message whole."""
    channel.sendall(HEAD.pack(kind, number, len(body)) + body)


def receive(channel: socket.socket) -> tuple[int, int, bytes]:
    """The next message: kind, number, body. Raises ServerGone at the end of the stream.

    The server sends one message and waits for its answer, so what has arrived is never more than one message.
    """
    received = channel.recv(_FIRST_READ_BYTES)
    while len(received) < HEAD.size:
        received += _some(channel, HEAD.size - len(received), received)
    kind, number, length = HEAD.unpack_from(received)
    if len(received) == HEAD.size + length:
        return kind, number, received[HEAD.size :]
    body = bytearray(length)
    filled = len(received) - HEAD.size
    body[:filled] = received[HEAD.size :]
    view = memoryview(body)
    while filled < length:
        got = channel.recv_into(view[filled:])
        if got == 0:
            raise ServerGone
        filled += got
    return kind, number, bytes(body)


def _some(channel: socket.socket, count: int, before: bytes) -> bytes:
    more = channel.recv(count) if before else b""
    if not more:
        raise ServerGone
    return more
