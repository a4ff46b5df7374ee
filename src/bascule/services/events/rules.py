"""Rules of a bus: put, describe, list, enable, disable, delete."""

from __future__ import annotations

import msgspec

from bascule.api import events as api
from bascule.kernel.context import Context
from bascule.kernel.errors import ValidationError
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.patterns import Pattern, PatternError
from bascule.services.events import timers
from bascule.services.events.buses import bus_or_refuse
from bascule.services.events.errors import InvalidPattern, LimitExceeded, ParameterInvalid, RuleNotFound
from bascule.services.events.limits import PAGE_ITEMS_MAX, RULES_PER_BUS_MAX
from bascule.services.events.model import Rule
from bascule.services.events.names import BusName, RuleName, bus_named
from bascule.services.events.paging import cut_page, name_before
from bascule.services.events.schedules import BadSchedule, parse_schedule
from bascule.services.events.state import DEFAULT_BUS, rules
from bascule.services.events.state import delete_rule as remove_rule
from bascule.services.events.state import put_rule as store_rule
from bascule.services.events.tags import tags_given

ENABLED = "ENABLED"
DISABLED = "DISABLED"


def rule_or_refuse(tx: Tx, bus: BusName, name: str) -> Rule:
    """The rule; raises BusNotFound or RuleNotFound."""
    bus_or_refuse(tx, bus)
    found = rules.get(tx.documents, bus.scope, name, parent=bus.name)
    if found is None:
        raise RuleNotFound(name, bus.name)
    return found


@operation("PutRule")
def put_rule(ctx: Context, tx: Tx, inp: api.PutRuleRequest) -> api.PutRuleResponse:
    """Create a rule, or replace one but for its targets and tags; effective with the next event.

    Raises   BusNotFound; InvalidPattern; LimitExceeded; ValidationError when it has neither pattern nor schedule, or when
             the schedule is wrong or not on the default bus.
    Source   PutRule API reference.
    """
    bus = bus_named(inp.event_bus_name, ctx.scope)
    bus_or_refuse(tx, bus)
    _check_trigger(inp, bus)
    before = rules.get(tx.documents, bus.scope, inp.name, parent=bus.name)
    tags = tags_given(inp.tags)
    if before is None and rules.count(tx.documents, bus.scope, parent=bus.name) >= RULES_PER_BUS_MAX:
        raise LimitExceeded
    rule = Rule(
        name=inp.name,
        state=inp.state or ENABLED,
        created_ms=ctx.now_ms if before is None else before.created_ms,
        updated_ms=ctx.now_ms,
        created_by=ctx.scope.account if before is None else before.created_by,
        pattern=inp.event_pattern or None,
        schedule=inp.schedule_expression or None,
        description=inp.description,
        role_arn=inp.role_arn,
        tags=tags if before is None else before.tags,
        targets=() if before is None else before.targets,
    )
    store_rule(tx, bus.scope, bus.name, rule)
    timers.set_timer(tx, bus, before, rule, now_ms=ctx.now_ms)
    return api.PutRuleResponse(rule_arn=RuleName(bus, rule.name).arn)


def _check_trigger(inp: api.PutRuleRequest, bus: BusName) -> None:
    """Refuse a rule that nothing would set off, or that something unreadable should."""
    if inp.schedule_expression:
        if bus.name != DEFAULT_BUS:
            raise ValidationError("ScheduleExpression is supported only on the default event bus.")
        try:
            parse_schedule(inp.schedule_expression)
        except BadSchedule:
            raise ParameterInvalid("ScheduleExpression") from None
    elif not inp.event_pattern:
        raise ValidationError("Parameter(s) EventPattern or ScheduleExpression must be specified.")
    if inp.event_pattern:
        try:
            Pattern.parse(inp.event_pattern)
        except PatternError as error:
            raise InvalidPattern(str(error)) from None


@operation("DescribeRule", reads=True)
def describe_rule(ctx: Context, tx: Tx, inp: api.DescribeRuleRequest) -> api.DescribeRuleResponse:
    """One rule as it was put. Raises BusNotFound, RuleNotFound."""
    bus = bus_named(inp.event_bus_name, ctx.scope)
    rule = rule_or_refuse(tx, bus, inp.name)
    return api.DescribeRuleResponse(
        name=rule.name,
        arn=RuleName(bus, rule.name).arn,
        event_pattern=rule.pattern,
        schedule_expression=rule.schedule,
        state=rule.state,
        description=rule.description,
        role_arn=rule.role_arn,
        event_bus_name=bus.name,
        created_by=rule.created_by,
    )


