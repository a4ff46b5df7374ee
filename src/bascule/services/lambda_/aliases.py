"""Aliases: names for versions, optionally splitting calls between two of them."""

from __future__ import annotations

import msgspec

from bascule.api import lambda_ as api
from bascule.kernel.context import Context
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.services.lambda_ import pages
from bascule.services.lambda_.errors import (
    AliasLimitExceeded,
    InvalidParameterValue,
    PreconditionFailed,
    ResourceConflict,
    ResourceNotFound,
)
from bascule.services.lambda_.limits import ALIASES_MAX
from bascule.services.lambda_.model import LATEST, Alias, Configuration
from bascule.services.lambda_.names import FunctionReference, reference
from bascule.services.lambda_.provisioned_concurrency import check_provisioned_alias
from bascule.services.lambda_.provisioned_model import remove_provisioned
from bascule.services.lambda_.resolution import found_function, found_version
from bascule.services.lambda_.state import ALIASES, EVENT_INVOKE_CONFIGS, POLICIES, policy_key


def _arn(named: FunctionReference, alias: str) -> str:
    return f"{named.arn}:{alias}"


def _described(named: FunctionReference, alias: Alias) -> api.AliasConfiguration:
    return api.AliasConfiguration(
        alias_arn=_arn(named, alias.name),
        name=alias.name,
        function_version=alias.version,
        description=alias.description,
        routing_config=(
            api.AliasRoutingConfiguration(additional_version_weights=alias.weights) if alias.weights else None
        ),
        revision_id=alias.revision_id,
    )


def _checked(tx: Tx, named: FunctionReference, alias: Alias) -> Alias:
    """Refuse an alias whose versions do not exist or cannot share calls."""
    if len(alias.weights) > 1:
        raise InvalidParameterValue("Number of items in AdditionalVersionWeights cannot be greater than 1")
    for version, weight in alias.weights.items():
        if alias.version == LATEST or version == LATEST:
            raise InvalidParameterValue("$LATEST is not supported for an alias pointing to more than 1 version")
        if not version.isdigit() or not 0.0 <= weight <= 1.0:
            raise InvalidParameterValue(f"Invalid value for version weight: {version}={weight}")
        if version == alias.version:
            raise InvalidParameterValue(
                f"Invalid function version {version}. Function version {version} is already included in routing "
                "configuration."
            )
    frozen: list[Configuration] = []
    for number in (alias.version, *alias.weights):
        if number == LATEST:
            continue
        found = found_version(tx.documents, named.scope, named.name, number)
        if found is None:
            raise ResourceNotFound(f"Function not found: {named.arn}:{number}")
        frozen.append(found.configuration)
    if len({(each.role, each.dead_letter_arn) for each in frozen}) > 1:
        raise InvalidParameterValue(
            "The versions of an alias that share its calls must have the same execution role and the same dead-letter target."
        )
    return alias


def _stored(tx: Tx, named: FunctionReference, alias: Alias) -> api.AliasConfiguration:
    ALIASES.put(tx.documents, named.scope, alias.name, alias, parent=named.name)
    return _described(named, alias)


def _weights(config: api.AliasRoutingConfiguration | None) -> dict[str, float]:
    return {} if config is None else dict(config.additional_version_weights or {})


def check_unaliased(tx: Tx, named: FunctionReference, version: str) -> None:
    """Refuse to delete a version that an alias points to.

    Raises   ResourceConflict.
    """
    for name, alias in ALIASES.page(tx.documents, named.scope, parent=named.name, count_max=ALIASES_MAX):
        if version == alias.version or version in alias.weights:
            raise ResourceConflict(
                f"Version {named.arn}:{version} cannot be deleted because alias {name} points to it."
            )


