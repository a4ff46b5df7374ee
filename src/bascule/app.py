"""The composition root: the only place that knows every part, and that makes the real clock and real entropy.

``Bascule`` is one running platform: it is served over HTTP (``serve``) or called in the same process (tests give it a
simulated clock). Parts are made in the order of the rows and stopped in the reverse order.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvloop

from bascule import __version__, api
from bascule.delivery import DeliveryEngine
from bascule.delivery.outbox import QUEUE as OUTBOX_QUEUE
from bascule.edge.connection import Connection
from bascule.edge.dispatch import Dispatcher
from bascule.edge.internal import Gauges, Internal
from bascule.edge.live_functions import LiveControls
from bascule.edge.operations_views import OperationsViews
from bascule.edge.pipeline import Pipeline
from bascule.edge.registry import Registry
from bascule.edge.server import serve_http
from bascule.edge.sockets import CannotListen, listen
from bascule.edge.test_controls import Controls, restore_clock
from bascule.egress.client import HttpClient
from bascule.egress.deliveries import HttpDeliveries
from bascule.engines.sqlite import DataDirectoryInUse, DataDirectoryUnusable, StoreVersionError, open_store
from bascule.host.async_store import AsyncStore
from bascule.host.blob_sweeper import BlobSweeper
from bascule.host.contexts import Contexts
from bascule.host.loop_driver import LoopDriver
from bascule.host.virtual_time import VirtualTime, Worker
from bascule.host.wait_board import WaitBoard
from bascule.journal import EventJournal
from bascule.kernel.clock import Clock, RealClock, SteerableClock
from bascule.kernel.context import Context
from bascule.kernel.ids import Ids, SystemIds
from bascule.kernel.invocation import FunctionVersion, RoleCredentials
from bascule.kernel.metrics import Metrics
from bascule.kernel.settings import Settings
from bascule.kernel.store import Store, Tx
from bascule.pollers.allocations import Allocations
from bascule.pollers.async_invocations import AsyncInvocations
from bascule.pollers.faulty_runner import FaultyRunner
from bascule.pollers.function_runner import FunctionRunner
from bascule.pollers.sqs_mappings import SqsMappings
from bascule.protocol import Catalog, HttpAnswer, HttpRequest, Wire
from bascule.runtime import FunctionRuntime
from bascule.runtime.isolation import missing_protections, refusal
from bascule.services import events, iam, lambda_, logs, sns, sqs, sts
from bascule.services.lambda_.async_waiting import waiting_count
from bascule.services.lambda_.execution_role import open_execution_role
from bascule.services.lambda_.named_blobs import named_blobs
from bascule.services.lambda_.state import CHANGED_SIGNAL, PACKAGE_DROPPED_SIGNAL
from bascule.services.logs.sink import LogSink
from bascule.services.sns import signing
from bascule.services.sns.http_work import HttpSubscriptions

log = logging.getLogger("bascule")

SERVICES = (events.SERVICE, lambda_.SERVICE, sqs.SERVICE, sns.SERVICE, logs.SERVICE, iam.SERVICE, sts.SERVICE)

#: A thread that waits for the interpreter gets it after this long. seconds; with the default of 5 ms the thread that has synced a
#: group waits for a busy event loop far longer than the sync took (docs/decisions/0005).
SWITCH_INTERVAL_S = 0.0005
#: Allocations before the garbage collector looks at the youngest objects. count; nearly everything here dies by reference
#: count, and the default of 700 makes the collector look several times within one request.
GC_THRESHOLDS = (20_000, 20, 20)


class CannotStart(Exception):
    """The server cannot be started; the message is one sentence for a person."""


class Bascule:
    """One platform over one data directory (None: a private one in memory)."""

    def __init__(self, settings: Settings, data: Path | None, *, clock: Clock, ids: Ids) -> None:
        self.settings = settings
        self.clock = clock
        self._data = data
        self._store = open_store(data)
        if isinstance(clock, SteerableClock):
            restore_clock(self._store, clock)
        self._work_dir = data / "functions" if data else Path(tempfile.mkdtemp(prefix="bascule-functions-"))
        self.store = AsyncStore(self._store)
        self.metrics = Metrics()
        registry = Registry(SERVICES)
        self.delivery = DeliveryEngine(registry.targets, settings)
        journal = EventJournal(settings)
        self.contexts = Contexts(
            clock=clock, ids=ids, courier=self.delivery, journal=journal, metrics=self.metrics, settings=settings
        )
        self.board = WaitBoard(clock)
        self.loops = LoopDriver((*registry.loops, *self.delivery.loops, *journal.loops), self.store, self.contexts)
        #: All that waits for its time or works by itself; whoever makes such a part adds it here.
        self.time = VirtualTime(clock, lambda: self.store.write(lambda tx: None))
        self.time.add("loops", self.loops)
        self.time.add("waiting requests", self.board)
        self.url = f"http://{settings.host}:{settings.port}"
        self._tasks: list[asyncio.Task[None]] = []
        self._registry = registry
        self._ids = ids
        self.runtime: FunctionRuntime
        #: What runs functions: the runtime, or on a server under test the runtime with faults.
        self.runner: FunctionRunner
        self.sink: LogSink
        self.allocations: Allocations
        self.invocations: AsyncInvocations
        self.mappings: SqsMappings
        self.http_deliveries: HttpDeliveries
        self.sweeper: BlobSweeper
        self.pipeline: Pipeline

    async def start(self) -> None:
        """Bring every part to life on the running event loop. After it, ``pipeline.handle`` answers."""
        loop = asyncio.get_running_loop()
        self._store.run_on_loop(loop.call_soon, loop.call_soon_threadsafe)
        self._store.on_signal(self._signalled)
        self.sink = LogSink(self._store, self.clock, self._ids, loop.call_later)
        self.runtime = FunctionRuntime(
            self.settings,
            self.clock,
            self._ids,
            _Packages(self._store),
            self.sink,
            lambda: self.url,
            self._work_dir,
            self._open_execution_role,
            self.metrics,
        )
        await self.runtime.start()
        self.runner = self.runtime
        if (faults := self.delivery.faults) is not None:
            self.runner = FaultyRunner(self.runtime, faults.error_of_invocation)
        self.allocations = Allocations(self.store, self.runtime)
        self.allocations.look()
        self.invocations = AsyncInvocations(self.store, self.contexts, self.runner)
        self.mappings = SqsMappings(self.store, self.contexts, self.runner)
        self.http_deliveries = HttpDeliveries(self.store, self.contexts, HttpSubscriptions(), HttpClient())
        performers = {
            "runtime": self._run_function,
            "stream": self._run_streamed,
            "provisioned": self.allocations.states,
            "blobs": self._put_blob,
            "event-source": self.mappings.describe,
            signing.PERFORMER: self._make_signing_key,
        }
        self.sweeper = BlobSweeper(self.store, named_blobs)
        dispatcher = Dispatcher(self.store, self.board, self.clock, performers, self._performed)
        self.time.add("asynchronous invocations", self.invocations)
        self.time.add("event source mappings of queues", self.mappings)
        self.time.add("HTTP deliveries", self.http_deliveries)
        self.time.add("requests", Worker(lambda: dispatcher.acting_count == 0))
        self.time.add("environments initialised ahead", Worker(lambda: not self.runtime.is_preparing))
        self.time.add("streamed invocations", Worker(lambda: not self.runtime.is_streaming))
        self.time.add("packages that nobody wants", Worker(lambda: self.sweeper.is_idle))
        self.time.add("log lines of functions", Worker(lambda: self.sink.is_idle))
        internal = Internal(self._registry, self.store, self.board, self.clock, self.metrics, self._gauges())
        internal.add("GET", signing.CERTIFICATE_PATH, self._certificate)
        OperationsViews(self.store, self.contexts, self.delivery.waiting, self.delivery.lost).add_to(internal)
        self._live_controls().add_to(internal)
        if faults is not None:
            clock = self.clock if isinstance(self.clock, SteerableClock) else None
            Controls(clock, self.time, faults, self.store).add_to(internal)
        self.pipeline = Pipeline(
            wire=Wire(shapes_of=api.shapes_of, services=tuple(self._registry.services)),
            registry=self._registry,
            dispatcher=dispatcher,
            contexts=self.contexts,
            internal=internal,
        )
        self._tasks = [
            loop.create_task(self.loops.run(), name="loops"),
            loop.create_task(self.allocations.run(), name="allocations"),
            loop.create_task(self.invocations.run(), name="async-invocations"),
            loop.create_task(self.mappings.run(), name="sqs-mappings"),
            loop.create_task(self.http_deliveries.run(), name="http-deliveries"),
            loop.create_task(self.sweeper.run(), name="blobs"),
        ]
        for task in self._tasks:
            task.add_done_callback(_report_end)

    async def stop(self) -> None:
        """End every part: work that is under way is settled or given back, log lines are written, the file is closed."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.runtime.stop()
        drained = asyncio.Event()
        self.sink.when_idle(drained.set)
        await drained.wait()
        await asyncio.to_thread(self._store.close)
        if self._data is None:
            shutil.rmtree(self._work_dir, ignore_errors=True)

    def _signalled(self, signals: frozenset[str]) -> None:
        self.board.fire(signals)
        self.loops.signalled(signals)
        self.allocations.wake(signals)
        self.invocations.wake(signals)
        self.mappings.wake(signals)
        self.http_deliveries.wake(signals)
        for name in signals:
            if name.startswith(CHANGED_SIGNAL):
                self.runtime.retire(name.removeprefix(CHANGED_SIGNAL))
                self.sweeper.changed()
            elif name == PACKAGE_DROPPED_SIGNAL:
                self.sweeper.changed()

    async def _open_execution_role(self, function: FunctionVersion) -> RoleCredentials:
        now_ms = self.clock.now_ms()
        return await self.store.write(lambda tx: open_execution_role(tx, function, ids=self._ids, now_ms=now_ms))

    async def _run_function(self, ctx: Context, request: Any) -> object:
        return await self.runner.invoke(request)

    async def _run_streamed(self, ctx: Context, request: Any) -> object:
        return await self.runner.invoke_streamed(request)

    async def _make_signing_key(self, ctx: Context, request: Any) -> object:
        return await asyncio.to_thread(signing.make_signing_key, request)

    async def _certificate(self, request: HttpRequest, rest: str, connection: Connection) -> HttpAnswer:
        """The certificate that verifies signatures of topics; 404 until there is a subscription."""
        text = self._store.read(signing.certificate)
        status = 200 if text else 404
        return HttpAnswer(status, [("content-type", "application/x-pem-file")], text.encode())

    def _performed(self, performer: str, outcome: object) -> None:
        if performer == "blobs" and isinstance(outcome, str):
            self.sweeper.over(outcome)

    async def _put_blob(self, ctx: Context, request: Any) -> object:
        return await asyncio.to_thread(self._store.blobs.put, request)

    def _live_controls(self) -> LiveControls:
        key_file = (self._work_dir / "dev.key").absolute()

        async def about() -> dict[str, Any]:
            return {
                "isolated": await self.runtime.isolation.is_on(),
                "function_network": self.settings.function_network,
            }

        return LiveControls(self.runtime.live, self.store, self.contexts, key_file, about)

    def _gauges(self) -> Gauges:
        return Gauges(
            version=__version__,
            data=str(self._data) if self._data else "in memory",
            started_ms=self.clock.now_ms(),
            data_bytes=lambda: _tree_bytes(self._data) if self._data else 0,
            memory_mb=_memory_mb,
            waiting=lambda: self._store.read(self._waiting),
            missing_isolation=lambda: self.runtime.isolation.missing,
        )

    def _waiting(self, tx: Tx) -> dict[str, int]:
        now_ms = self.clock.now_ms()
        counts = tx.queues.counts(OUTBOX_QUEUE, now_ms=now_ms)
        return {
            "retries of deliveries": counts.ready + counts.leased + counts.delayed,
            "asynchronous invocations": waiting_count(tx, now_ms=now_ms),
        }


