"""A desk to try Logs on: an in-memory store, simulated time, operations called by name."""

from __future__ import annotations

from typing import Any

from bascule.api import logs as api
from bascule.engines.sqlite import open_store
from bascule.kernel.clock import SimulatedClock
from bascule.kernel.context import Context
from bascule.kernel.ids import SeededIds
from bascule.kernel.metrics import Metrics
from bascule.kernel.scope import Scope
from bascule.kernel.settings import Settings
from bascule.kernel.store import Store
from bascule.services.logs import SERVICE


class Desk:
    """Calls operations of one account and region."""

    def __init__(self) -> None:
        self.store: Store = open_store(None)
        self.clock = SimulatedClock()
        self.ids = SeededIds(7)
        self.scope = Scope()

    def context(self) -> Context:
        nobody: Any = None
        return Context(
            scope=self.scope,
            now_ms=self.clock.now_ms(),
            request_id=self.ids.uuid(),
            ids=self.ids,
            courier=nobody,
            journal=nobody,
            metrics=Metrics(),
            settings=Settings(),
        )

    def call(self, name: str, /, **members: Any) -> Any:
        operation = SERVICE.operations[name]
        given = api.OPERATIONS[name][0](**members)
        run = self.store.read if operation.reads else self.store.write
        ctx = self.context()
        return run(lambda tx: operation.run(ctx, tx, given))

    def group(self, name: str = "g", *streams: str, **members: Any) -> None:
        self.call("CreateLogGroup", log_group_name=name, **members)
        for stream in streams or ("s",):
            self.call("CreateLogStream", log_group_name=name, log_stream_name=stream)

    def put(self, *messages: str, stream: str = "s", group: str = "g", at_ms: int = 0) -> Any:
        """Put messages a millisecond apart, the first ``at_ms`` after now."""
        first_ms = self.clock.now_ms() + at_ms
        events = [
            api.InputLogEvent(timestamp=first_ms + number, message=message) for number, message in enumerate(messages)
        ]
        return self.call("PutLogEvents", log_group_name=group, log_stream_name=stream, log_events=events)

    def found(self, pattern: str = "", **members: Any) -> list[str]:
        """Messages of the group, all pages."""
        messages: list[str] = []
        token = None
        while True:
            page = self.call("FilterLogEvents", log_group_name="g", filter_pattern=pattern, next_token=token, **members)
            messages += [event.message for event in page.events]
            token = page.next_token
            if token is None:
                return messages
