"""A desk to try Lambda on: an in-memory store, the real delivery engine and journal, simulated time, operations by name."""

from __future__ import annotations

import io
import zipfile
from typing import Any

from bascule.api import lambda_ as api
from bascule.delivery import DeliveryEngine
from bascule.engines.sqlite import open_store
from bascule.host.contexts import Contexts
from bascule.journal import EventJournal
from bascule.kernel.clock import SimulatedClock
from bascule.kernel.context import Context
from bascule.kernel.ids import SeededIds
from bascule.kernel.invocation import Invocation, Provisioned
from bascule.kernel.metrics import Metrics
from bascule.kernel.scope import Scope
from bascule.kernel.settings import Settings
from bascule.kernel.store import Store
from bascule.kernel.waiting import Perform
from bascule.services.lambda_ import SERVICE

BASE_URL = "http://localhost:4566"
ROLE = "arn:aws:iam::000000000000:role/test"


def package(text: str = "def handler(event, context): return event\n") -> bytes:
    """A zip file with one module."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr(zipfile.ZipInfo("app.py"), text)  # without the time of day: the same text is the same package
    return archive.getvalue()


class Desk:
    """Calls operations and performs what they ask for; a runtime request is kept and answered by ``answers``."""

    def __init__(self, **settings: Any) -> None:
        self.store: Store = open_store(None)
        self.clock = SimulatedClock()
        self.scope = Scope()
        made = Settings(**settings)
        self.metrics = Metrics()
        self.contexts = Contexts(
            clock=self.clock,
            ids=SeededIds(7),
            courier=DeliveryEngine(SERVICE.targets, made),
            journal=EventJournal(made),
            metrics=self.metrics,
            settings=made,
        )
        self.invocations: list[Invocation] = []
        #: Qualified ARN -> what the runtime has of its provisioned environments; missing: all that is asked for.
        self.provisioned: dict[str, Provisioned] = {}
        #: What the runtime gives next: a result or an exception instance.
        self.answer: object = None

    def context(self, resume: object = None, trace_header: str | None = None) -> Context:
        return self.contexts.make(self.scope, base_url=BASE_URL, resume=resume, trace_header=trace_header)

    def call(self, name: str, /, *, trace_header: str | None = None, **members: Any) -> Any:
        """Call an operation to its end, doing what it asks to have performed."""
        operation = SERVICE.operations[name]
        given = api.OPERATIONS[name][0](**members)
        run = self.store.read if operation.reads else self.store.write
        ctx = self.context(trace_header=trace_header)
        result: Any = run(lambda tx: operation.run(ctx, tx, given))
        while isinstance(result, Perform):
            ctx = ctx.resumed(self._perform(ctx, result), now_ms=self.clock.now_ms())
            result = run(lambda tx: operation.run(ctx, tx, given))  # noqa: B023 - run before the next turn
        return result

    def _perform(self, ctx: Context, asked: Perform) -> object:
        request: Any = asked.request
        if asked.performer == "blobs":
            return self.store.blobs.put(request)
        if asked.performer == "write":
            return self.store.write(lambda tx: request(ctx, tx))
        if asked.performer == "provisioned":
            return {owner: self.provisioned.get(owner, Provisioned(ready=1_000)) for owner in request}
        assert asked.performer == "runtime"
        self.invocations.append(request)
        return self.answer

    def create(self, name: str = "orders", /, **members: Any) -> api.FunctionConfiguration:
        """Create a function."""
        made: api.FunctionConfiguration = self.call(
            "CreateFunction",
            **{
                "function_name": name,
                "runtime": "python3.12",
                "role": ROLE,
                "handler": "app.handler",
                "code": api.FunctionCode(zip_file=package()),
                **members,
            },
        )
        return made

    def arn(self, name: str = "orders") -> str:
        return self.scope.arn("lambda", f"function:{name}")
