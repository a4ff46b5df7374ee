"""The server's end of an environment's channel: framed messages over a non-blocking socket, straight on the event loop.

Streams and transports would double the cost of a warm invocation, so the socket is read in the readiness callback itself.
What an environment sends is not trusted: a length beyond the bound closes the channel.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from bascule.runtime.limits import RESPONSE_BYTES_MAX
from bascule.runtime.worker.bascule_environment.frames import HEAD

_READ_BYTES = 262_144
_READS_OF_REST_MAX = 64
#: Every channel reads into this: a fresh buffer of this size per read costs more than the read. One loop, no waiting between.
_scratch = memoryview(bytearray(_READ_BYTES))
#: An error object may repeat a large message with a stack, so the bound is not the response's own. bytes
_MESSAGE_BYTES_MAX = RESPONSE_BYTES_MAX + 4 * 1024 * 1024


class Channel:
    """Sends and receives messages. ``on_message(kind, number, body)`` per message; ``on_end()`` once when it is over."""

    def __init__(
        self, end: socket.socket, on_message: Callable[[int, int, bytes], None], on_end: Callable[[], None]
    ) -> None:
        end.setblocking(False)
        self._socket = end
        self._on_message = on_message
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self._received = bytearray()
        self._unsent = memoryview(b"")
        self._is_open = True
        self._fd = end.fileno()
        self._loop.add_reader(self._fd, self._readable)

    def send(self, kind: int, number: int, body: bytes) -> None:
        """Send one message; what the socket does not take now follows when it can. One message at a time."""
        if not self._is_open:
            return
        assert not self._unsent, "the previous message is still being sent"
        message = HEAD.pack(kind, number, len(body)) + body
        self._unsent = memoryview(message)
        self._write()
        if self._unsent:
            self._loop.add_writer(self._fd, self._write_on)

    def _write(self) -> None:
        try:
            sent = self._socket.send(self._unsent)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._end()
            return
        self._unsent = self._unsent[sent:]

    def _write_on(self) -> None:
        self._write()
        if not self._unsent and self._is_open:
            self._loop.remove_writer(self._fd)

    def _readable(self) -> None:
        self.read()

    def read(self) -> bool:
        """Take what has arrived and report each whole message; False when nothing had arrived."""
        if not self._is_open:
            return False
        try:
            count = self._socket.recv_into(_scratch)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            count = 0
        if not count:
            self._end()
            return False
        received = self._received
        received += _scratch[:count]
        while len(received) >= HEAD.size:
            kind, number, length = HEAD.unpack_from(received)
            if length > _MESSAGE_BYTES_MAX:
                self._end()
                return False
            end = HEAD.size + length
            if len(received) < end:
                break
            body = bytes(memoryview(received)[HEAD.size : end])
            del received[:end]
            self._on_message(kind, number, body)
        return True

    def read_rest(self) -> None:
        """Take everything that arrived before the other side ended; bounded by what a socket buffers."""
        for _ in range(_READS_OF_REST_MAX):
            if not self.read():
                return

    def _end(self) -> None:
        if self._is_open:
            self.close()
            self._on_end()

    def close(self) -> None:
        """Give the socket up. Twice is fine."""
        if self._is_open:
            self._is_open = False
            self._loop.remove_reader(self._fd)
            if self._unsent:
                self._loop.remove_writer(self._fd)
            self._socket.close()
