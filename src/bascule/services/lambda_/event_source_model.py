"""What is kept of an event source mapping, and what the owner of a source says about it. No wire names here."""

from __future__ import annotations

import msgspec

from bascule.kernel.scope import Scope
from bascule.services.lambda_.names import FunctionReference


class EventSourceMapping(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A source, a function, and how records get from one to the other."""

    uuid: str
    source_arn: str
    function: str
    #: As the caller gave it; None is not the same as ``$LATEST``, because each is a mapping of its own.
    qualifier: str | None
    state: str
    #: Where transitions lead: the mapping is to be read, or not.
    is_enabled: bool
    modified_ms: int
    batch_size: int
    window_s: int = 0
    #: Event patterns as they were given; a record goes on when one matches.
    filters: tuple[str, ...] = ()
    reports_failures: bool = False
    concurrency_max: int | None = None
    #: Minimum and maximum of event pollers, when they are provisioned.
    pollers: tuple[int, int] | None = None
    #: What MetricsConfig asks for; None: it was never sent.
    metrics: tuple[str, ...] | None = None
    tags: dict[str, str] = {}
    #: Why nothing can be read or run at present; empty when all is well.
    problem: str = ""

    @property
    def counts_events(self) -> bool:
        """Whether the metrics of the mapping are wanted."""
        return self.metrics is not None and "EventCount" in self.metrics

    def named(self, scope: Scope) -> FunctionReference:
        """The function as the caller named it."""
        return FunctionReference(scope, self.function, self.qualifier)


class SourceQuestion(msgspec.Struct, frozen=True):
    """Asked of the performer ``event-source`` before a mapping is kept: services do not look into each other."""

    arn: str


class SourceMissing(msgspec.Struct, frozen=True):
    """The answer when there is no such source."""


class QueueFacts(msgspec.Struct, frozen=True):
    """What the owner of a queue answers."""

    visibility_s: int
