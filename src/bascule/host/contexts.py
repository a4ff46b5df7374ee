"""Where contexts come from: one factory that knows the clock, the ids and the engines of delivery and journal."""

from __future__ import annotations

from bascule.kernel.clock import Clock
from bascule.kernel.context import Context
from bascule.kernel.delivery import Courier
from bascule.kernel.ids import Ids
from bascule.kernel.journal import Journal
from bascule.kernel.metrics import Metrics
from bascule.kernel.scope import Scope
from bascule.kernel.settings import Settings


class Contexts:
    """Makes a ``Context`` for a request, a tick or a poller; reads the clock once for each."""

    def __init__(
        self, *, clock: Clock, ids: Ids, courier: Courier, journal: Journal, metrics: Metrics, settings: Settings
    ) -> None:
        self.clock = clock
        self.ids = ids
        self.courier = courier
        self.journal = journal
        self.metrics = metrics
        self.settings = settings

    def make(
        self,
        scope: Scope,
        *,
        request_id: str = "",
        base_url: str = "",
        source_ip: str = "127.0.0.1",
        access_key: str = "",
        trace_header: str | None = None,
        resume: object = None,
    ) -> Context:
        """A context of this moment in ``scope``; a request id is made when none is given."""
        return Context(
            scope=scope,
            now_ms=self.clock.now_ms(),
            request_id=request_id or self.ids.uuid(),
            ids=self.ids,
            courier=self.courier,
            journal=self.journal,
            metrics=self.metrics,
            settings=self.settings,
            base_url=base_url,
            source_ip=source_ip,
            access_key=access_key,
            trace_header=trace_header,
            resume=resume,
        )
