"""Bascule's own end points under ``/_bascule/``: health, status, metrics, stories and packages.

They are for people and tools on this machine, not AWS APIs; answers are JSON. ``/_localstack/health`` is the alias that
awslocal, tflocal, samlocal and testcontainers look for. What other files answer (``operations_views``, ``test_controls``) is
registered with ``add`` by the composition root; docs/reference/internal.md lists everything.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs

import msgspec

from bascule.edge import stories
from bascule.edge.connection import ClientGone, Connection
from bascule.edge.registry import Registry
from bascule.host.async_store import AsyncStore
from bascule.host.wait_board import WaitBoard
from bascule.journal.layout import SIGNAL
from bascule.journal.stories import find_event
from bascule.kernel.clock import Clock
from bascule.kernel.metrics import Metrics
from bascule.kernel.store import StoreBusy, StoreClosed, Tx
from bascule.protocol import HttpAnswer, HttpRequest

log = logging.getLogger("bascule.edge")

Route = Callable[[HttpRequest, str, Connection], Awaitable[HttpAnswer]]

#: Longest wait of a tail request. seconds
TAIL_WAIT_S_MAX = 30
#: Happenings of one tail answer. count
TAIL_PAGE = 500


class Gauges(msgspec.Struct, frozen=True):
    """What the server's own process tells about itself; bound in ``bascule.app``."""

    version: str
    data: str
    started_ms: int
    data_bytes: Callable[[], int]
    memory_mb: Callable[[], float]
    waiting: Callable[[], Mapping[str, int]]
    #: What functions are not protected from on this machine, one sentence each; None while it is not known yet.
    missing_isolation: Callable[[], Sequence[str] | None]


def json_answer(value: object, status: int = 200) -> HttpAnswer:
    """``value`` as a JSON answer."""
    return HttpAnswer(status, [("content-type", "application/json")], msgspec.json.encode(value))


def wrong_body(path: str, error: Exception) -> str:
    """What is said of a body that cannot be used."""
    return f"The body is not what {path} takes: {str(error).rstrip('.')}; docs/reference/internal.md shows it."


def number_of(text: str) -> int | None:
    """The number that a query parameter is, None when it is none. A number here has at most 19 digits."""
    return int(text) if len(text) <= 19 and text.isascii() and text.isdigit() else None


def _query(request: HttpRequest) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(request.query_string).items()}


