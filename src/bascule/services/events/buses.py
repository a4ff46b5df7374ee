"""Event buses: create, describe, list, update, delete."""

from __future__ import annotations

import msgspec

from bascule.api import events as api
from bascule.kernel.context import Context
from bascule.kernel.errors import ValidationError
from bascule.kernel.scope import Scope
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.services.events.errors import BusExists, BusNotFound, EventSourceNotFound, LimitExceeded
from bascule.services.events.limits import BUSES_MAX, PAGE_ITEMS_MAX
from bascule.services.events.model import EventBus
from bascule.services.events.names import BusName, bus_named
from bascule.services.events.paging import cut_page, name_before
from bascule.services.events.state import DEFAULT_BUS, buses, get_bus, rules
from bascule.services.events.tags import tags_given


def bus_or_refuse(tx: Tx, bus: BusName) -> EventBus:
    """The bus; raises BusNotFound."""
    found = get_bus(tx, bus.scope, bus.name)
    if found is None:
        raise BusNotFound(bus.name)
    return found


@operation("CreateEventBus", refuses=("KmsKeyIdentifier", "LogConfig"))
def create_event_bus(ctx: Context, tx: Tx, inp: api.CreateEventBusRequest) -> api.CreateEventBusResponse:
    """Make a custom bus.

    Raises   BusExists; EventSourceNotFound (partner buses need a partner, and there is none); LimitExceeded.
    Source   CreateEventBus API reference.
    """
    if inp.event_source_name is not None:
        raise EventSourceNotFound(inp.event_source_name)
    if "/" in inp.name:
        raise ValidationError("Event bus name must not contain '/'.")
    if get_bus(tx, ctx.scope, inp.name) is not None:
        raise BusExists(inp.name)
    if buses.count(tx.documents, ctx.scope) >= BUSES_MAX:
        raise LimitExceeded
    bus = EventBus(
        name=inp.name,
        created_ms=ctx.now_ms,
        updated_ms=ctx.now_ms,
        description=inp.description,
        dead_letter_arn=_dead_letter_arn(inp.dead_letter_config),
        tags=tags_given(inp.tags),
    )
    buses.put(tx.documents, ctx.scope, bus.name, bus)
    return api.CreateEventBusResponse(
        event_bus_arn=BusName(ctx.scope, bus.name).arn,
        description=inp.description,
        dead_letter_config=inp.dead_letter_config,
    )


@operation("DescribeEventBus", reads=True)
def describe_event_bus(ctx: Context, tx: Tx, inp: api.DescribeEventBusRequest) -> api.DescribeEventBusResponse:
    """One bus; without a name the default bus. Raises BusNotFound."""
    named = bus_named(inp.name, ctx.scope)
    bus = bus_or_refuse(tx, named)
    return api.DescribeEventBusResponse(
        name=bus.name,
        arn=named.arn,
        description=bus.description,
        policy=bus.policy,
        creation_time=bus.created_ms / 1000,
        last_modified_time=bus.updated_ms / 1000,
        dead_letter_config=None if bus.dead_letter_arn is None else api.DeadLetterConfig(arn=bus.dead_letter_arn),
    )


@operation("ListEventBuses", reads=True)
def list_event_buses(ctx: Context, tx: Tx, inp: api.ListEventBusesRequest) -> api.ListEventBusesResponse:
    """Buses by name, the default bus included. Raises ParameterInvalid for a foreign token."""
    limit = inp.limit or PAGE_ITEMS_MAX
    after = name_before(inp.next_token)
    prefix = inp.name_prefix or ""
    found = dict(buses.page(tx.documents, ctx.scope, prefix=prefix, after=after, count_max=limit + 1))
    if DEFAULT_BUS.startswith(prefix) and after < DEFAULT_BUS:
        found.setdefault(DEFAULT_BUS, EventBus(DEFAULT_BUS, created_ms=0, updated_ms=0))
    names, token = cut_page(sorted(found), limit)
    return api.ListEventBusesResponse(event_buses=[_listed(found[name], ctx.scope) for name in names], next_token=token)


@operation("UpdateEventBus", refuses=("KmsKeyIdentifier", "LogConfig"))
def update_event_bus(ctx: Context, tx: Tx, inp: api.UpdateEventBusRequest) -> api.UpdateEventBusResponse:
    """Change description and dead-letter queue; what is not given stays. Raises BusNotFound."""
    named = bus_named(inp.name, ctx.scope)
    bus = bus_or_refuse(tx, named)
    changed = msgspec.structs.replace(
        bus,
        updated_ms=ctx.now_ms,
        description=bus.description if inp.description is None else inp.description or None,
        dead_letter_arn=bus.dead_letter_arn
        if inp.dead_letter_config is None
        else _dead_letter_arn(inp.dead_letter_config),
    )
    buses.put(tx.documents, named.scope, bus.name, changed)
    return api.UpdateEventBusResponse(
        arn=named.arn,
        name=bus.name,
        description=changed.description,
        dead_letter_config=None
        if changed.dead_letter_arn is None
        else api.DeadLetterConfig(arn=changed.dead_letter_arn),
    )


@operation("DeleteEventBus")
def delete_event_bus(ctx: Context, tx: Tx, inp: api.DeleteEventBusRequest) -> api.Empty:
    """Remove a bus without rules, with its policy and tags.

    Raises   BusNotFound; ValidationError for the default bus and for a bus with rules.
    """
    named = bus_named(inp.name, ctx.scope)
    if named.name == DEFAULT_BUS:
        raise ValidationError("Cannot delete event bus default.")
    bus_or_refuse(tx, named)
    if rules.count(tx.documents, named.scope, parent=named.name):
        raise ValidationError("Event bus can't be deleted since it has rules.")
    buses.delete(tx.documents, named.scope, named.name)
    return api.Empty()


def _dead_letter_arn(config: api.DeadLetterConfig | None) -> str | None:
    return None if config is None else config.arn


def _listed(bus: EventBus, scope: Scope) -> api.EventBus:
    return api.EventBus(
        name=bus.name,
        arn=BusName(scope, bus.name).arn,
        description=bus.description,
        policy=bus.policy,
        creation_time=bus.created_ms / 1000,
        last_modified_time=bus.updated_ms / 1000,
    )
