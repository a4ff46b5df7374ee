"""Operations of event source mappings: which queue feeds which function, and how.

The operations decide what a mapping is; ``bascule.pollers.sqs_mappings`` carries it out. What must be known of a queue is
asked of the performer ``event-source``, because services do not look into each other.
"""

from __future__ import annotations

from typing import Any

import msgspec

from bascule.api import lambda_ as api
from bascule.kernel.context import Context
from bascule.kernel.scope import Scope
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.kernel.waiting import Perform
from bascule.services.lambda_ import pages
from bascule.services.lambda_.errors import InvalidParameterValue, ResourceConflict, ResourceNotFound
from bascule.services.lambda_.event_source_checks import (
    NO_QUEUE,
    check_batching,
    check_members,
    check_visibility,
    checked_source,
)
from bascule.services.lambda_.event_source_filters import checked_filters
from bascule.services.lambda_.event_source_lifecycle import State, Step, keep, moved
from bascule.services.lambda_.event_source_model import EventSourceMapping, QueueFacts, SourceMissing, SourceQuestion
from bascule.services.lambda_.event_source_state import MAPPINGS, PAIRS, Owner, mapping_arn, pair_key
from bascule.services.lambda_.limits import (
    EVENT_SOURCE_BATCH_DEFAULT,
    EVENT_SOURCE_POLLERS_DEFAULT,
    EVENT_SOURCES_PAGE_MAX,
)
from bascule.services.lambda_.names import FunctionReference, reference
from bascule.services.lambda_.resolution import configuration_of, found_function
from bascule.services.lambda_.tags import checked_tags

_REPORTS = "ReportBatchItemFailures"
_REASON = "USER_INITIATED"
#: Mappings looked at by one statement when a list is filtered. count
_LIST_STEP = 500


@operation("CreateEventSourceMapping", refuses=("KMSKeyArn",))
def create_event_source_mapping(
    ctx: Context, tx: Tx, inp: api.CreateEventSourceMappingRequest
) -> api.EventSourceMappingConfiguration | Perform:
    """Have the messages of a queue given to a function in batches.

    Gives    the mapping, ``Creating``; ``Disabled`` at once when it is not to be enabled.
    Raises   InvalidParameterValue; ResourceConflict when source and function have a mapping; NotImplementedHere for
             sources other than SQS.
    Source   CreateEventSourceMapping API reference; recorded texts in the specification, 10.1.
    """
    source_arn = checked_source(inp, ctx.scope.region)
    check_members(inp)
    named, timeout_s = _function(ctx, tx, inp.function_name)
    is_enabled = inp.enabled is not False
    mapping = EventSourceMapping(
        uuid=ctx.ids.uuid(),
        source_arn=source_arn,
        function=named.name,
        qualifier=named.qualifier,
        state=State.CREATING if is_enabled else State.DISABLED,
        is_enabled=is_enabled,
        modified_ms=ctx.now_ms,
        tags=checked_tags({}, inp.tags or {}),
        **{"batch_size": EVENT_SOURCE_BATCH_DEFAULT, **_changes(inp)},
    )
    check_batching(mapping)
    if not isinstance(ctx.resume, QueueFacts):
        return _asked(ctx, source_arn)
    check_visibility(ctx.resume.visibility_s, timeout_s)
    _claim_pair(tx, ctx.scope, mapping)
    keep(tx, ctx.scope, mapping)
    return _described(ctx.scope, mapping)


@operation("GetEventSourceMapping", reads=True)
def get_event_source_mapping(
    ctx: Context, tx: Tx, inp: api.GetEventSourceMappingRequest
) -> api.EventSourceMappingConfiguration:
    """The mapping as it is now.

    Raises   ResourceNotFound.
    """
    return _described(ctx.scope, _found(ctx, tx, inp.uuid))


