"""How asynchronous invocations of a function, version or alias are retried, and where their records go.

Each qualifier has a config of its own; nothing is inherited between ``$LATEST``, versions and aliases.
"""

from __future__ import annotations

from bascule.api import lambda_ as api
from bascule.kernel.arns import parse_arn
from bascule.kernel.context import Context
from bascule.kernel.errors import NotImplementedHere
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.services.lambda_ import pages
from bascule.services.lambda_.errors import InvalidParameterValue, ResourceNotFound
from bascule.services.lambda_.model import LATEST, EventInvokeConfig
from bascule.services.lambda_.names import FunctionReference, reference
from bascule.services.lambda_.resolution import configuration_of
from bascule.services.lambda_.state import EVENT_INVOKE_CONFIGS, FUNCTIONS

NOTHING_SET = "You must specify at least one of error handling or destination setting."
OWN_DESTINATION = "You can't specify the function as a destination for itself."

#: ARN services that may be told of a success, and of a failure.
SUCCESS_SERVICES = frozenset({"sqs", "sns", "lambda", "events"})
FAILURE_SERVICES = SUCCESS_SERVICES | {"s3"}
#: How the resource part of a destination begins, by ARN service.
_RESOURCES = {"lambda": "function:", "events": "event-bus/"}


def _found(ctx: Context, tx: Tx, function_name: str, qualifier: str | None) -> FunctionReference:
    named = reference(ctx, function_name, qualifier)
    function = FUNCTIONS.get(tx.documents, named.scope, named.name)
    if function is None:
        raise ResourceNotFound("The function doesn't exist.")
    try:
        configuration_of(tx.documents, named, function)
    except ResourceNotFound as error:
        raise ResourceNotFound("The function doesn't exist.") from error
    return named


def _described(named: FunctionReference, config: EventInvokeConfig) -> api.FunctionEventInvokeConfig:
    return api.FunctionEventInvokeConfig(
        last_modified=config.modified_ms / 1000,
        function_arn=named.qualified_arn,
        maximum_retry_attempts=config.retries_max,
        maximum_event_age_in_seconds=config.age_max_s,
        destination_config=api.DestinationConfig(
            on_success=api.OnSuccess(destination=config.success_arn),
            on_failure=api.OnFailure(destination=config.failure_arn),
        ),
    )


def _destination(given: api.OnSuccess | api.OnFailure | None) -> str | None:
    return None if given is None else given.destination or None


def _check_destination(tx: Tx, named: FunctionReference, destination: str | None, *, is_failure: bool) -> None:
    if destination is None:
        return
    arn = parse_arn(destination)
    if arn is None or arn.service not in (FAILURE_SERVICES if is_failure else SUCCESS_SERVICES):
        shown = (
            f"onSuccess=null, onFailure=OnFailure(destination={destination})"
            if is_failure
            else f"onSuccess=OnSuccess(destination={destination}), onFailure=null"
        )
        raise InvalidParameterValue(f"The provided destination config DestinationConfig({shown}) is invalid.")
    if arn.service == "s3":
        raise NotImplementedHere(
            "Bascule has no S3 service yet: have failures sent to a queue, a topic, a function or an event bus instead."
        )
    if arn.resource.endswith(".fifo") or not arn.resource.startswith(_RESOURCES.get(arn.service, "")):
        raise InvalidParameterValue(f"The destination ARN {destination} is invalid.")
    if arn.service == "lambda":
        name = arn.resource.removeprefix("function:").partition(":")[0]
        if (arn.scope, name) == (named.scope, named.name):
            raise InvalidParameterValue(OWN_DESTINATION)
        if FUNCTIONS.get(tx.documents, arn.scope, name) is None:
            raise InvalidParameterValue(f"The destination ARN {destination} is invalid.")


def _stored(tx: Tx, named: FunctionReference, config: EventInvokeConfig) -> api.FunctionEventInvokeConfig:
    _check_destination(tx, named, config.success_arn, is_failure=False)
    _check_destination(tx, named, config.failure_arn, is_failure=True)
    EVENT_INVOKE_CONFIGS.put(tx.documents, named.scope, named.qualifier or LATEST, config, parent=named.name)
    return _described(named, config)


def _current(tx: Tx, named: FunctionReference) -> EventInvokeConfig | None:
    return EVENT_INVOKE_CONFIGS.get(tx.documents, named.scope, named.qualifier or LATEST, parent=named.name)


def _missing(named: FunctionReference) -> ResourceNotFound:
    return ResourceNotFound(f"The function {named.qualified_arn} doesn't have an EventInvokeConfig")


