"""An event bus as a target: what rules of other buses send on, and what services and functions put.

Two forms arrive. An *event* (from a rule) is put on this bus unchanged; inside a Region it keeps its id, across Regions
it gets a new one, as recorded. A *put request* (``parameters["put"] == "entry"``, from destinations and from services that
emit events) becomes a new event of the sender's account and Region.
"""

from __future__ import annotations

import msgspec

from bascule.api import events as api
from bascule.kernel.arns import Arn
from bascule.kernel.context import Context
from bascule.kernel.delivery import Accepted, Delivery, Refused
from bascule.kernel.ids import event_batch_id, event_id
from bascule.kernel.journal import EventBatch, EventEntry, Note
from bascule.kernel.scope import Scope
from bascule.kernel.store import Tx
from bascule.policies import check_delivery_between_accounts
from bascule.services.events.entries import entry_bytes, event_of
from bascule.services.events.envelope import Origin, origin_of, with_id
from bascule.services.events.names import BusName, resource_named
from bascule.services.events.routes import BusRoutes, routes_of
from bascule.services.events.routing import Occurrence, count_matches, send_to_rules
from bascule.services.events.state import get_bus

PUT = "put"
PUT_ENTRY = "entry"


class PutForm(msgspec.Struct, frozen=True, rename="pascal"):
    """A put request as a payload; ``Detail`` is JSON text, as in PutEvents, or the object itself."""

    source: str
    detail_type: str
    detail: msgspec.Raw
    resources: list[str] = []
    time: float | None = None


_put_form = msgspec.json.Decoder(PutForm).decode


class BusTarget:
    """Accepts deliveries for ``arn:aws:events:...:event-bus/...``."""

    def accept(self, ctx: Context, tx: Tx, delivery: Delivery, arn: Arn) -> Accepted:
        """Put the payload on the bus and route it, in this transaction; see ``Target.accept``.

        Gives    the id of the event on this bus.
        Raises   Refused NO_RESOURCE for an unknown bus, INVALID_PARAMETER for a payload of neither form,
                 NO_PERMISSIONS when the policy of the bus forbids it,
                 THIRD_ACCOUNT_HOP_DETECTED and THIRD_REGION_HOP_DETECTED for an event that has moved once already.
        """
        bus = resource_named(str(arn))
        routes = routes_of(tx, bus) if isinstance(bus, BusName) else None
        if routes is None:
            raise Refused("NO_RESOURCE", f"Event bus {arn} does not exist.")
        _check_permission(ctx, tx, delivery, routes)
        if delivery.parameters.get(PUT) == PUT_ENTRY:
            return _put(ctx, tx, delivery, routes)
        origin = origin_of(delivery.payload)
        if origin is None:
            raise Refused("INVALID_PARAMETER", "An event bus takes events only, and the payload is none.")
        _refuse_third_hop(origin, delivery.scope, routes.bus.scope)
        if delivery.scope.region == routes.bus.scope.region:
            return _receive(ctx, tx, delivery, routes, origin.id)
        return _receive_anew(ctx, tx, delivery, routes, origin.id)


def _check_permission(ctx: Context, tx: Tx, delivery: Delivery, routes: BusRoutes) -> None:
    """Ask the policy of the bus, which a bus that was never changed does not have."""
    if routes.body is None and not ctx.settings.enforce_policies:
        return
    scope = routes.bus.scope
    bus = get_bus(tx, scope, routes.bus.name)
    check_delivery_between_accounts(
        ctx.settings,
        delivery,
        None if bus is None else bus.policy,
        action="events:PutEvents",
        resource=routes.bus.arn,
        account=scope.account,
    )


def _refuse_third_hop(origin: Origin, sender: Scope, receiver: Scope) -> None:
    """An event that has left its account (Region) once is not sent on to yet another one."""
    if sender.account != origin.account and receiver.account not in (origin.account, sender.account):
        raise Refused("THIRD_ACCOUNT_HOP_DETECTED", f"The event of {origin.account} already moved to {sender.account}.")
    if sender.region != origin.region and receiver.region not in (origin.region, sender.region):
        raise Refused("THIRD_REGION_HOP_DETECTED", f"The event of {origin.region} already moved to {sender.region}.")


def _receive(ctx: Context, tx: Tx, delivery: Delivery, routes: BusRoutes, event: str) -> Accepted:
    """The same event on another bus of the Region: one story, so no row of its own."""
    rules = routes.matching(delivery.payload)
    matched = ",".join(rule.name for rule in rules)
    detail: dict[str, str | int | float] = {"source_arn": delivery.source_arn, "matched": matched}
    ctx.journal.note(tx, Note("received", ctx.now_ms, event, routes.bus.arn, delivery.delivery_id, detail=detail))
    occurrence = Occurrence(event, delivery.payload, ctx.now_ms, delivery.hops + 1, delivery.trace_header)
    send_to_rules(ctx, tx, routes.bus.scope, rules, occurrence)
    count_matches(ctx, rules)
    return Accepted(event)


def _receive_anew(ctx: Context, tx: Tx, delivery: Delivery, routes: BusRoutes, old_id: str) -> Accepted:
    batch_id = event_batch_id(ctx.now_ms, ctx.ids.token(9))
    new_id = event_id(batch_id, 0)
    return _ingest(ctx, tx, delivery, routes, batch_id, with_id(delivery.payload, old_id, new_id))


def _put(ctx: Context, tx: Tx, delivery: Delivery, routes: BusRoutes) -> Accepted:
    try:
        form = _put_form(delivery.payload)
        written = bytes(form.detail)
        detail = msgspec.json.decode(written, type=str) if written[:1] == b'"' else written.decode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused("INVALID_PARAMETER", f"The payload is not a put request: {error}") from None
    entry = api.PutEventsRequestEntry(
        source=form.source,
        detail_type=form.detail_type,
        detail=detail,
        resources=form.resources,
        time=form.time,
        trace_header=delivery.trace_header,
    )
    if entry_bytes(entry) >= ctx.settings.put_events_bytes_max:
        raise Refused("INVALID_PARAMETER", "Total size of the entries in the request is over the limit.")
    batch_id = event_batch_id(ctx.now_ms, ctx.ids.token(9))
    event = event_of(entry, event_id(batch_id, 0), delivery.scope, ctx.now_ms, is_service=True)
    if not isinstance(event, bytes):
        raise Refused("INVALID_PARAMETER", event.error_message or "The entry is not valid.")
    return _ingest(ctx, tx, delivery, routes, batch_id, event)


def _ingest(ctx: Context, tx: Tx, delivery: Delivery, routes: BusRoutes, batch_id: str, event: bytes) -> Accepted:
    """A new event on this bus: its own story, tied to the one that caused it."""
    new_id = event_id(batch_id, 0)
    bus = routes.bus
    rules = routes.matching(event)
    occurrence = Occurrence(new_id, event, ctx.now_ms, delivery.hops + 1, delivery.trace_header)
    send_to_rules(ctx, tx, bus.scope, rules, occurrence)
    entry = EventEntry(event, bus.name, tuple(rule.name for rule in rules), delivery.event_id)
    ctx.journal.batch(tx, EventBatch(batch_id, bus.scope, ctx.now_ms, (entry,)))
    caused: dict[str, str | int | float] = {"event_id": new_id, "source_arn": delivery.source_arn}
    ctx.journal.note(tx, Note("caused", ctx.now_ms, delivery.event_id, bus.arn, delivery.delivery_id, detail=caused))
    count_matches(ctx, rules)
    return Accepted(new_id)