class Internal:
    """Answers requests below ``/_bascule/`` and ``/_localstack/``."""

    PREFIXES = ("/_bascule/", "/_localstack/")

    def __init__(
        self, registry: Registry, store: AsyncStore, board: WaitBoard, clock: Clock, metrics: Metrics, gauges: Gauges
    ) -> None:
        self._registry = registry
        self._store = store
        self._board = board
        self._clock = clock
        self._metrics = metrics
        self._gauges = gauges
        #: Path -> method -> what answers; a path that ends with a slash answers for everything below it.
        self._routes: dict[str, dict[str, Route]] = {}
        self.add("GET", "/_bascule/health", self._health)
        self.add("GET", "/_localstack/health", self._health)
        self.add("GET", "/_bascule/status", self._status)
        self.add("GET", "/_bascule/metrics", self._counters)
        self.add("GET", "/_bascule/tail", self._tail)
        self.add("GET", "/_bascule/stories/", self._story)
        self.add("GET", "/_bascule/events/", self._event)
        self.add("GET", "/_bascule/code/", self._code)

    def add(self, method: str, path: str, route: Route) -> None:
        """Have ``route`` answer ``path``, or everything below it when it ends with a slash.

        Takes    route: called with the request, the rest of the path (the server's address when there is none) and the
                 connection.
        """
        methods = self._routes.setdefault(path, {})
        assert method not in methods, f"{method} {path} is declared twice"
        methods[method] = route

    async def handle(self, request: HttpRequest, *, base_url: str, connection: Connection) -> HttpAnswer:
        """The answer; 404 for an unknown path, 405 for a method that the path does not answer.

        Raises   ClientGone.
        """
        methods, rest = self._find(request.path)
        if methods is None:
            return json_answer({"message": f"There is no {request.path}; see docs/reference/internal.md."}, 404)
        route = methods.get("GET" if request.method == "HEAD" else request.method)
        if route is None:
            return json_answer({"message": f"{request.path} only answers {' and '.join(methods)}."}, 405)
        try:
            return await route(request, rest or base_url, connection)
        except ClientGone:
            raise
        except StoreBusy:
            return json_answer({"message": "The server is busy; try again."}, 503)
        except StoreClosed:
            return json_answer({"message": "The server is stopping, or its disk has failed; see its log."}, 503)
        except Exception:  # the top of a request: whatever happens, the client gets an answer
            self._metrics.count("edge.internal_failures")
            log.exception("%s %s failed inside", request.method, request.path)
            return json_answer({"message": f"{request.path} failed; see the server's log."}, 500)

    def _find(self, path: str) -> tuple[dict[str, Route] | None, str]:
        """What answers a path, and the rest of the path below it."""
        found = self._routes.get(path)
        if found is not None:
            return found, ""
        for prefix, methods in self._routes.items():
            if prefix.endswith("/") and path.startswith(prefix):
                return methods, path[len(prefix) :]
        return None, ""

    async def _health(self, request: HttpRequest, rest: str, connection: Connection) -> HttpAnswer:
        services = dict.fromkeys(self._registry.services, "running")
        return json_answer(
            {"status": "ok", "edition": "bascule", "version": self._gauges.version, "services": services}
        )

    async def _status(self, request: HttpRequest, rest: str, connection: Connection) -> HttpAnswer:
        return json_answer(
            {
                "version": self._gauges.version,
                "url": rest,
                "uptime_s": (self._clock.now_ms() - self._gauges.started_ms) / 1000,
                "data": self._gauges.data,
                "data_bytes": self._gauges.data_bytes(),
                "memory_mb": self._gauges.memory_mb(),
                "missing_isolation": self._gauges.missing_isolation(),
                "waiters": self._board.waiter_count,
                "waiting": self._gauges.waiting(),
                "metrics": self._metrics.snapshot(),
            }
        )

    async def _counters(self, request: HttpRequest, rest: str, connection: Connection) -> HttpAnswer:
        return json_answer(self._metrics.snapshot())

    async def _story(self, request: HttpRequest, rest: str, connection: Connection) -> HttpAnswer:
        found = await self._store.read_long(lambda tx: stories.story_of(tx, rest))
        if found is None:
            return json_answer(
                {"message": f"No event {rest} is in the journal; stories are kept for a limited time."}, 404
            )
        return json_answer(found)

    async def _event(self, request: HttpRequest, rest: str, connection: Connection) -> HttpAnswer:
        """The bytes that rules saw, and that ``bascule replay`` hands to a function again."""
        found = await self._store.read_long(lambda tx: find_event(tx, rest))
        if found is None:
            return json_answer({"message": f"The journal does not hold the event {rest}."}, 404)
        return HttpAnswer(200, [("content-type", "application/json")], found.event)

    async def _tail(self, request: HttpRequest, rest: str, connection: Connection) -> HttpAnswer:
        query = _query(request)
        wait_s = min(number_of(query.get("wait", "")) or 0, TAIL_WAIT_S_MAX)
        until_ms = self._clock.now_ms() + wait_s * 1000
        cursor = query.get("after", "")

        def look(tx: Tx) -> dict[str, Any]:
            return stories.tail_of(tx, cursor, now_ms=self._clock.now_ms(), count_max=TAIL_PAGE)

        while True:
            serial = self._board.serial
            page = await self._store.read_long(look)
            cursor = page["cursor"]
            if page["happenings"] or self._clock.now_ms() >= until_ms:
                return json_answer(page)
            if page["is_end"]:
                await self._board.wait(SIGNAL, until_ms=until_ms, since_serial=serial, is_timed=False)
            connection.check()

    async def _code(self, request: HttpRequest, rest: str, connection: Connection) -> HttpAnswer:
        content = await asyncio.to_thread(self._store.store.blobs.get, rest) if rest.isalnum() else None
        if content is None:
            return json_answer({"message": "There is no such package."}, 404)
        return HttpAnswer(200, [("content-type", "application/zip")], content)