@operation("UpdateEventSourceMapping", refuses=("KMSKeyArn",))
def update_event_source_mapping(
    ctx: Context, tx: Tx, inp: api.UpdateEventSourceMappingRequest
) -> api.EventSourceMappingConfiguration | Perform:
    """Change what is sent and keep the rest. Messages that were read before are treated as before.

    Gives    the mapping with its new values, ``Updating``, ``Enabling`` or ``Disabling``.
    Raises   ResourceNotFound, ResourceInUse, InvalidParameterValue; ResourceConflict for a new function that has a mapping.
    """
    old = _found(ctx, tx, inp.uuid)
    check_members(inp)
    is_enabled = old.is_enabled if inp.enabled is None else inp.enabled
    step = Step.UPDATE if is_enabled == old.is_enabled else Step.ENABLE if is_enabled else Step.DISABLE
    changes: dict[str, Any] = {
        **_changes(inp),
        "is_enabled": is_enabled,
        "state": moved(old, step),
        "modified_ms": ctx.now_ms,
    }
    if inp.function_name is not None:
        named, timeout_s = _function(ctx, tx, inp.function_name)
        if not isinstance(ctx.resume, QueueFacts):
            return _asked(ctx, old.source_arn)
        check_visibility(ctx.resume.visibility_s, timeout_s)
        changes |= {"function": named.name, "qualifier": named.qualifier}
    mapping = msgspec.structs.replace(old, **changes)
    check_batching(mapping)
    if (mapping.function, mapping.qualifier) != (old.function, old.qualifier):
        _claim_pair(tx, ctx.scope, mapping)
        PAIRS.delete(tx.documents, ctx.scope, pair_key(old.source_arn, old.function, old.qualifier))
    keep(tx, ctx.scope, mapping)
    return _described(ctx.scope, mapping)


@operation("DeleteEventSourceMapping")
def delete_event_source_mapping(
    ctx: Context, tx: Tx, inp: api.DeleteEventSourceMappingRequest
) -> api.EventSourceMappingConfiguration:
    """Stop reading and forget the mapping; batches that run end as they would have.

    Gives    the mapping, ``Deleting``.
    Raises   ResourceNotFound, ResourceInUse.
    """
    old = _found(ctx, tx, inp.uuid)
    mapping = msgspec.structs.replace(old, state=moved(old, Step.DELETE), modified_ms=ctx.now_ms)
    keep(tx, ctx.scope, mapping)
    return _described(ctx.scope, mapping)


@operation("ListEventSourceMappings", reads=True)
def list_event_source_mappings(
    ctx: Context, tx: Tx, inp: api.ListEventSourceMappingsRequest
) -> api.ListEventSourceMappingsResponse:
    """Mappings by uuid, at most 100 a page, of one source or one function when asked.

    Takes    function name: a mapping is listed under exactly the qualifier that it was made with.
    """
    named = None if inp.function_name is None else reference(ctx, inp.function_name)
    size = min(inp.max_items or EVENT_SOURCES_PAGE_MAX, EVENT_SOURCES_PAGE_MAX)
    after = pages.after(inp.marker)
    rows: list[tuple[str, api.EventSourceMappingConfiguration]] = []
    while len(rows) <= size:
        step = MAPPINGS.page(tx.documents, ctx.scope, after=after, count_max=_LIST_STEP)
        for name, mapping in step:
            is_of_source = inp.event_source_arn is None or mapping.source_arn == inp.event_source_arn
            if is_of_source and (named is None or mapping.named(ctx.scope) == named):
                rows.append((name, _described(ctx.scope, mapping)))
        if len(step) < _LIST_STEP:
            break
        after = step[-1][0]
    found, marker = pages.cut(rows, size)
    return api.ListEventSourceMappingsResponse(event_source_mappings=found, next_marker=marker)


def _function(ctx: Context, tx: Tx, text: str) -> tuple[FunctionReference, int]:
    """The function a request names and its timeout in seconds."""
    named = reference(ctx, text)
    try:
        _, configuration = configuration_of(tx.documents, named, found_function(tx.documents, named))
    except ResourceNotFound as error:
        raise InvalidParameterValue("Function does not exist") from error
    return named, configuration.timeout_s


def _asked(ctx: Context, source_arn: str) -> Perform:
    """The question to the owner of the source; raises when it has been asked and there is no such queue."""
    if isinstance(ctx.resume, BaseException):
        raise ctx.resume
    if isinstance(ctx.resume, SourceMissing):
        raise InvalidParameterValue(NO_QUEUE)
    return Perform("event-source", SourceQuestion(source_arn))