class _Packages:
    """Function packages are blobs of the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def package_path(self, digest: str) -> Path | None:
        return self._store.blobs.path(digest)


def _report_end(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        log.critical("%s ended and will not come back; restart the server", task.get_name(), exc_info=task.exception())


def _tree_bytes(root: Path) -> int:
    return sum(path.stat().st_size for path in root.glob("*") if path.is_file())


def _memory_mb() -> float:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1_048_576


def implemented_operations() -> dict[str, frozenset[str]]:
    """Service -> the operations that are built; what ``bascule coverage`` shows."""
    return {service.name: frozenset(service.operations) for service in SERVICES}


def modelled_operations(service: str) -> tuple[str, ...] | None:
    """All operations that AWS's model of ``service`` has, or None when there is no such service."""
    found = Catalog().operations(service)
    return None if found is None else tuple(sorted(found))


async def _serve(settings: Settings, data: Path, listener: socket.socket, announce: Callable[[str], None]) -> None:
    clock = SteerableClock(RealClock()) if settings.is_test else RealClock()
    platform = Bascule(settings, data, clock=clock, ids=SystemIds())
    host, port = listener.getsockname()[:2]
    platform.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    await platform.start()
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()

    def stop() -> None:
        stopping.set()
        platform.board.wake_all()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    announce(f"bascule {__version__} ready at {platform.url}, data in {data}")
    try:
        await serve_http(platform.pipeline, settings, listener, stopping)
    finally:
        await platform.stop()


def serve(settings: Settings, data: Path, *, announce: Callable[[str], None]) -> None:
    """Run a server until SIGTERM or SIGINT.

    Takes    announce: gets the one ready line; requests that arrive from then on are answered.
    Raises   CannotStart with one sentence when the address or the data directory cannot be used, or functions must be isolated
             and cannot be.
    """
    if settings.require_isolation and (missing := missing_protections(settings, data)):
        raise CannotStart(refusal(missing))
    try:
        listener = listen(settings.host, settings.port)
    except CannotListen as error:
        raise CannotStart(str(error)) from None
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    gc.set_threshold(*GC_THRESHOLDS)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(settings, data, listener, announce))
    except DataDirectoryInUse as error:
        raise CannotStart(
            f"{error} Stop that process or choose another directory with --data.".replace("..", ".")
        ) from None
    except (DataDirectoryUnusable, StoreVersionError) as error:
        raise CannotStart(str(error)) from None
    finally:
        listener.close()
