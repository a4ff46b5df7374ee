"""Schedules that fire: one timer message per rule, and the loop that turns a due timer into an event for its targets.

A rule with a schedule owns one message of the timer queue, due at its next firing; after firing the same message is released
to the next moment, so nothing is scanned and a rule's document never changes because it fired. A firing belongs to its
minute: one that is more than ``SCHEDULE_LATE_MS_MAX`` late (the server was down) is skipped, as AWS does not catch up either.
"""

from __future__ import annotations

import msgspec

from bascule.kernel.context import Context
from bascule.kernel.ids import event_batch_id, event_id
from bascule.kernel.journal import EventBatch, EventEntry
from bascule.kernel.loop import Loop
from bascule.kernel.queues import Lease, NewMessage
from bascule.kernel.scope import Scope
from bascule.kernel.store import Tx
from bascule.services.events.envelope import Envelope, encode_envelope, iso_second
from bascule.services.events.limits import SCHEDULE_LATE_MS_MAX, SCHEDULES_PER_TICK_MAX
from bascule.services.events.model import Firing, Rule
from bascule.services.events.names import BusName, RuleName
from bascule.services.events.routes import routed_rule
from bascule.services.events.routing import Occurrence, count_matches, send_to_rules
from bascule.services.events.schedules import parse_schedule
from bascule.services.events.state import DEFAULT_BUS, firings, rules

QUEUE = "events/timers"
LEASE_MS = 60_000


class _Owner(msgspec.Struct, frozen=True, array_like=True):
    """Body of a timer message: the rule it belongs to. The bus is always the default one."""

    account: str
    region: str
    rule: str


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Owner).decode


def set_timer(tx: Tx, bus: BusName, before: Rule | None, rule: Rule, *, now_ms: int) -> None:
    """Bring the timer of a rule in line with its schedule and state.

    Promise  an unchanged schedule keeps its beat; a new, changed or newly enabled one starts now.
    """
    if before is not None and (before.schedule, before.is_enabled) == (rule.schedule, rule.is_enabled):
        return
    drop_timer(tx, bus, rule.name)
    if rule.schedule is None or not rule.is_enabled:
        return
    due_ms = parse_schedule(rule.schedule).next_after(now_ms, anchor_ms=now_ms)
    if due_ms is None:
        return
    body = _encode(_Owner(bus.scope.account, bus.scope.region, rule.name))
    message = NewMessage("", body, sent_ms=now_ms, due_ms=due_ms, headers=_headers(due_ms))
    sequence = tx.queues.put(QUEUE, message)
    firings.put(tx.documents, bus.scope, rule.name, Firing(sequence, anchor_ms=now_ms))


def _headers(due_ms: int) -> bytes:
    """The moment of the firing, which the message itself forgets once it is leased."""
    return b"%d" % due_ms


def drop_timer(tx: Tx, bus: BusName, rule_name: str) -> None:
    """Forget the timer of a rule, if it has one."""
    firing = firings.get(tx.documents, bus.scope, rule_name)
    if firing is not None and bus.name == DEFAULT_BUS:
        tx.queues.settle(QUEUE, firing.sequence, None)
        firings.delete(tx.documents, bus.scope, rule_name)


def fire_due(ctx: Context, tx: Tx) -> int | None:
    """One tick: fire what is due, and say when the next timer is.

    Promise  a firing and the step to the next one commit together: after a crash a firing is neither lost nor repeated.
    """
    next_due_ms = tx.queues.next_due_ms(QUEUE)
    if next_due_ms is None or next_due_ms > ctx.now_ms:
        return next_due_ms
    for lease in tx.queues.lease(QUEUE, now_ms=ctx.now_ms, lease_ms=LEASE_MS, count_max=SCHEDULES_PER_TICK_MAX):
        _fire_and_rearm(ctx, tx, lease)
    return tx.queues.next_due_ms(QUEUE)


def _fire_and_rearm(ctx: Context, tx: Tx, lease: Lease) -> None:
    message = lease.message
    owner = _decode(message.body)
    scope = Scope(owner.account, owner.region)
    rule = rules.get(tx.documents, scope, owner.rule, parent=DEFAULT_BUS)
    firing = firings.get(tx.documents, scope, owner.rule)
    assert rule is not None, "a timer goes with its rule"
    assert rule.schedule is not None, "a timer goes with its schedule"
    assert firing is not None, "a timer is known by its rule"
    fired_ms = int(message.headers)
    if ctx.now_ms - fired_ms <= SCHEDULE_LATE_MS_MAX:
        _fire(ctx.within(scope), tx, rule, due_ms=fired_ms)
    else:
        ctx.metrics.count("events.MissedSchedules", RuleName(BusName(scope, DEFAULT_BUS), rule.name).arn)
    due_ms = parse_schedule(rule.schedule).next_after(ctx.now_ms, anchor_ms=firing.anchor_ms)
    if due_ms is None:
        tx.queues.settle(QUEUE, message.sequence, lease.token)
        firings.delete(tx.documents, scope, rule.name)
    else:
        tx.queues.release(QUEUE, message.sequence, lease.token, due_ms=due_ms, headers=_headers(due_ms))


def _fire(ctx: Context, tx: Tx, rule: Rule, *, due_ms: int) -> None:
    """Send the scheduled event to the targets of its rule, and only there."""
    bus = BusName(ctx.scope, DEFAULT_BUS)
    batch_id = event_batch_id(ctx.now_ms, ctx.ids.token(9))
    event = encode_envelope(
        Envelope(
            id=event_id(batch_id, 0),
            detail_type="Scheduled Event",
            source="aws.events",
            account=ctx.scope.account,
            time=iso_second(due_ms // 1000),
            region=ctx.scope.region,
            resources=[RuleName(bus, rule.name).arn],
            detail=msgspec.Raw(b"{}"),
        )
    )
    routed = [routed_rule(bus, rule)]
    send_to_rules(ctx, tx, ctx.scope, routed, Occurrence(event_id(batch_id, 0), event, ctx.now_ms))
    entry = EventEntry(event, DEFAULT_BUS, (rule.name,))
    ctx.journal.batch(tx, EventBatch(batch_id, ctx.scope, ctx.now_ms, (entry,)))
    count_matches(ctx, routed)


LOOP = Loop("events.timers", fire_due, signals=frozenset({f"queue:{QUEUE}"}))