@operation("CreateAlias")
def create_alias(ctx: Context, tx: Tx, inp: api.CreateAliasRequest) -> api.AliasConfiguration:
    """Name a version.

    Raises   ResourceNotFound for an unknown function or version; ResourceConflict when the alias exists;
             InvalidParameterValue for weights that cannot be.
    """
    named = reference(ctx, inp.function_name)
    found_function(tx.documents, named)
    if ALIASES.get(tx.documents, named.scope, inp.name, parent=named.name) is not None:
        raise ResourceConflict(f"Alias already exists: {_arn(named, inp.name)}")
    if ALIASES.count(tx.documents, named.scope, parent=named.name) >= ALIASES_MAX:
        raise AliasLimitExceeded()
    alias = Alias(
        name=inp.name,
        version=inp.function_version,
        revision_id=ctx.ids.uuid(),
        description=inp.description or "",
        weights=_weights(inp.routing_config),
    )
    return _stored(tx, named, _checked(tx, named, alias))


@operation("GetAlias", reads=True)
def get_alias(ctx: Context, tx: Tx, inp: api.GetAliasRequest) -> api.AliasConfiguration:
    """An alias.

    Raises   ResourceNotFound.
    """
    named = reference(ctx, inp.function_name)
    found_function(tx.documents, named)
    alias = ALIASES.get(tx.documents, named.scope, inp.name, parent=named.name)
    if alias is None:
        raise ResourceNotFound(f"Cannot find alias arn: {_arn(named, inp.name)}")
    return _described(named, alias)


@operation("UpdateAlias")
def update_alias(ctx: Context, tx: Tx, inp: api.UpdateAliasRequest) -> api.AliasConfiguration:
    """Point an alias elsewhere; an empty RoutingConfig ends the sharing.

    Raises   ResourceNotFound, PreconditionFailed, InvalidParameterValue; ResourceConflict when it has provisioned concurrency and
             so has the version. Provisioned concurrency moves with the alias.
    """
    named = reference(ctx, inp.function_name)
    found_function(tx.documents, named)
    alias = ALIASES.get(tx.documents, named.scope, inp.name, parent=named.name)
    if alias is None:
        raise ResourceNotFound(f"Alias not found: {_arn(named, inp.name)}")
    if inp.revision_id and inp.revision_id != alias.revision_id:
        raise PreconditionFailed()
    changed = msgspec.structs.replace(
        alias,
        revision_id=ctx.ids.uuid(),
        version=inp.function_version or alias.version,
        description=alias.description if inp.description is None else inp.description,
        weights=alias.weights if inp.routing_config is None else _weights(inp.routing_config),
    )
    check_provisioned_alias(tx, named, _checked(tx, named, changed))
    return _stored(tx, named, changed)


@operation("DeleteAlias")
def delete_alias(ctx: Context, tx: Tx, inp: api.DeleteAliasRequest) -> api.Empty:
    """Remove an alias with its policy, its event invoke config and its provisioned concurrency; no alias is no error."""
    named = reference(ctx, inp.function_name)
    found_function(tx.documents, named)
    ALIASES.delete(tx.documents, named.scope, inp.name, parent=named.name)
    POLICIES.delete(tx.documents, named.scope, policy_key(inp.name), parent=named.name)
    EVENT_INVOKE_CONFIGS.delete(tx.documents, named.scope, inp.name, parent=named.name)
    remove_provisioned(tx, FunctionReference(named.scope, named.name, inp.name))
    return api.Empty()


@operation("ListAliases", reads=True)
def list_aliases(ctx: Context, tx: Tx, inp: api.ListAliasesRequest) -> api.ListAliasesResponse:
    """Aliases by name, or those that point to one version."""
    named = reference(ctx, inp.function_name)
    found_function(tx.documents, named)
    size = pages.page_size(inp.max_items)
    rows: list[tuple[str, api.AliasConfiguration]] = []
    start = pages.after(inp.marker)
    while len(rows) <= size:
        batch = ALIASES.page(tx.documents, named.scope, parent=named.name, after=start, count_max=size + 1)
        rows += [
            (name, _described(named, alias))
            for name, alias in batch
            if inp.function_version in (None, alias.version, *alias.weights)
        ]
        if len(batch) <= size:
            break
        start = batch[-1][0]
    aliases, marker = pages.cut(rows, size)
    return api.ListAliasesResponse(aliases=aliases, next_marker=marker)