def _changes(inp: api.CreateEventSourceMappingRequest | api.UpdateEventSourceMappingRequest) -> dict[str, Any]:
    """The fields that a request sets; an empty structure clears what it is about."""
    changes: dict[str, Any] = {}
    if inp.batch_size is not None:
        changes["batch_size"] = inp.batch_size
    if inp.maximum_batching_window_in_seconds is not None:
        changes["window_s"] = inp.maximum_batching_window_in_seconds
    if inp.filter_criteria is not None:
        texts = tuple(one.pattern or "" for one in inp.filter_criteria.filters or ())
        changes["filters"] = checked_filters(texts, "body")
    if inp.function_response_types is not None:
        changes["reports_failures"] = _REPORTS in inp.function_response_types
    if inp.scaling_config is not None:
        changes["concurrency_max"] = inp.scaling_config.maximum_concurrency
    if inp.provisioned_poller_config is not None:
        changes["pollers"] = _pollers(inp.provisioned_poller_config)
    if inp.metrics_config is not None:
        changes["metrics"] = _metrics(inp.metrics_config)
    return changes


def _pollers(config: api.ProvisionedPollerConfig) -> tuple[int, int] | None:
    lowest, highest = config.minimum_pollers, config.maximum_pollers
    if lowest is None and highest is None:
        return None
    default_lowest, default_highest = EVENT_SOURCE_POLLERS_DEFAULT
    if lowest is not None and lowest < default_lowest:
        raise InvalidParameterValue(f"MinimumPollers must be at least {default_lowest} for SQS event sources.")
    return (
        default_lowest if lowest is None else lowest,
        max(default_highest, lowest or 0) if highest is None else highest,
    )


def _metrics(config: api.EventSourceMappingMetricsConfig) -> tuple[str, ...]:
    wanted = tuple(config.metrics or ())
    for name in wanted:
        if name != "EventCount":
            raise InvalidParameterValue(f"The metric group {name} is not supported for SQS event sources.")
    return wanted


def _claim_pair(tx: Tx, scope: Scope, mapping: EventSourceMapping) -> None:
    """Make the pair of source and function this mapping's own.

    Raises   ResourceConflict when another mapping has it.
    """
    key = pair_key(mapping.source_arn, mapping.function, mapping.qualifier)
    owner = PAIRS.get(tx.documents, scope, key)
    if owner is not None:
        function = mapping.function if mapping.qualifier is None else f"{mapping.function}:{mapping.qualifier}"
        raise ResourceConflict(
            f'An event source mapping with SQS arn (" {mapping.source_arn} ") and function (" {function} ") already '
            f"exists. Please update or delete the existing mapping with UUID {owner.uuid}"
        )
    PAIRS.put(tx.documents, scope, key, Owner(mapping.uuid))


def _found(ctx: Context, tx: Tx, uuid: str) -> EventSourceMapping:
    mapping = MAPPINGS.get(tx.documents, ctx.scope, uuid)
    if mapping is None:
        raise ResourceNotFound
    return mapping


def _described(scope: Scope, mapping: EventSourceMapping) -> api.EventSourceMappingConfiguration:
    """A mapping as clients see it; for queues the members about streams are absent."""
    pollers = mapping.pollers
    return api.EventSourceMappingConfiguration(
        uuid=mapping.uuid,
        batch_size=mapping.batch_size,
        maximum_batching_window_in_seconds=mapping.window_s,
        event_source_arn=mapping.source_arn,
        filter_criteria=api.FilterCriteria(filters=[api.Filter(pattern=text) for text in mapping.filters])
        if mapping.filters
        else None,
        function_arn=mapping.named(scope).named_arn,
        last_modified=mapping.modified_ms / 1000,
        last_processing_result=mapping.problem or None,
        state=mapping.state,
        state_transition_reason=_REASON,
        function_response_types=[_REPORTS] if mapping.reports_failures else [],
        event_source_mapping_arn=mapping_arn(scope, mapping.uuid),
        scaling_config=None
        if mapping.concurrency_max is None
        else api.ScalingConfig(maximum_concurrency=mapping.concurrency_max),
        provisioned_poller_config=None
        if pollers is None
        else api.ProvisionedPollerConfig(minimum_pollers=pollers[0], maximum_pollers=pollers[1]),
        metrics_config=None
        if mapping.metrics is None
        else api.EventSourceMappingMetricsConfig(metrics=list(mapping.metrics)),
    )
