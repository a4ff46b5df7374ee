"""A small platform for tests of delivery and journal: the real store in memory, a simulated clock, the real engines.

``Owner`` is a target whose answers a test scripts; what it took is in the store, like everything else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from bascule.delivery import DeliveryEngine
from bascule.engines.sqlite import open_store
from bascule.journal import EventJournal
from bascule.kernel.arns import Arn
from bascule.kernel.clock import SimulatedClock
from bascule.kernel.context import Context
from bascule.kernel.delivery import Accepted, Delivery, Refused, RetryPolicy
from bascule.kernel.ids import SeededIds, event_batch_id, event_id
from bascule.kernel.journal import EventBatch, EventEntry
from bascule.kernel.loop import Loop, LoopHost
from bascule.kernel.metrics import Metrics
from bascule.kernel.queues import NewMessage
from bascule.kernel.scope import Scope
from bascule.kernel.settings import Settings
from bascule.kernel.store import Tx

T = TypeVar("T")
SCOPE = Scope()
RULE = SCOPE.arn("events", "rule/shop/big-orders")
WORK = SCOPE.arn("work", "jobs")
DLQ = SCOPE.arn("letters", "dlq")
EVENT = b'{"version":"0","id":"x","detail-type":"Order Created","source":"myapp.orders","account":"000000000000","time":"2026-01-01T00:00:00Z","region":"us-east-1","resources":[],"detail":{"amount":1000}}'

Answer = Refused | Exception | Callable[[Context, Tx, Delivery], Accepted] | None


class Owner:
    """Takes deliveries into the queue ``taken/<resource>``; ``script`` says what it does instead, try by try."""

    def __init__(self, script: Iterable[Answer] = (), *, then: Answer = None) -> None:
        self.script = list(script)
        self.then = then
        self.tried_ms: list[int] = []
        self.seen: list[Delivery] = []
        self.scopes: list[Scope] = []

    def accept(self, ctx: Context, tx: Tx, delivery: Delivery, arn: Arn) -> Accepted:
        self.tried_ms.append(ctx.now_ms)
        self.scopes.append(ctx.scope)
        answer = self.script.pop(0) if self.script else self.then
        if isinstance(answer, Exception):
            raise answer
        if answer is not None:
            return answer(ctx, tx, delivery)
        self.seen.append(delivery)
        reference = f"m-{len(self.seen)}"
        tx.queues.put(
            f"taken/{arn.resource}",
            NewMessage(message_id=reference, body=delivery.payload, sent_ms=ctx.now_ms, due_ms=ctx.now_ms),
        )
        return Accepted(reference)


class Platform:
    """Everything a delivery needs, and a day of it in milliseconds."""

    def __init__(self, *, is_test: bool = False, **settings: int) -> None:
        self.clock = SimulatedClock()
        self.ids = SeededIds(7)
        self.store = open_store(None)
        self.settings = Settings(is_test=is_test, **settings)  # type: ignore[arg-type]  # integer settings only
        self.work = Owner()
        self.letters = Owner()
        self.targets = {"work": self.work, "letters": self.letters}
        self.metrics = Metrics()
        self.restart()

    def restart(self) -> None:
        """What a new process has: the same store, and nothing remembered."""
        self.engine = DeliveryEngine(self.targets, self.settings)
        self.journal = EventJournal(self.settings)
        self.host = LoopHost((*self.engine.loops, *self.journal.loops), now_ms=self.clock.now_ms())

    def context(self) -> Context:
        return Context(
            scope=SCOPE,
            now_ms=self.clock.now_ms(),
            request_id="r",
            ids=self.ids,
            courier=self.engine,
            journal=self.journal,
            metrics=self.metrics,
            settings=self.settings,
        )

    def write(self, command: Callable[[Context, Tx], T]) -> T:
        ctx = self.context()
        return self.store.write(lambda tx: command(ctx, tx))

    def read(self, query: Callable[[Tx], T]) -> T:
        return self.store.read(query)

    def send(self, *deliveries: Delivery) -> None:
        def command(ctx: Context, tx: Tx) -> None:
            for delivery in deliveries:
                ctx.courier.send(ctx, tx, delivery)

        self.write(command)

    def put_event(self, *targets: str, is_batch_first: bool = False, **fields: object) -> str:
        """An event of one call, sent to ``targets`` as PutEvents does it; gives its id."""
        batch_id = event_batch_id(self.clock.now_ms(), self.ids.token(9))
        name = event_id(batch_id, 0)

        def command(ctx: Context, tx: Tx) -> None:
            batch = EventBatch(batch_id, SCOPE, ctx.now_ms, (EventEntry(EVENT, "shop", ("big-orders",)),))
            if is_batch_first:
                ctx.journal.batch(tx, batch)
            for target in targets:
                ctx.courier.send(ctx, tx, self.delivery(target_arn=target, event_id=name, **fields))
            if not is_batch_first:
                ctx.journal.batch(tx, batch)

        self.write(command)
        return name

    def delivery(self, **fields: object) -> Delivery:
        given: dict[str, object] = {
            "delivery_id": self.ids.uuid(),
            "scope": SCOPE,
            "origin": "rule",
            "source_arn": RULE,
            "target_arn": WORK,
            "payload": EVENT,
            "created_ms": self.clock.now_ms(),
            "retry": RetryPolicy(),
            "dead_letter_arn": None,
            **fields,
        }
        return Delivery(**given)  # type: ignore[arg-type]  # named by the test

    def run(self, duration_ms: int) -> int:
        """Let time pass, stopping at each moment a loop is due; gives how many ticks ran."""
        until_ms = self.clock.now_ms() + duration_ms
        tick_count = 0
        while True:
            due = self.host.due(self.clock.now_ms())
            for loop in due:
                self._tick(loop)
            tick_count += len(due)
            if due:
                continue
            next_ms = self.host.next_due_ms()
            if next_ms is None or next_ms > until_ms:
                self.clock.jump_to(until_ms)
                return tick_count
            self.clock.jump_to(next_ms)

    def _tick(self, loop: Loop) -> None:
        ctx = self.context()
        self.host.ran(loop, self.store.write(lambda tx: loop.tick(ctx, tx)), now_ms=ctx.now_ms)

    def taken(self, resource: str = "jobs") -> list[bytes]:
        """What the owners have in the store."""
        return [message.body for message in self.read(lambda tx: tx.queues.peek(f"taken/{resource}", count_max=1000))]

    def waiting_count(self) -> int:
        return len(self.read(lambda tx: self.engine.waiting(tx, 1000)))

    def close(self) -> None:
        self.store.close()
