"""One attempt over a real socket: statuses, silence, end points that are not there or never stop talking."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

from bascule.egress.client import BODY_BYTES_MAX, HttpClient
from bascule.services.sns.http_work import Answer, HttpRequest

Talk = Callable[[socket.socket], None]


@contextlib.contextmanager
def serving(talk: Talk) -> Iterator[str]:
    """A server that does what it is told with the one connection it takes; gives its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection, contextlib.suppress(OSError):
                connection.settimeout(10)
                talk(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/hook"
        thread.join()


def read_request(connection: socket.socket) -> None:
    received = b""
    while not received.endswith(b"{}"):
        received += connection.recv(65_536)


def until_closed(connection: socket.socket) -> None:
    while connection.recv(65_536):
        continue


def saying(text: bytes) -> Talk:
    def talk(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(text)

    return talk


def attempt(talk: Talk, *, answer_s_max: float = 5) -> Answer:
    async def run(url: str) -> Answer:
        client = HttpClient(answer_s_max)
        try:
            return await client.post(HttpRequest(url, {"x-a": "b"}, b"{}"))
        finally:
            await client.close()

    with serving(talk) as url:
        return asyncio.run(run(url))


def test_the_status_is_the_answer() -> None:
    assert attempt(saying(b"HTTP/1.1 204 No Content\r\n\r\n")) == Answer(status=204)
    assert attempt(saying(b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n")).status == 503


def test_a_redirect_is_not_followed() -> None:
    moved = b"HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n"
    assert attempt(saying(moved)).status == 302


def test_silence_ends_after_its_time() -> None:
    answer = attempt(until_closed, answer_s_max=0.05)
    assert answer.status == 0
    assert "did not answer within 0.05 seconds" in answer.error


def test_an_answer_that_never_ends_is_cut() -> None:
    def endless(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n" + bytes(BODY_BYTES_MAX * 2))
        until_closed(connection)

    assert attempt(endless).status == 200


def test_a_connection_that_breaks_is_an_answer_too() -> None:
    assert attempt(read_request).status == 0
    assert attempt(saying(b"nonsense\r\n\r\n")).status == 0


def test_an_address_that_is_none_is_an_answer_too() -> None:
    async def run(url: str) -> Answer:
        client = HttpClient(1)
        try:
            return await client.post(HttpRequest(url, {}, b""))
        finally:
            await client.close()

    for url in ("http://127.0.0.1:1/", "http://[broken/", "http://a..b/", "http://x:99999999/"):
        answer = asyncio.run(run(url))
        assert answer.status == 0, url
        assert answer.error, url


def test_what_an_answer_means() -> None:
    assert Answer(status=299).is_success
    assert not Answer(status=302).is_success
    retried = {status: Answer(status=status).refused.is_retryable for status in (0, 302, 400, 404, 429, 500, 599)}
    assert retried == {0: True, 302: False, 400: False, 404: False, 429: True, 500: True, 599: True}
