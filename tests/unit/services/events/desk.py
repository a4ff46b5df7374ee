"""A desk to try EventBridge on: an in-memory store, simulated time, the real delivery engine and journal, a box for each target.

Boxes stand for whatever owns the ARNs of other services: they take every delivery, or refuse as they are told to.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec

from bascule.api import events as api
from bascule.delivery import DeliveryEngine
from bascule.engines.sqlite import open_store
from bascule.journal import EventJournal, FoundStory, find_story
from bascule.kernel.arns import Arn
from bascule.kernel.clock import SimulatedClock
from bascule.kernel.context import Context
from bascule.kernel.delivery import Accepted, Delivery, Refused
from bascule.kernel.ids import SeededIds
from bascule.kernel.loop import LoopHost
from bascule.kernel.metrics import Metrics
from bascule.kernel.queues import NewMessage
from bascule.kernel.scope import Scope
from bascule.kernel.settings import Settings
from bascule.kernel.store import Store, Tx
from bascule.services.events import SERVICE

#: 2026-01-15T10:07:30Z
START_MS = 1_768_471_650_000
HOME = Scope("111122223333", "us-east-1")


class Box:
    """A target that keeps what it accepts, in the store, so that what is rolled back was never accepted."""

    QUEUE = "box"

    def __init__(self) -> None:
        self.refusals: dict[str, Refused] = {}

    def accept(self, ctx: Context, tx: Tx, delivery: Delivery, arn: Arn) -> Accepted:
        refused = self.refusals.get(delivery.target_arn)
        if refused is not None:
            raise refused
        body = msgspec.msgpack.encode(delivery)
        tx.queues.put(self.QUEUE, NewMessage(delivery.delivery_id, body, sent_ms=ctx.now_ms, due_ms=ctx.now_ms))
        return Accepted(delivery.delivery_id)


class Desk:
    """Calls operations as the edge would, in any scope."""

    def __init__(self, store: Store | None = None, settings: Settings | None = None) -> None:
        self.store = store or open_store(None)
        self.settings = settings or Settings()
        self.clock = SimulatedClock(START_MS)
        self.ids = SeededIds(3)
        self.metrics = Metrics()
        self.box = Box()
        self.courier = DeliveryEngine({**SERVICE.targets, "sqs": self.box, "lambda": self.box}, self.settings)
        self.journal = EventJournal(self.settings)
        self.loops = LoopHost((*SERVICE.loops, *self.courier.loops), now_ms=START_MS)

    def context(self, scope: Scope = HOME, trace_header: str | None = None) -> Context:
        return Context(
            scope=scope,
            now_ms=self.clock.now_ms(),
            request_id=self.ids.uuid(),
            ids=self.ids,
            courier=self.courier,
            journal=self.journal,
            metrics=self.metrics,
            settings=self.settings,
            trace_header=trace_header,
        )

    def call(self, name: str, scope: Scope = HOME, trace_header: str | None = None, /, **members: Any) -> Any:
        """Run one operation in a transaction of its own."""
        operation = SERVICE.operations[name]
        given = api.OPERATIONS[name][0](**members)
        run = self.store.read if operation.reads else self.store.write
        ctx = self.context(scope, trace_header)
        if operation.prepare is not None:
            given = operation.prepare(ctx, given)
        return run(lambda tx: operation.run(ctx, tx, given))

    def write(self, command: Callable[[Context, Tx], Any], scope: Scope = HOME) -> Any:
        """Run any command in a write transaction."""
        ctx = self.context(scope)
        return self.store.write(lambda tx: command(ctx, tx))

    def rule(self, name: str, pattern: object = None, *, scope: Scope = HOME, **members: Any) -> str:
        """A rule; the pattern given as an object. Gives its ARN."""
        text = json.dumps({"source": ["shop"]} if pattern is None else pattern)
        arn = self.call("PutRule", scope, name=name, event_pattern=text, **members).rule_arn
        assert isinstance(arn, str)
        return arn

    def target(
        self, rule: str, target_id: str = "box", *, scope: Scope = HOME, bus: str | None = None, **members: Any
    ) -> str:
        """A target of a rule; a queue unless told otherwise. Gives its ARN."""
        arn: str = members.pop("arn", scope.arn("sqs", target_id))
        target = api.Target(id=target_id, arn=arn, **members)
        self.call("PutTargets", scope, rule=rule, event_bus_name=bus, targets=[target])
        return arn

    def put(self, detail: object = None, *, scope: Scope = HOME, trace: str | None = None, **members: Any) -> Any:
        """One entry; gives its result."""
        text = detail if isinstance(detail, str) else json.dumps(detail or {})
        entry = api.PutEventsRequestEntry(**({"source": "shop", "detail_type": "Order", "detail": text} | members))
        return self.call("PutEvents", scope, trace, entries=[entry]).entries[0]

    @property
    def deliveries(self) -> list[Delivery]:
        """What the boxes hold, in order of arrival."""
        found = self.store.read(lambda tx: tx.queues.peek(Box.QUEUE, count_max=1000))
        return [msgspec.msgpack.decode(message.body, type=Delivery) for message in found]

    @property
    def received(self) -> list[Any]:
        """Payloads in the boxes, decoded, in order of arrival."""
        return [json.loads(delivery.payload) for delivery in self.deliveries]

    def story(self, event_id: str) -> FoundStory:
        found = self.store.read(lambda tx: find_story(tx, event_id))
        assert found is not None
        return found

    def run_loops(self, until_ms: int | None = None) -> None:
        """Run every loop that is due, moving from due time to due time up to ``until_ms``."""
        while True:
            for loop in self.loops.due(self.clock.now_ms()):
                ctx = self.context(Scope())
                due_ms = self.store.write(lambda tx, loop=loop, ctx=ctx: loop.tick(ctx, tx))
                # Ask no more often than the loop itself wants to: a poll is for lost signals, and none is lost here.
                self.loops._due[loop.name] = due_ms if due_ms is not None else 1 << 62
            next_ms = self.loops.next_due_ms()
            if until_ms is None or next_ms is None or next_ms > until_ms:
                break
            self.clock.jump_to(next_ms)
        if until_ms is not None:
            self.clock.jump_to(until_ms)

    def wake_loops(self) -> None:
        """What signals do: every loop looks again."""
        for name in self.loops.names:
            self.loops._due[name] = self.clock.now_ms()
