"""Targets of a rule: put, remove, list."""

from __future__ import annotations

import msgspec

from bascule.api import events as api
from bascule.kernel.context import Context
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.services.events.errors import LimitExceeded
from bascule.services.events.limits import PAGE_ITEMS_MAX, TARGETS_PER_RULE_MAX
from bascule.services.events.model import InputTemplate, Target
from bascule.services.events.names import bus_named
from bascule.services.events.paging import cut_page, name_before
from bascule.services.events.rules import rule_or_refuse
from bascule.services.events.state import put_rule
from bascule.services.events.target_checks import check_target


@operation("PutTargets")
def put_targets(ctx: Context, tx: Tx, inp: api.PutTargetsRequest) -> api.PutTargetsResponse:
    """Add targets to a rule; one with a known id is replaced whole. Effective with the next event.

    Raises   BusNotFound, RuleNotFound; LimitExceeded; ValidationError; NotImplementedHere for parameters of target types
             that Bascule cannot deliver to. Whether the target exists is not asked.
    Promise  all or none.
    Source   PutTargets API reference; texts as recorded.
    """
    bus = bus_named(inp.event_bus_name, ctx.scope)
    rule = rule_or_refuse(tx, bus, inp.rule)
    targets = {target.target_id: target for target in rule.targets}
    for given in inp.targets:
        check_target(given, bus.scope.region)
        targets[given.id] = _kept(given)
    if len(targets) > TARGETS_PER_RULE_MAX:
        raise LimitExceeded
    ordered = tuple(targets[target_id] for target_id in sorted(targets))
    put_rule(tx, bus.scope, bus.name, msgspec.structs.replace(rule, targets=ordered, updated_ms=ctx.now_ms))
    return api.PutTargetsResponse(failed_entry_count=0, failed_entries=[])


@operation("RemoveTargets")
def remove_targets(ctx: Context, tx: Tx, inp: api.RemoveTargetsRequest) -> api.RemoveTargetsResponse:
    """Remove targets by id; an id that is not there is no error.

    Takes    Force concerns rules managed by AWS services only, and there are none.
    Raises   BusNotFound, RuleNotFound.
    """
    bus = bus_named(inp.event_bus_name, ctx.scope)
    rule = rule_or_refuse(tx, bus, inp.rule)
    gone = frozenset(inp.ids)
    kept = tuple(target for target in rule.targets if target.target_id not in gone)
    if len(kept) != len(rule.targets):
        put_rule(tx, bus.scope, bus.name, msgspec.structs.replace(rule, targets=kept, updated_ms=ctx.now_ms))
    return api.RemoveTargetsResponse(failed_entry_count=0, failed_entries=[])


@operation("ListTargetsByRule", reads=True)
def list_targets_by_rule(ctx: Context, tx: Tx, inp: api.ListTargetsByRuleRequest) -> api.ListTargetsByRuleResponse:
    """Targets of a rule by id, each with exactly the members it was given. Raises BusNotFound, RuleNotFound."""
    bus = bus_named(inp.event_bus_name, ctx.scope)
    rule = rule_or_refuse(tx, bus, inp.rule)
    after = name_before(inp.next_token)
    found = {target.target_id: target for target in rule.targets if target.target_id > after}
    names, token = cut_page(list(found), inp.limit or PAGE_ITEMS_MAX)
    return api.ListTargetsByRuleResponse(targets=[_shown(found[name]) for name in names], next_token=token)


def _kept(given: api.Target) -> Target:
    template = given.input_transformer
    queue = given.sqs_parameters
    retry = given.retry_policy
    return Target(
        target_id=given.id,
        arn=given.arn,
        role_arn=given.role_arn,
        input=given.input,
        input_path=given.input_path,
        input_template=None if template is None else InputTemplate(template.input_template, template.input_paths_map),
        has_sqs_parameters=queue is not None,
        message_group_id=None if queue is None else queue.message_group_id,
        has_dead_letter_config=given.dead_letter_config is not None,
        dead_letter_arn=None if given.dead_letter_config is None else given.dead_letter_config.arn,
        has_retry_policy=retry is not None,
        retries_max=None if retry is None else retry.maximum_retry_attempts,
        age_max_s=None if retry is None else retry.maximum_event_age_in_seconds,
    )


def _shown(target: Target) -> api.Target:
    template = target.input_template
    return api.Target(
        id=target.target_id,
        arn=target.arn,
        role_arn=target.role_arn,
        input=target.input,
        input_path=target.input_path,
        input_transformer=None
        if template is None
        else api.InputTransformer(input_paths_map=template.paths, input_template=template.template),
        sqs_parameters=api.SqsParameters(message_group_id=target.message_group_id)
        if target.has_sqs_parameters
        else None,
        dead_letter_config=api.DeadLetterConfig(arn=target.dead_letter_arn) if target.has_dead_letter_config else None,
        retry_policy=api.RetryPolicy(
            maximum_retry_attempts=target.retries_max, maximum_event_age_in_seconds=target.age_max_s
        )
        if target.has_retry_policy
        else None,
    )
