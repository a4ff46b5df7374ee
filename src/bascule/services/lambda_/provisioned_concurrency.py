"""Provisioned concurrency of versions and aliases: configuration, limits and errors.

What it means here: the interpreter runs and the code is unpacked before the first call, so a new environment is a fork and
the import of the handler. Environments are not initialised ahead, and none are set aside; docs/reference/lambda.md says so.
"""

from __future__ import annotations

from datetime import UTC, datetime

from bascule.api import lambda_ as api
from bascule.kernel.context import Context
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
)
from bascule.services.lambda_.resolution import (
    configuration_of,
    found_function,
    found_version,
    function_version,
    not_found,
)
from bascule.services.lambda_.state import ALIASES

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
    """Refuse to point an alias that has provisioned concurrency where none can be.

    Takes    named: the function.
    Raises   InvalidParameterValue for ``$LATEST``; ResourceConflict for a version that has a configuration itself.
    """
    if provisioned_of(tx.documents, named.scope, named.name, alias.name) is not None:
        _check_alias(tx, named, alias)


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
) -> api.PutProvisionedConcurrencyConfigResponse | Perform:
    """Have environments of a version or alias made ready.

    Gives    ``IN_PROGRESS``; a look-up right after shows ``READY``.
    Raises   ResourceNotFound; InvalidParameterValue for ``$LATEST`` and for more than there is; ResourceConflict when an alias
             and its version would both have a configuration.
    Promise  the interpreter is started and the code unpacked in the background.
    Differs  environments are not initialised ahead, so ``READY`` comes at once and ``FAILED`` never.
    """
    named, function = _qualified(ctx, tx, inp.function_name, inp.qualifier)
    alias = ALIASES.get(tx.documents, named.scope, inp.qualifier, parent=named.name)
    if alias is None:
        _check_version(tx, named, inp.qualifier)
    else:
        _check_alias(tx, named, alias)
    requested = inp.provisioned_concurrent_executions
    _check_room(ctx, tx, named, function, requested)
    if ctx.resume is None:
        number, configuration = configuration_of(tx.documents, named, function)
        return Perform("prepare", function_version(named.scope, function, number, configuration))
    config = ProvisionedConcurrency(requested=requested, modified_ms=ctx.now_ms)
    PROVISIONED.put(tx.documents, named.scope, provisioned_key(named.name, inp.qualifier), config)
    return api.PutProvisionedConcurrencyConfigResponse(
        requested_provisioned_concurrent_executions=requested,
        allocated_provisioned_concurrent_executions=0,
        available_provisioned_concurrent_executions=0,
        status="IN_PROGRESS",
        last_modified=_moment(config.modified_ms),
    )


@operation("GetProvisionedConcurrencyConfig", reads=True)
def get_provisioned_concurrency_config(
    ctx: Context, tx: Tx, inp: api.GetProvisionedConcurrencyConfigRequest
) -> api.GetProvisionedConcurrencyConfigResponse:
    """The configuration of a version or alias.

    Raises   ResourceNotFound, InvalidParameterValue; ProvisionedConcurrencyConfigNotFound when it has none.
    """
    named, _ = _qualified(ctx, tx, inp.function_name, inp.qualifier)
    config = provisioned_of(tx.documents, named.scope, named.name, inp.qualifier)
    if config is None:
        raise ProvisionedConcurrencyConfigNotFound()
    return api.GetProvisionedConcurrencyConfigResponse(
        requested_provisioned_concurrent_executions=config.requested,
        allocated_provisioned_concurrent_executions=config.requested,
        available_provisioned_concurrent_executions=config.requested,
        status="READY",
        last_modified=_moment(config.modified_ms),
    )


@operation("DeleteProvisionedConcurrencyConfig")
def delete_provisioned_concurrency_config(
    ctx: Context, tx: Tx, inp: api.DeleteProvisionedConcurrencyConfigRequest
) -> api.Empty:
    """Remove a configuration; one that does not exist is no error.

    Raises   ResourceNotFound, InvalidParameterValue.
    """
    named, _ = _qualified(ctx, tx, inp.function_name, inp.qualifier)
    PROVISIONED.delete(tx.documents, named.scope, provisioned_key(named.name, inp.qualifier))
    return api.Empty()


@operation("ListProvisionedConcurrencyConfigs", reads=True)
def list_provisioned_concurrency_configs(
    ctx: Context, tx: Tx, inp: api.ListProvisionedConcurrencyConfigsRequest
) -> api.ListProvisionedConcurrencyConfigsResponse:
    """The configurations of a function's versions and aliases.

    Raises   ResourceNotFound.
    """
    named = reference(ctx, inp.function_name)
    found_function(tx.documents, named)
    size = pages.page_size(inp.max_items)
    prefix = provisioned_key(named.name, "")
    rows = PROVISIONED.page(tx.documents, named.scope, prefix=prefix, after=pages.after(inp.marker), count_max=size + 1)
    shown = [
        (
            key,
            api.ProvisionedConcurrencyConfigListItem(
                function_arn=f"{named.arn}:{key.removeprefix(prefix)}",
                requested_provisioned_concurrent_executions=config.requested,
                allocated_provisioned_concurrent_executions=config.requested,
                available_provisioned_concurrent_executions=config.requested,
                status="READY",
                last_modified=_moment(config.modified_ms),
            ),
        )
        for key, config in rows
    ]
    configs, marker = pages.cut(shown, size)
    return api.ListProvisionedConcurrencyConfigsResponse(provisioned_concurrency_configs=configs, next_marker=marker)
