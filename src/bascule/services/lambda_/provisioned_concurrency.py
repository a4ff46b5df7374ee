"""Provisioned concurrency of versions and aliases: configuration, limits and errors.

What is kept here is the wish. Environments live in the runtime, so how many there are is asked of it when somebody looks: the
answer is always of this moment, and after a restart it is ``IN_PROGRESS`` until they are back.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from bascule.api import lambda_ as api
from bascule.kernel.context import Context
from bascule.kernel.invocation import Provisioned
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.kernel.waiting import Perform
from bascule.services.lambda_ import pages
from bascule.services.lambda_.concurrency import reserved_by_others
from bascule.services.lambda_.errors import (
    InvalidParameterValue,
    ProvisionedConcurrencyConfigNotFound,
    ResourceConflict,
    ResourceNotFound,
)
from bascule.services.lambda_.limits import UNRESERVED_CONCURRENCY_MIN
from bascule.services.lambda_.model import LATEST, Alias, Function
from bascule.services.lambda_.names import FunctionReference, reference
from bascule.services.lambda_.provisioned_model import (
    PROVISIONED,
    ProvisionedConcurrency,
    provisioned_key,
    provisioned_of,
    provisioned_totals,
    remove_provisioned,
)
from bascule.services.lambda_.resolution import found_function, found_version, not_found
from bascule.services.lambda_.state import ALIASES, PROVISIONED_SIGNAL

UNPUBLISHED = "Provisioned Concurrency Configs cannot be applied to unpublished function versions."


def _moment(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms // 1000, UTC):%Y-%m-%dT%H:%M:%S}+0000"


def _qualified(ctx: Context, tx: Tx, function_name: str, qualifier: str) -> tuple[FunctionReference, Function]:
    """A version or an alias that exists.

    Raises   InvalidParameterValue for ``$LATEST``; ResourceNotFound in the words for an alias or for a version.
    """
    named = reference(ctx, function_name, qualifier)
    if named.qualifier == LATEST:
        raise InvalidParameterValue(UNPUBLISHED)
    function = found_function(tx.documents, named)
    if qualifier.isdigit():
        if found_version(tx.documents, named.scope, named.name, qualifier) is None:
            raise not_found(named)
    elif ALIASES.get(tx.documents, named.scope, qualifier, parent=named.name) is None:
        raise ResourceNotFound(f"Cannot find alias arn: {named.named_arn}")
    return named, function


def check_provisioned_alias(tx: Tx, named: FunctionReference, alias: Alias) -> None:
    """Refuse to point an alias that has provisioned concurrency where none can be; where it can, its environments follow.

    Takes    named: the function.
    Raises   InvalidParameterValue for ``$LATEST``; ResourceConflict for a version that has a configuration itself.
    """
    if provisioned_of(tx.documents, named.scope, named.name, alias.name) is not None:
        _check_alias(tx, named, alias)
        tx.notify(PROVISIONED_SIGNAL)


def _check_alias(tx: Tx, named: FunctionReference, alias: Alias) -> None:
    if alias.version == LATEST:
        raise InvalidParameterValue(UNPUBLISHED)
    if provisioned_of(tx.documents, named.scope, named.name, alias.version) is not None:
        raise ResourceConflict(
            "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version"
        )


def _check_version(tx: Tx, named: FunctionReference, version: str) -> None:
    prefix = provisioned_key(named.name, "")
    for key, _ in PROVISIONED.page(tx.documents, named.scope, prefix=prefix):
        alias = ALIASES.get(tx.documents, named.scope, key.removeprefix(prefix), parent=named.name)
        if alias is not None and alias.version == version:
            raise ResourceConflict("Version is pointed by a Provisioned Concurrency alias")


def _check_room(ctx: Context, tx: Tx, named: FunctionReference, function: Function, requested: int) -> None:
    """Refuse more than the function has reserved or, without a reservation, than the account can give."""
    before = provisioned_of(tx.documents, named.scope, named.name, named.qualifier or LATEST)
    total = provisioned_totals(tx.documents, named.scope, named.name)[named.name]
    others = total - (0 if before is None else before.requested)
    if function.reserved_concurrency is not None:
        if others + requested > function.reserved_concurrency:
            raise InvalidParameterValue(
                "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function"
            )
        return
    unreserved = ctx.settings.concurrency_max - reserved_by_others(ctx, tx, named.name) - others
    if requested > unreserved:
        raise InvalidParameterValue(
            f"Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [{unreserved}]."
        )
    if unreserved - requested < UNRESERVED_CONCURRENCY_MIN:
        raise InvalidParameterValue(
            "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its "
            f"minimum value of [{UNRESERVED_CONCURRENCY_MIN}]."
        )


@operation("PutProvisionedConcurrencyConfig")
def put_provisioned_concurrency_config(
    ctx: Context, tx: Tx, inp: api.PutProvisionedConcurrencyConfigRequest
) -> api.PutProvisionedConcurrencyConfigResponse:
    """Have environments of a version or alias initialised ahead and kept.

    Gives    ``IN_PROGRESS``; ``READY`` once all are there, ``FAILED`` with the reason when they cannot be.
    Raises   ResourceNotFound; InvalidParameterValue for ``$LATEST`` and for more than there is; ResourceConflict when an alias
             and its version would both have a configuration.
    Promise  environments are made in the background, replaced when they die, and made again after a restart.
    Differs  they serve every call of the version, by whichever name it is called.
    """
    named, function = _qualified(ctx, tx, inp.function_name, inp.qualifier)
    alias = ALIASES.get(tx.documents, named.scope, inp.qualifier, parent=named.name)
    if alias is None:
        _check_version(tx, named, inp.qualifier)
    else:
        _check_alias(tx, named, alias)
    requested = inp.provisioned_concurrent_executions
    _check_room(ctx, tx, named, function, requested)
    config = ProvisionedConcurrency(requested=requested, modified_ms=ctx.now_ms)
    PROVISIONED.put(tx.documents, named.scope, provisioned_key(named.name, inp.qualifier), config)
    tx.notify(PROVISIONED_SIGNAL)
    return api.PutProvisionedConcurrencyConfigResponse(
        requested_provisioned_concurrent_executions=requested,
        allocated_provisioned_concurrent_executions=0,
        available_provisioned_concurrent_executions=0,
        status="IN_PROGRESS",
        last_modified=_moment(config.modified_ms),
    )


def _states(ctx: Context, owners: list[str]) -> dict[str, Provisioned] | Perform:
    """What the runtime has of each owner's environments; before that, what to perform first."""
    if ctx.resume is None:
        return Perform("provisioned", owners)
    if isinstance(ctx.resume, BaseException):
        raise ctx.resume
    assert isinstance(ctx.resume, dict)
    return ctx.resume