@operation("ListRules", reads=True)
def list_rules(ctx: Context, tx: Tx, inp: api.ListRulesRequest) -> api.ListRulesResponse:
    """Rules of a bus by name. Raises BusNotFound; ParameterInvalid for a foreign token."""
    bus = bus_named(inp.event_bus_name, ctx.scope)
    bus_or_refuse(tx, bus)
    limit = inp.limit or PAGE_ITEMS_MAX
    found = dict(
        rules.page(
            tx.documents,
            bus.scope,
            parent=bus.name,
            prefix=inp.name_prefix or "",
            after=name_before(inp.next_token),
            count_max=limit + 1,
        )
    )
    names, token = cut_page(list(found), limit)
    return api.ListRulesResponse(rules=[_listed(found[name], bus) for name in names], next_token=token)


def _listed(rule: Rule, bus: BusName) -> api.Rule:
    return api.Rule(
        name=rule.name,
        arn=RuleName(bus, rule.name).arn,
        event_pattern=rule.pattern,
        state=rule.state,
        description=rule.description,
        schedule_expression=rule.schedule,
        role_arn=rule.role_arn,
        event_bus_name=bus.name,
    )


@operation("EnableRule")
def enable_rule(ctx: Context, tx: Tx, inp: api.EnableRuleRequest) -> api.Empty:
    """Let a rule match and fire again; the clock of a rate starts anew. Raises BusNotFound, RuleNotFound."""
    return _set_state(ctx, tx, inp.name, inp.event_bus_name, ENABLED)


@operation("DisableRule")
def disable_rule(ctx: Context, tx: Tx, inp: api.DisableRuleRequest) -> api.Empty:
    """Stop a rule from matching and firing. Raises BusNotFound, RuleNotFound."""
    return _set_state(ctx, tx, inp.name, inp.event_bus_name, DISABLED)


def _set_state(ctx: Context, tx: Tx, name: str, bus_text: str | None, state: str) -> api.Empty:
    bus = bus_named(bus_text, ctx.scope)
    before = rule_or_refuse(tx, bus, name)
    if before.state != state:
        rule = msgspec.structs.replace(before, state=state, updated_ms=ctx.now_ms)
        store_rule(tx, bus.scope, bus.name, rule)
        timers.set_timer(tx, bus, before, rule, now_ms=ctx.now_ms)
    return api.Empty()


@operation("DeleteRule")
def delete_rule(ctx: Context, tx: Tx, inp: api.DeleteRuleRequest) -> api.Empty:
    """Remove a rule without targets, with its tags; one that is not there is no error.

    Takes    Force concerns rules managed by AWS services only, and there are none.
    Raises   BusNotFound; ValidationError while the rule has targets.
    """
    bus = bus_named(inp.event_bus_name, ctx.scope)
    bus_or_refuse(tx, bus)
    rule = rules.get(tx.documents, bus.scope, inp.name, parent=bus.name)
    if rule is None:
        return api.Empty()
    if rule.targets:
        raise ValidationError("Rule can't be deleted since it has targets.")
    remove_rule(tx, bus.scope, bus.name, inp.name)
    timers.drop_timer(tx, bus, inp.name)
    return api.Empty()


@operation("ListRuleNamesByTarget", reads=True)
def list_rule_names_by_target(
    ctx: Context, tx: Tx, inp: api.ListRuleNamesByTargetRequest
) -> api.ListRuleNamesByTargetResponse:
    """Names of the rules of a bus that send to an ARN, sorted. Raises BusNotFound."""
    bus = bus_named(inp.event_bus_name, ctx.scope)
    bus_or_refuse(tx, bus)
    limit = inp.limit or PAGE_ITEMS_MAX
    found: list[str] = []
    after = name_before(inp.next_token)
    while len(found) <= limit:
        page = rules.page(tx.documents, bus.scope, parent=bus.name, after=after)
        if not page:
            break
        found += [name for name, rule in page if any(target.arn == inp.target_arn for target in rule.targets)]
        after = page[-1][0]
    names, token = cut_page(found[: limit + 1], limit)
    return api.ListRuleNamesByTargetResponse(rule_names=names, next_token=token)
