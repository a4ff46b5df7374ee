"""A desk to try SQS on: an in-memory store, simulated time, and operations called by name as the edge would."""

from __future__ import annotations

from typing import Any

from bascule.api import sqs as api
from bascule.engines.sqlite import open_store
from bascule.kernel.arns import parse_arn
from bascule.kernel.clock import SimulatedClock
from bascule.kernel.context import Context
from bascule.kernel.delivery import Accepted, Delivery
from bascule.kernel.ids import SeededIds
from bascule.kernel.loop import LoopHost
from bascule.kernel.metrics import Metrics
from bascule.kernel.scope import Scope
from bascule.kernel.settings import Settings
from bascule.kernel.store import Store
from bascule.kernel.waiting import WaitFor
from bascule.services.sqs import SERVICE

BASE_URL = "http://localhost:4566"


class Desk:
    """Calls operations; waits in simulated time."""

    def __init__(self, store: Store | None = None) -> None:
        self.store = store or open_store(None)
        self.clock = SimulatedClock()
        self.ids = SeededIds(7)
        self.metrics = Metrics()
        self.scope = Scope()
        self.waits: list[WaitFor] = []
        self.loops = LoopHost(SERVICE.loops, now_ms=self.clock.now_ms())

    def context(self, resume: object = None) -> Context:
        nobody: Any = None
        return Context(
            scope=self.scope,
            now_ms=self.clock.now_ms(),
            request_id=self.ids.uuid(),
            ids=self.ids,
            courier=nobody,
            journal=nobody,
            metrics=self.metrics,
            settings=Settings(),
            base_url=BASE_URL,
            resume=resume,
        )

    def once(self, name: str, resume: object = None, **members: Any) -> Any:
        """Call an operation one time; gives its output or what it waits for."""
        operation = SERVICE.operations[name]
        given = api.OPERATIONS[name][0](**members)
        run = self.store.read if operation.reads else self.store.write
        ctx = self.context(resume)
        return run(lambda tx: operation.run(ctx, tx, given))

    def call(self, name: str, **members: Any) -> Any:
        """Call an operation to its end; a wait takes simulated time only."""
        result = self.once(name, **members)
        while isinstance(result, WaitFor):
            self.waits.append(result)
            self.clock.jump_to(result.until_ms)
            result = self.once(name, result, **members)
        return result

    def queue(self, name: str = "orders", **attributes: str) -> str:
        """A queue; gives its URL."""
        if name.endswith(".fifo"):
            attributes = {"FifoQueue": "true"} | attributes
        url = self.call("CreateQueue", queue_name=name, attributes=attributes).queue_url
        assert isinstance(url, str)
        return url

    def arn(self, name: str) -> str:
        return self.scope.arn("sqs", name)

    def send(self, url: str, body: str = "hello", **members: Any) -> Any:
        return self.call("SendMessage", queue_url=url, message_body=body, **members)

    def receive(self, url: str, count: int = 10, **members: Any) -> list[Any]:
        return self.call("ReceiveMessage", queue_url=url, max_number_of_messages=count, **members).messages or []

    def bodies(self, url: str, count: int = 10, **members: Any) -> list[str]:
        return [message.body for message in self.receive(url, count, **members)]

    def delete(self, url: str, message: Any) -> None:
        self.call("DeleteMessage", queue_url=url, receipt_handle=message.receipt_handle)

    def attributes(self, url: str, *names: str) -> dict[str, str]:
        return self.call("GetQueueAttributes", queue_url=url, attribute_names=list(names or ("All",))).attributes or {}

    def count(self, url: str) -> tuple[int, int, int]:
        """Visible, in flight, delayed."""
        found = self.attributes(url)
        stem = "ApproximateNumberOfMessages"
        return int(found[stem]), int(found[stem + "NotVisible"]), int(found[stem + "Delayed"])

    def pass_time(self, seconds: float) -> None:
        self.clock.advance(int(seconds * 1000))

    def run_loops(self, until_ms: int | None = None) -> None:
        """Run every loop that is due until now, or through every due moment until later."""
        while True:
            now_ms = self.clock.now_ms()
            for loop in self.loops.due(now_ms):
                ctx = self.context()
                due = self.store.write(lambda tx, tick=loop.tick, ctx=ctx: tick(ctx, tx))
                self.loops.ran(loop, due, now_ms=now_ms)
            next_ms = self.loops.next_due_ms()
            if next_ms is not None and next_ms <= now_ms:
                continue
            if until_ms is None or next_ms is None or next_ms > until_ms:
                return
            self.clock.jump_to(next_ms)

    def deliver(self, target_arn: str, payload: bytes = b'{"a":1}', **fields: Any) -> Accepted:
        """Hand a payload to a queue as the delivery engine does."""
        delivery = Delivery(
            delivery_id=self.ids.uuid(),
            scope=self.scope,
            origin="rule",
            source_arn=self.scope.arn("events", "rule/r"),
            target_arn=target_arn,
            payload=payload,
            created_ms=self.clock.now_ms(),
            **fields,
        )
        arn = parse_arn(target_arn)
        assert arn is not None
        ctx = self.context()
        return self.store.write(lambda tx: SERVICE.targets["sqs"].accept(ctx, tx, delivery, arn))
