"""What an operation, a target or a loop is told about the world, besides its input and its transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bascule.kernel.ids import Ids
from bascule.kernel.metrics import Metrics
from bascule.kernel.scope import Scope

if TYPE_CHECKING:
    from bascule.kernel.delivery import Courier
    from bascule.kernel.journal import Journal
    from bascule.kernel.settings import Settings


class Context:
    """One request or one tick. Made at the edge (or by the loop host) with the clock read once.

    ``now_ms`` stays the same throughout, so everything a command writes carries one time.
    """

    __slots__ = (
        "access_key",
        "base_url",
        "courier",
        "ids",
        "journal",
        "metrics",
        "now_ms",
        "request_id",
        "resume",
        "scope",
        "settings",
        "source_ip",
        "trace_header",
    )

    def __init__(
        self,
        *,
        scope: Scope,
        now_ms: int,
        request_id: str,
        ids: Ids,
        courier: Courier,
        journal: Journal,
        metrics: Metrics,
        settings: Settings,
        base_url: str = "",
        source_ip: str = "127.0.0.1",
        access_key: str = "",
        trace_header: str | None = None,
        resume: object = None,
    ) -> None:
        self.scope = scope
        self.now_ms = now_ms
        self.request_id = request_id
        self.ids = ids
        self.courier = courier
        self.journal = journal
        self.metrics = metrics
        self.settings = settings
        #: ``http://127.0.0.1:4566`` as the caller reached us; queue URLs are made from it.
        self.base_url = base_url
        self.source_ip = source_ip
        #: The access key id of the caller, never the secret; empty when unsigned.
        self.access_key = access_key
        #: ``X-Amzn-Trace-Id`` of the request.
        self.trace_header = trace_header
        #: What a wait or a performer gave; None on the first call.
        self.resume = resume

    def within(self, scope: Scope) -> Context:
        """The same request acting in another scope (cross-region and cross-account targets)."""
        return self._derived(scope, self.now_ms, None)

    def resumed(self, resume: object, *, now_ms: int) -> Context:
        """The same request called again after a wait."""
        return self._derived(self.scope, now_ms, resume)

    def _derived(self, scope: Scope, now_ms: int, resume: object) -> Context:
        return Context(
            scope=scope,
            now_ms=now_ms,
            request_id=self.request_id,
            ids=self.ids,
            courier=self.courier,
            journal=self.journal,
            metrics=self.metrics,
            settings=self.settings,
            base_url=self.base_url,
            source_ip=self.source_ip,
            access_key=self.access_key,
            trace_header=self.trace_header,
            resume=resume,
        )
