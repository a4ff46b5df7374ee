"""The poller of HTTP deliveries with a played end point: starts, stops, restarts, bounds, lost signals."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from bascule.delivery import DeliveryEngine
from bascule.egress.client import HttpClient
from bascule.egress.deliveries import HttpDeliveries
from bascule.egress.lane import WIDTH
from bascule.engines.sqlite import open_store
from bascule.host.async_store import AsyncStore
from bascule.host.contexts import Contexts
from bascule.journal import EventJournal
from bascule.kernel.clock import SimulatedClock
from bascule.kernel.ids import SeededIds
from bascule.kernel.metrics import Metrics
from bascule.kernel.scope import Scope
from bascule.kernel.settings import Settings
from bascule.kernel.store import Tx
from bascule.services.sns import http_rows, state
from bascule.services.sns.addressing import TopicName
from bascule.services.sns.envelope import NOTIFICATION
from bascule.services.sns.http_work import Answer, HttpRequest, HttpSubscriptions
from bascule.services.sns.model import Subscription, Topic

TOPIC = TopicName(Scope(), "t")
START_MS = 1_768_471_650_000


class Played(HttpClient):
    """An end point that answers as a test says; ``release`` lets those that wait go on."""

    def __init__(self) -> None:
        super().__init__()
        self.started: list[HttpRequest] = []
        self.running = 0
        self.running_max = 0
        self.answer = Answer(status=200)
        self.waits_at: set[str] = set()
        self.release = asyncio.Event()

    async def post(self, request: HttpRequest) -> Answer:
        self.started.append(request)
        self.running += 1
        self.running_max = max(self.running_max, self.running)
        try:
            if request.url in self.waits_at:
                await self.release.wait()
            return self.answer
        finally:
            self.running -= 1


class Bench:
    """A running poller over a store in memory. ``async with Bench() as bench``."""

    def __init__(self, *, signals: bool = True) -> None:
        self.store = open_store(None)
        self.clock = SimulatedClock(START_MS)
        settings = Settings()
        self.contexts = Contexts(
            clock=self.clock,
            ids=SeededIds(5),
            courier=DeliveryEngine({}, settings),
            journal=EventJournal(settings),
            metrics=Metrics(),
            settings=settings,
        )
        self.client = Played()
        self._signals = signals
        self.poller: HttpDeliveries
        self._task: asyncio.Task[None]

    async def __aenter__(self) -> Bench:
        self.store.set_completions(asyncio.get_running_loop().call_soon_threadsafe)
        topic = Topic(uuid="t", name="t", created_ms=START_MS)
        self.store.write(lambda tx: state.put_topic(self.contexts.make(Scope()), tx, Scope(), topic))
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
        self.store.close()

    async def start(self) -> None:
        self.poller = HttpDeliveries(AsyncStore(self.store), self.contexts, HttpSubscriptions(), self.client)
        self.store.on_signal(self.poller.wake if self._signals else lambda signals: None)
        self._task = asyncio.get_running_loop().create_task(self.poller.run())
        await self.until(lambda: self.poller.is_idle)

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def publish(self, name: str, count: int = 1) -> str:
        """Requests for a subscription with that name; gives its URL."""
        url = f"http://{name}.test/"
        subscription = Subscription(
            uuid=name,
            topic_arn=TOPIC.arn,
            protocol="http",
            endpoint=url,
            owner=TOPIC.scope.account,
            created_ms=START_MS,
            base_url="http://bascule.test",
        )

        def put(tx: Tx) -> None:
            ctx = self.contexts.make(Scope())
            state.put_subscription(tx, TOPIC, subscription)
            for number in range(count):
                row = http_rows.Row(NOTIFICATION, str(number))
                http_rows.put(ctx, tx, subscription, row, b"x")

        await asyncio.to_thread(self.store.write, put)
        return url

    async def until(self, condition: Callable[[], bool]) -> None:
        """Until a condition holds; bounded, because a test that hangs says nothing."""
        async with asyncio.timeout(10):
            calm = 0
            while calm < 3:
                calm = calm + 1 if condition() else 0
                await asyncio.to_thread(self.store.write, lambda tx: None)
                await asyncio.sleep(0)

    async def quiet(self) -> None:
        def is_quiet() -> bool:
            due_ms = self.poller.next_due_ms()
            return self.poller.is_idle and (due_ms is None or due_ms > self.clock.now_ms())

        await self.until(is_quiet)

    def left(self, name: str) -> int:
        """Rows of a subscription that are still there."""
        return len(self.store.read(lambda tx: tx.queues.peek(http_rows.queue_of(name), count_max=1000)))


def run(test: Callable[[Bench], Awaitable[None]], *, signals: bool = True) -> None:
    async def with_bench() -> None:
        async with Bench(signals=signals) as bench:
            await test(bench)

    asyncio.run(with_bench())


def test_what_is_published_is_sent_and_gone() -> None:
    async def test(bench: Bench) -> None:
        await bench.publish("a", 25)
        await bench.quiet()
        assert len(bench.client.started) == 25
        assert bench.left("a") == 0
        assert bench.client.running_max <= WIDTH

    run(test)


def test_a_stuck_endpoint_holds_only_its_own_lane() -> None:
    async def test(bench: Bench) -> None:
        bench.client.waits_at.add(await bench.publish("stuck", 50))
        await bench.publish("free", 50)
        await bench.until(lambda: bench.left("free") == 0)
        assert bench.client.running == WIDTH
        assert bench.left("stuck") == 50
        bench.client.release.set()
        await bench.quiet()
        assert bench.left("stuck") == 0

    run(test)


def test_a_stop_gives_back_what_is_under_way_and_counts_no_attempt() -> None:
    async def test(bench: Bench) -> None:
        bench.client.waits_at.add(await bench.publish("a"))
        await bench.until(lambda: bench.client.running == 1)
        await bench.stop()
        [message] = bench.store.read(lambda tx: tx.queues.peek(http_rows.queue_of("a"), count_max=10))
        assert message.lease_token is None
        assert http_rows.unpack(message.headers).failure_count == 0
        bench.client.release.set()
        await bench.start()
        await bench.quiet()
        assert bench.left("a") == 0

    run(test)


def test_leases_of_a_process_that_died_are_taken_back_at_start() -> None:
    async def test(bench: Bench) -> None:
        await bench.stop()
        await bench.publish("a")
        queue = http_rows.queue_of("a")
        now_ms = bench.clock.now_ms()
        await asyncio.to_thread(
            bench.store.write, lambda tx: tx.queues.lease(queue, now_ms=now_ms, lease_ms=600_000, count_max=1)
        )
        await bench.start()
        await bench.quiet()
        assert bench.left("a") == 0

    run(test)


def test_a_lost_signal_is_found_by_polling() -> None:
    async def test(bench: Bench) -> None:
        await bench.publish("a")
        await bench.until(lambda: bench.poller.is_idle)
        assert bench.client.started == []
        bench.clock.advance(10_000)
        await bench.until(lambda: bench.left("a") == 0)

    run(test, signals=False)


def test_a_failure_is_made_again_when_it_is_due_and_ends_lost() -> None:
    async def test(bench: Bench) -> None:
        bench.client.answer = Answer(status=500)
        await bench.publish("a")
        for attempts in range(1, 5):
            await bench.quiet()
            assert len(bench.client.started) == attempts
            bench.clock.advance(19_999)
            await bench.quiet()
            assert len(bench.client.started) == attempts
            bench.clock.advance(1)
        await bench.quiet()
        assert len(bench.client.started) == 4
        assert bench.left("a") == 0
        assert bench.contexts.metrics.value("delivery.Lost", TOPIC.arn) == 1
        assert bench.contexts.metrics.value("sns.NumberOfNotificationsFailed", TOPIC.arn) == 1

    run(test)


def test_a_subscription_that_ends_takes_its_requests_and_its_lane_with_it() -> None:
    async def test(bench: Bench) -> None:
        bench.client.answer = Answer(status=500)
        await bench.publish("a", 3)
        await bench.quiet()
        subscription = bench.store.read(lambda tx: state.get_subscription(tx, TOPIC, "a"))
        assert subscription is not None
        await asyncio.to_thread(bench.store.write, lambda tx: state.delete_subscription(tx, TOPIC, subscription))
        bench.clock.advance(20_000)
        await bench.quiet()
        assert len(bench.client.started) == 3
        assert bench.left("a") == 0
        assert bench.store.read(state.lanes) == []
        assert bench.contexts.metrics.value("delivery.Lost", TOPIC.arn) == 3

    run(test)