def _check_given(inp: api.PutFunctionEventInvokeConfigRequest | api.UpdateFunctionEventInvokeConfigRequest) -> None:
    destinations = inp.destination_config
    has_destination = destinations is not None and (
        destinations.on_success is not None or destinations.on_failure is not None
    )
    if inp.maximum_retry_attempts is None and inp.maximum_event_age_in_seconds is None and not has_destination:
        raise InvalidParameterValue(NOTHING_SET)


@operation("PutFunctionEventInvokeConfig")
def put_function_event_invoke_config(
    ctx: Context, tx: Tx, inp: api.PutFunctionEventInvokeConfigRequest
) -> api.FunctionEventInvokeConfig:
    """Replace the config of a qualifier whole; what is not sent is cleared.

    Raises   ResourceNotFound; InvalidParameterValue when nothing is set or a destination cannot be; NotImplementedHere: buckets.
    """
    _check_given(inp)
    named = _found(ctx, tx, inp.function_name, inp.qualifier)
    destinations = inp.destination_config or api.DestinationConfig()
    config = EventInvokeConfig(
        modified_ms=ctx.now_ms,
        retries_max=inp.maximum_retry_attempts,
        age_max_s=inp.maximum_event_age_in_seconds,
        success_arn=_destination(destinations.on_success),
        failure_arn=_destination(destinations.on_failure),
    )
    return _stored(tx, named, config)


@operation("UpdateFunctionEventInvokeConfig")
def update_function_event_invoke_config(
    ctx: Context, tx: Tx, inp: api.UpdateFunctionEventInvokeConfigRequest
) -> api.FunctionEventInvokeConfig:
    """Change what is sent and keep the rest; an empty destination clears it.

    Raises   ResourceNotFound when the qualifier has no config; InvalidParameterValue as for Put.
    """
    _check_given(inp)
    named = _found(ctx, tx, inp.function_name, inp.qualifier)
    config = _current(tx, named)
    if config is None:
        raise _missing(named)
    destinations = inp.destination_config or api.DestinationConfig()
    changed = EventInvokeConfig(
        modified_ms=ctx.now_ms,
        retries_max=config.retries_max if inp.maximum_retry_attempts is None else inp.maximum_retry_attempts,
        age_max_s=config.age_max_s if inp.maximum_event_age_in_seconds is None else inp.maximum_event_age_in_seconds,
        success_arn=(config.success_arn if destinations.on_success is None else _destination(destinations.on_success)),
        failure_arn=(config.failure_arn if destinations.on_failure is None else _destination(destinations.on_failure)),
    )
    return _stored(tx, named, changed)


@operation("GetFunctionEventInvokeConfig", reads=True)
def get_function_event_invoke_config(
    ctx: Context, tx: Tx, inp: api.GetFunctionEventInvokeConfigRequest
) -> api.FunctionEventInvokeConfig:
    """The config of a qualifier.

    Raises   ResourceNotFound.
    """
    named = _found(ctx, tx, inp.function_name, inp.qualifier)
    config = _current(tx, named)
    if config is None:
        raise _missing(named)
    return _described(named, config)


@operation("DeleteFunctionEventInvokeConfig")
def delete_function_event_invoke_config(
    ctx: Context, tx: Tx, inp: api.DeleteFunctionEventInvokeConfigRequest
) -> api.Empty:
    """Go back to the defaults: two retries, six hours, no destinations.

    Raises   ResourceNotFound.
    """
    named = _found(ctx, tx, inp.function_name, inp.qualifier)
    if not EVENT_INVOKE_CONFIGS.delete(tx.documents, named.scope, named.qualifier or LATEST, parent=named.name):
        raise _missing(named)
    return api.Empty()


@operation("ListFunctionEventInvokeConfigs", reads=True)
def list_function_event_invoke_configs(
    ctx: Context, tx: Tx, inp: api.ListFunctionEventInvokeConfigsRequest
) -> api.ListFunctionEventInvokeConfigsResponse:
    """The configs of all qualifiers of a function."""
    named = _found(ctx, tx, inp.function_name, None)
    size = pages.page_size(inp.max_items)
    rows = EVENT_INVOKE_CONFIGS.page(
        tx.documents, named.scope, parent=named.name, after=pages.after(inp.marker), count_max=size + 1
    )
    described = [(name, _described(FunctionReference(named.scope, named.name, name), config)) for name, config in rows]
    configs, marker = pages.cut(described, size)
    return api.ListFunctionEventInvokeConfigsResponse(function_event_invoke_configs=configs, next_marker=marker)
