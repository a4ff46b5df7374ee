"""The whole platform in this process, with simulated time and plain boto3 clients that never open a socket.

``World`` runs the composition root of the product on an event loop of its own thread. A boto3 client made by it goes through
every stage that an HTTP request goes through; only the socket is missing.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import urlsplit

import boto3
from botocore.awsrequest import AWSResponse
from botocore.config import Config

from bascule.app import Bascule
from bascule.edge.connection import Connection
from bascule.kernel.clock import SimulatedClock
from bascule.kernel.ids import SeededIds
from bascule.kernel.scope import Scope
from bascule.kernel.settings import Settings
from bascule.kernel.store import Tx
from bascule.protocol import HttpAnswer, HttpRequest, HttpStreamedAnswer

T = TypeVar("T")
URL = "http://bascule.test:4566"
_seeds = itertools.count(1)


class _Body:
    """The response body as botocore wants it."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_: Any) -> Any:
        yield self._content

    def read(self, _: int | None = None) -> bytes:
        content, self._content = self._content, b""
        return content

    def close(self) -> None:
        """Nothing to close."""


class World:
    """``with World() as world``: ``world.client("events")``, ``world.advance(hours=3)``, ``world.settle()``."""

    def __init__(self, data: Path | None = None, *, seed: int | None = None, **settings: Any) -> None:
        self.clock = SimulatedClock(1_767_225_600_000)  # 2026-01-01T00:00:00Z
        self._data = data
        self._settings = Settings(is_test=True, **settings)
        #: Another one for each world of a process, because caches of the process may go by ids.
        self._seed = next(_seeds) if seed is None else seed
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> World:
        self._thread.start()
        self.bascule = Bascule(self._settings, self._data, clock=self.clock, ids=SeededIds(self._seed))
        self._run(self.bascule.start())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run(self.bascule.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=60)

    def client(self, service: str, *, region: str = "us-east-1", account: str = "test", **config: Any) -> Any:
        """A plain boto3 client whose requests are answered in this process."""
        client = boto3.client(
            service,
            endpoint_url=URL,
            region_name=region,
            aws_access_key_id=account,
            aws_secret_access_key="test",
            config=Config(retries={"max_attempts": 0}, **config),
        )
        client.meta.events.register("before-send", self._send)
        return client

    def _send(self, request: Any, **_: Any) -> AWSResponse:
        parts = urlsplit(request.url)
        body = request.body
        content = body.encode() if isinstance(body, str) else body.read() if hasattr(body, "read") else body or b""
        headers = {
            name.lower(): value.decode() if isinstance(value, bytes) else value
            for name, value in request.headers.items()
        }
        answer = self.request(HttpRequest(request.method, parts.path or "/", parts.query, headers, bytes(content)))
        return AWSResponse(request.url, answer.status, dict(answer.headers), _Body(answer.body))

    def request(self, request: HttpRequest) -> HttpAnswer:
        """One request through every stage; a streamed answer is given when it is complete."""
        return self._run(self._answered(request))

    async def _answered(self, request: HttpRequest) -> HttpAnswer:
        answered: asyncio.Future[HttpAnswer | HttpStreamedAnswer | None] = asyncio.get_running_loop().create_future()
        rest = self.bascule.pipeline.begin(
            request, source_ip="127.0.0.1", base_url=URL, connection=Connection(), answered=answered.set_result
        )
        if rest is not None:
            await rest
        answer = await answered
        assert answer is not None, "the client of a world never goes away"
        if isinstance(answer, HttpStreamedAnswer):
            return HttpAnswer(answer.status, answer.headers, b"".join([part async for part in answer.parts]))
        return answer

    def get(self, path: str) -> HttpAnswer:
        """GET one of Bascule's own end points."""
        path, _, query = path.partition("?")
        return self.request(HttpRequest("GET", path, query, {}, b""))

    def write(self, command: Callable[[Tx], T]) -> T:
        return self._run(self.bascule.store.write(command))

    def read(self, query: Callable[[Tx], T]) -> T:
        return self.bascule.store.read(query)

    @property
    def scope(self) -> Scope:
        return Scope()

    def settle(self) -> None:
        """Return when nothing is due and nothing runs at the present (simulated) moment."""
        self._run(self.bascule.time.settle())

    def advance(self, *, hours: float = 0, minutes: float = 0, seconds: float = 0) -> None:
        """Move time, passing through every due moment on the way, and settle at each."""
        until_ms = self.clock.now_ms() + round((hours * 60 + minutes) * 60_000 + seconds * 1000)
        self._run(self.bascule.time.advance_to(until_ms, self.clock.jump_to))
