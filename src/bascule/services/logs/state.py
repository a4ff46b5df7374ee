"""Where groups, streams and events are kept: the only file of the service that knows keys and codecs.

The body of a record is eight bytes of ingestion time and the message: no codec in between, because every line that any
function prints passes here.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from bascule.kernel.documents import Collection
from bascule.kernel.ids import Ids
from bascule.kernel.logs import Record
from bascule.kernel.scope import Scope
from bascule.kernel.store import Tx
from bascule.services.logs.model import LogEvent, LogGroup, LogStream, ResourcePolicies

GROUPS = Collection("logs.group", LogGroup)
#: parent: group name.
STREAMS = Collection("logs.stream", LogStream)
#: By group name, and those of the account under a name that no group can have.
RESOURCE_POLICIES = Collection("logs.resource_policies", ResourcePolicies)
ACCOUNT_POLICIES = ":account"

_TIME_BYTES = 8


def log_name(stream: LogStream) -> str:
    """The kernel log that holds a stream's events."""
    return f"cwl/{stream.uuid}"


def event_of(record: Record) -> LogEvent:
    """An event from its record."""
    body = record.body
    return LogEvent(
        record.sequence,
        record.at_ms,
        int.from_bytes(body[:_TIME_BYTES], "big"),
        body[_TIME_BYTES:].decode("utf-8", "replace"),
    )


def ensure_stream(tx: Tx, ids: Ids, scope: Scope, group: str, stream: str, *, now_ms: int) -> LogStream:
    """The stream; it and its group are created when they are missing, as Lambda does with its own."""
    found = STREAMS.get(tx.documents, scope, stream, parent=group)
    if found is not None:
        return found
    if GROUPS.get(tx.documents, scope, group) is None:
        GROUPS.put(tx.documents, scope, group, LogGroup(name=group, created_ms=now_ms))
    return LogStream(uuid=ids.uuid(), name=stream, created_ms=now_ms)


def append_events(
    tx: Tx, scope: Scope, group: str, stream: LogStream, events: Iterable[tuple[int, str]], *, now_ms: int
) -> None:
    """Add (at_ms, message) events to a stream and bring its times up to date."""
    ingested = now_ms.to_bytes(_TIME_BYTES, "big")
    first_ms, last_ms = stream.first_event_ms, stream.last_event_ms
    records = []
    for at_ms, message in events:
        records.append((at_ms, ingested + message.encode("utf-8", "replace")))
        first_ms = at_ms if first_ms is None else min(first_ms, at_ms)
        last_ms = at_ms if last_ms is None else max(last_ms, at_ms)
    tx.logs.append(log_name(stream), records)
    changed = msgspec.structs.replace(stream, first_event_ms=first_ms, last_event_ms=last_ms, last_ingested_ms=now_ms)
    STREAMS.put(tx.documents, scope, stream.name, changed, parent=group)