def _shown(config: ProvisionedConcurrency, state: Provisioned) -> dict[str, Any]:
    """What a look-up and a list say alike."""
    ready = min(config.requested, state.ready)
    status = "READY" if ready == config.requested else "FAILED" if state.failure else "IN_PROGRESS"
    return {
        "requested_provisioned_concurrent_executions": config.requested,
        "allocated_provisioned_concurrent_executions": ready,
        "available_provisioned_concurrent_executions": ready,
        "status": status,
        "status_reason": state.failure if status == "FAILED" else None,
        "last_modified": _moment(config.modified_ms),
    }


@operation("GetProvisionedConcurrencyConfig", reads=True)
def get_provisioned_concurrency_config(
    ctx: Context, tx: Tx, inp: api.GetProvisionedConcurrencyConfigRequest
) -> api.GetProvisionedConcurrencyConfigResponse | Perform:
    """The configuration of a version or alias and how many environments there are at this moment.

    Raises   ResourceNotFound, InvalidParameterValue; ProvisionedConcurrencyConfigNotFound when it has none.
    """
    named, _ = _qualified(ctx, tx, inp.function_name, inp.qualifier)
    config = provisioned_of(tx.documents, named.scope, named.name, inp.qualifier)
    if config is None:
        raise ProvisionedConcurrencyConfigNotFound()
    owner = f"{named.arn}:{inp.qualifier}"
    states = _states(ctx, [owner])
    if isinstance(states, Perform):
        return states
    return api.GetProvisionedConcurrencyConfigResponse(**_shown(config, states[owner]))


@operation("DeleteProvisionedConcurrencyConfig")
def delete_provisioned_concurrency_config(
    ctx: Context, tx: Tx, inp: api.DeleteProvisionedConcurrencyConfigRequest
) -> api.Empty:
    """Remove a configuration; one that does not exist is no error.

    Raises   ResourceNotFound, InvalidParameterValue.
    """
    named, _ = _qualified(ctx, tx, inp.function_name, inp.qualifier)
    remove_provisioned(tx, named)
    return api.Empty()


@operation("ListProvisionedConcurrencyConfigs", reads=True)
def list_provisioned_concurrency_configs(
    ctx: Context, tx: Tx, inp: api.ListProvisionedConcurrencyConfigsRequest
) -> api.ListProvisionedConcurrencyConfigsResponse | Perform:
    """The configurations of a function's versions and aliases.

    Raises   ResourceNotFound.
    """
    named = reference(ctx, inp.function_name)
    found_function(tx.documents, named)
    size = pages.page_size(inp.max_items)
    prefix = provisioned_key(named.name, "")
    rows = PROVISIONED.page(tx.documents, named.scope, prefix=prefix, after=pages.after(inp.marker), count_max=size + 1)
    owners = {key: f"{named.arn}:{key.removeprefix(prefix)}" for key, _ in rows}
    states = _states(ctx, list(owners.values()))
    if isinstance(states, Perform):
        return states
    shown = [
        (
            key,
            api.ProvisionedConcurrencyConfigListItem(
                function_arn=owners[key], **_shown(config, states.get(owners[key], Provisioned()))
            ),
        )
        for key, config in rows
    ]
    configs, marker = pages.cut(shown, size)
    return api.ListProvisionedConcurrencyConfigsResponse(provisioned_concurrency_configs=configs, next_marker=marker)
