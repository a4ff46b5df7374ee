"""Background loop that removes events older than their group keeps them, a bounded number at a time."""

from __future__ import annotations

import msgspec

from bascule.kernel.context import Context
from bascule.kernel.loop import Loop
from bascule.kernel.scope import Scope
from bascule.kernel.store import Tx
from bascule.services.logs.limits import DAY_MS
from bascule.services.logs.model import LogGroup, LogStream
from bascule.services.logs.state import GROUPS, STREAMS, log_name

#: Between two rounds. milliseconds
ROUND_MS = 3_600_000
#: Streams trimmed in one tick, and events of each. count
STREAMS_MAX = 20
EVENTS_MAX = 2_000


def trim_expired(ctx: Context, tx: Tx) -> int | None:
    """Trim up to 20 streams; due again at once while there is more, otherwise at the next poll."""
    trimmed = 0
    for key, group in GROUPS.every(tx.documents):
        if group.retention_days is None:
            continue
        before_ms = ctx.now_ms - group.retention_days * DAY_MS
        for stream in _expired_streams(tx, key.scope, group, before_ms):
            _trim(tx, key.scope, group, stream, before_ms)
            trimmed += 1
            if trimmed >= STREAMS_MAX:
                return ctx.now_ms
    return None


def _expired_streams(tx: Tx, scope: Scope, group: LogGroup, before_ms: int) -> list[LogStream]:
    found: list[LogStream] = []
    after = ""
    while len(found) < STREAMS_MAX and (
        page := STREAMS.page(tx.documents, scope, parent=group.name, after=after, count_max=500)
    ):
        after = page[-1][0]
        found += [
            stream for _, stream in page if stream.first_event_ms is not None and stream.first_event_ms < before_ms
        ]
    return found


def _trim(tx: Tx, scope: Scope, group: LogGroup, stream: LogStream, before_ms: int) -> None:
    name = log_name(stream)
    if tx.logs.trim(name, before_ms=before_ms, count_max=EVENTS_MAX) >= EVENTS_MAX:
        return
    oldest = tx.logs.read(name, count_max=1)
    first_ms = max(oldest[0].at_ms, before_ms) if oldest else None
    changed = msgspec.structs.replace(stream, first_event_ms=first_ms)
    STREAMS.put(tx.documents, scope, stream.name, changed, parent=group.name)


LOOPS = (Loop("logs.retention", tick=trim_expired, signals=frozenset({"logs.retention"}), poll_ms=ROUND_MS),)
