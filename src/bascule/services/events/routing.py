"""From a matched event to deliveries, one for each target of each rule."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from bascule.kernel.context import Context
from bascule.kernel.delivery import Delivery, Refused
from bascule.kernel.scope import Scope
from bascule.kernel.store import Tx
from bascule.services.events.envelope import iso_second
from bascule.services.events.input_transformer import InvalidOutput, Surroundings
from bascule.services.events.log_groups import TIMESTAMP, log_entry
from bascule.services.events.routes import RoutedRule, RoutedTarget


class Occurrence(msgspec.Struct, frozen=True, gc=False):
    """An event on a bus: its bytes, when it got there, and how."""

    event_id: str
    event: bytes
    received_ms: int
    #: Deliveries that led here; 0 for an event that was put.
    hops: int = 0
    trace_header: str | None = None


def send_to_rules(ctx: Context, tx: Tx, scope: Scope, rules: Sequence[RoutedRule], occurrence: Occurrence) -> None:
    """Hand an event to every target of the rules that matched it.

    Takes    scope: account and Region of the bus.
    Promise  with this transaction each target has it, or a durable row has it, or its failure is recorded.
    """
    if ctx.scope != scope:
        ctx = ctx.within(scope)
    for rule in rules:
        for target in rule.targets:
            _send(ctx, tx, rule, target, occurrence)


def count_matches(ctx: Context, rules: Iterable[RoutedRule]) -> None:
    """Count the rules that events of one request matched; a rule appears once for each event."""
    tally: dict[str, int] = {}
    created = 0
    for rule in rules:
        tally[rule.arn] = tally.get(rule.arn, 0) + 1
        created += len(rule.targets)
    for arn, count in tally.items():
        ctx.metrics.count("events.MatchedEvents", arn, count)
        ctx.metrics.count("events.TriggeredRules", arn, count)
    if created:
        ctx.metrics.count("events.InvocationsCreated", "", created)


def _send(ctx: Context, tx: Tx, rule: RoutedRule, target: RoutedTarget, occurrence: Occurrence) -> None:
    event = occurrence.event
    problem = ""
    payload = event
    parameters = target.parameters
    if target.is_shaped:
        around = Surroundings(rule.arn, rule.name, iso_second(occurrence.received_ms // 1000))
        try:
            payload = target.payload(event, around)
            if target.is_log_group:
                at_ms, payload = log_entry(event, None if payload is event else payload)
                parameters = {TIMESTAMP: str(at_ms)}
        except InvalidOutput as error:
            problem = str(error)
    delivery = Delivery(
        delivery_id=ctx.ids.uuid(),
        scope=ctx.scope,
        origin="rule",
        source_arn=rule.arn,
        target_arn=target.arn,
        payload=payload,
        created_ms=ctx.now_ms,
        parameters=parameters,
        event_id=occurrence.event_id,
        retry=target.retry,
        dead_letter_arn=target.dead_letter_arn,
        dead_letter_payload=None if payload is event else event,
        hops=occurrence.hops,
        trace_header=occurrence.trace_header,
    )
    if problem:
        ctx.courier.fail(ctx, tx, delivery, Refused("INVALID_JSON", problem))
    else:
        ctx.courier.send(ctx, tx, delivery)
