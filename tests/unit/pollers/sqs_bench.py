"""A workbench for mappings of queues: the real services on one in-memory store, simulated time, a scripted runtime."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from bascule.api import sqs as sqs_api
from bascule.host.async_store import AsyncStore
from bascule.kernel.invocation import Invocation, InvocationResult, InvocationThrottled
from bascule.kernel.waiting import Perform
from bascule.pollers.sqs_mappings import SqsMappings
from bascule.pollers.sqs_source import describe_source
from bascule.services import sqs
from bascule.services.lambda_.event_source_lifecycle import end_moves
from tests.unit.pollers.bench import Bench, ScriptedRuntime


class StrictRuntime(ScriptedRuntime):
    """Throttles a function whose reserved concurrency is used up, as the real one does."""

    def __init__(self, slots_max: int = 50) -> None:
        super().__init__(slots_max)
        self.throttled_count = 0

    async def invoke(self, invocation: Invocation) -> InvocationResult:
        if self.is_used_up(invocation.function):
            self.throttled_count += 1
            if invocation.function.reserved_concurrency == 0:
                self.started.append(invocation)
            raise InvocationThrottled("ReservedFunctionConcurrentInvocationLimitExceeded")
        return await super().invoke(invocation)


def bodies(invocation: Invocation) -> list[str]:
    return [record["body"] for record in json.loads(invocation.payload)["Records"]]


def answer(*message_ids: str | None) -> InvocationResult:
    failures = [{"itemIdentifier": name} for name in message_ids]
    return InvocationResult(payload=json.dumps({"batchItemFailures": failures}).encode())


class MappingBench(Bench):
    """``async with MappingBench() as bench``: queues by name, one mapping each to the function ``orders``."""

    def __init__(self, *, slots_max: int = 50, signals: bool = True) -> None:
        super().__init__(slots_max=slots_max, signals=signals)
        self.runtime = StrictRuntime(slots_max)
        self._begin()

    def _begin(self) -> None:
        self.poller: Any = SqsMappings(AsyncStore(self.store), self.contexts, self.runtime)

    async def restart(self) -> None:
        """A new process over the same store, after a crash of the old one."""
        self._begin()
        if self._signals:
            self.store.on_signal(self.poller.wake)
        self._task = asyncio.get_running_loop().create_task(self.poller.run())
        await self.quiet()

    async def crash(self) -> None:
        """The process is gone: nothing it holds is given back."""
        for task in [*self.poller._tasks, self._task]:
            task.cancel()
        self.poller._stop = _nothing
        await asyncio.gather(self._task, return_exceptions=True)

    def _perform(self, ctx: Any, asked: Perform) -> object:
        if asked.performer != "event-source":
            return super()._perform(ctx, asked)
        question: Any = asked.request
        return self.store.read(lambda tx: describe_source(tx, question))

    async def sqs(self, name: str, **members: Any) -> Any:
        """Call an operation of SQS."""
        operation = sqs.SERVICE.operations[name]
        given = sqs_api.OPERATIONS[name][0](**members)
        ctx = self.context()
        run = self.store.read if operation.reads else self.store.write
        return await asyncio.to_thread(run, lambda tx: operation.run(ctx, tx, given))

    async def queue(self, name: str = "in", **attributes: str) -> str:
        if name.endswith(".fifo"):
            attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true"} | attributes
        return str((await self.sqs("CreateQueue", queue_name=name, attributes=attributes)).queue_url)

    async def map(self, queue: str = "in", function: str = "orders", **members: Any) -> str:
        """A mapping, enabled and at work; gives its uuid."""
        arn = self.scope.arn("sqs", queue)
        made: Any = await self.do("CreateEventSourceMapping", event_source_arn=arn, function_name=function, **members)
        await self.end_moves()
        return str(made.uuid)

    async def change(self, uuid: str, **members: Any) -> None:
        await self.do("UpdateEventSourceMapping", uuid=uuid, **members)
        await self.end_moves()

    async def end_moves(self) -> None:
        ctx = self.context()
        await asyncio.to_thread(self.store.write, lambda tx: end_moves(ctx, tx))
        if self._task_is_alive:
            await self.until(lambda: True)

    @property
    def _task_is_alive(self) -> bool:
        return hasattr(self, "_task") and not self._task.done()

    async def send(self, url: str, *texts: str, group: str | None = None, **members: Any) -> None:
        """Messages in one transaction for each ten; quiet is not waited for."""
        for start in range(0, len(texts), 10):
            entries = [
                sqs_api.SendMessageBatchRequestEntry(
                    id=str(index), message_body=text, message_group_id=group, **members
                )
                for index, text in enumerate(texts[start : start + 10])
            ]
            sent = await self.sqs("SendMessageBatch", queue_url=url, entries=entries)
            assert not sent.failed

    async def depth(self, url: str) -> tuple[int, int]:
        """Visible and in flight."""
        found = (await self.sqs("GetQueueAttributes", queue_url=url, attribute_names=["All"])).attributes
        stem = "ApproximateNumberOfMessages"
        return int(found[stem]), int(found[stem + "NotVisible"])

    @property
    def seen(self) -> list[list[str]]:
        """The bodies of each invocation, in order of their starts."""
        return [bodies(invocation) for invocation in self.runtime.started]


async def _nothing() -> None:
    """Instead of giving messages back."""
