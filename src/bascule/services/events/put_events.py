"""PutEvents: the busiest operation of the product, so what it does per entry is counted in microseconds.

One id is drawn per call; event ids are that plus the position of the entry. The journal's row of the call is written last,
because acceptances that were noted before it are folded into it and cost no row of their own.
"""

from __future__ import annotations

import msgspec

from bascule.api import events as api
from bascule.kernel.context import Context
from bascule.kernel.errors import ValidationError
from bascule.kernel.ids import event_batch_id, event_id
from bascule.kernel.journal import EventBatch, EventEntry
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.services.events.entries import entry_bytes, event_of
from bascule.services.events.names import BusName, bus_named
from bascule.services.events.routes import BusRoutes, RoutedRule, routes_of
from bascule.services.events.routing import Occurrence, count_matches, send_to_rules

#: A bus as entries of one call name it, and what it does; None when there is no such bus.
_Bus = tuple[BusName, BusRoutes | None]


class Batch(msgspec.Struct, frozen=True, gc=False):
    """The events that a call's entries become; an entry that becomes none is its refusal."""

    batch_id: str
    #: All ids of the call but for the two digits that count its entries.
    id_stem: str
    entries: list[api.PutEventsRequestEntry]
    events: list[bytes | api.PutEventsResultEntry]
    total_bytes: int


def made_events(ctx: Context, inp: api.PutEventsRequest) -> Batch:
    """Make the events of a call; needs no state, so the writer is spared it.

    Raises   ValidationError when the entries together are too large; then none is put.
    """
    entries = inp.entries
    total_bytes = sum(map(entry_bytes, entries))
    if total_bytes >= ctx.settings.put_events_bytes_max:
        raise ValidationError("Total size of the entries in the request is over the limit.")
    batch_id = event_batch_id(ctx.now_ms, ctx.ids.token(9))
    stem = event_id(batch_id, 0)[:-2]
    events = [event_of(entry, f"{stem}{index:02x}", ctx.scope, ctx.now_ms) for index, entry in enumerate(entries)]
    return Batch(batch_id, stem, entries, events, total_bytes)


@operation("PutEvents", refuses=("EndpointId",), prepare=made_events)
def put_events(ctx: Context, tx: Tx, batch: Batch) -> api.PutEventsResponse:
    """Put up to ten events on buses.

    Gives    one result per entry in order: an event id, or an error. A bus that does not exist still gives an id, and the
             event is only journaled.
    Promise  every event with an id is durable, and handed to each matching target, with this transaction.
    Source   PutEvents API reference; results and texts as recorded.
    """
    buses: dict[str | None, _Bus] = {}
    results: list[api.PutEventsResultEntry] = []
    journaled: list[EventEntry | None] = []
    matched: list[RoutedRule] = []
    for index, (entry, event) in enumerate(zip(batch.entries, batch.events, strict=True)):
        if not isinstance(event, bytes):
            results.append(event)
            journaled.append(None)
            continue
        new_id = f"{batch.id_stem}{index:02x}"
        results.append(api.PutEventsResultEntry(event_id=new_id))
        bus, routes = buses.get(entry.event_bus_name) or _look_up(ctx, tx, buses, entry.event_bus_name)
        if routes is None:
            journaled.append(EventEntry(event, ""))
            continue
        rules = routes.matching(event)
        journaled.append(EventEntry(event, _shown(ctx, bus), tuple([rule.name for rule in rules])))
        if rules:
            trace_header = entry.trace_header or ctx.trace_header
            matched += rules
            occurrence = Occurrence(new_id, event, ctx.now_ms, trace_header=trace_header)
            send_to_rules(ctx, tx, bus.scope, rules, occurrence)
    ctx.journal.batch(tx, EventBatch(batch.batch_id, ctx.scope, ctx.now_ms, tuple(journaled)))
    count_matches(ctx, matched)
    failed_count = journaled.count(None)
    _count_call(ctx, len(batch.entries), failed_count, batch.total_bytes)
    return api.PutEventsResponse(failed_entry_count=failed_count, entries=results)


def _look_up(ctx: Context, tx: Tx, buses: dict[str | None, _Bus], text: str | None) -> _Bus:
    bus = bus_named(text, ctx.scope)
    found = buses[text] = (bus, routes_of(tx, bus))
    return found


def _shown(ctx: Context, bus: BusName) -> str:
    """How the journal names a bus: by name at home, by ARN elsewhere."""
    return bus.name if bus.scope == ctx.scope else bus.arn


def _count_call(ctx: Context, entry_count: int, failed_count: int, total_bytes: int) -> None:
    count = ctx.metrics.count
    count("events.PutEventsApproximateCallCount")
    count("events.PutEventsEntriesCount", "", entry_count)
    count("events.PutEventsRequestSize", "", total_bytes)
    if failed_count:
        count("events.PutEventsFailedEntriesCount", "", failed_count)
