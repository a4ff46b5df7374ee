"""From the name of a function to what runs: qualifier, alias weights, and the ``FunctionVersion`` a runtime is given."""

from __future__ import annotations

from functools import lru_cache

from bascule.kernel.documents import Documents
from bascule.kernel.ids import Ids
from bascule.kernel.invocation import FunctionVersion
from bascule.kernel.scope import Scope
from bascule.services.lambda_.errors import ResourceNotFound
from bascule.services.lambda_.model import LATEST, Alias, Configuration, Function, Version
from bascule.services.lambda_.names import FunctionReference
from bascule.services.lambda_.state import ALIASES, FUNCTIONS, VERSIONS, version_key


def found_function(documents: Documents, named: FunctionReference) -> Function:
    """The function.

    Raises   ResourceNotFound, naming the ARN as the caller did.
    """
    function = FUNCTIONS.get(documents, named.scope, named.name)
    if function is None:
        raise not_found(named)
    return function


def not_found(named: FunctionReference) -> ResourceNotFound:
    """What is answered for a function, version or alias that does not exist."""
    return ResourceNotFound(f"Function not found: {named.named_arn}")


def found_version(documents: Documents, scope: Scope, name: str, number: str) -> Version | None:
    """A published version by its number as text; None when there is none."""
    return VERSIONS.get(documents, scope, version_key(int(number)), parent=name)


def chosen_version(alias: Alias, chance: float) -> str:
    """The version that one call of an alias goes to. ``chance`` is a uniform number in [0, 1)."""
    for version, weight in alias.weights.items():
        if chance < weight:
            return version
    return alias.version


def configuration_of(
    documents: Documents, named: FunctionReference, function: Function, *, chance: float = 1.0
) -> tuple[str, Configuration]:
    """The version a reference means and its configuration; an alias is resolved with ``chance`` (1.0: its main version).

    Raises   ResourceNotFound when the qualifier names neither a version nor an alias.
    """
    qualifier = named.qualifier
    if qualifier is None or qualifier == LATEST:
        return LATEST, function.latest
    number = qualifier
    if not qualifier.isdigit():
        alias = ALIASES.get(documents, named.scope, qualifier, parent=named.name)
        if alias is None:
            raise not_found(named)
        number = chosen_version(alias, chance)
        if number == LATEST:
            return LATEST, function.latest
    version = found_version(documents, named.scope, named.name, number)
    if version is None:
        raise not_found(named)
    return number, version.configuration


def resolved(documents: Documents, named: FunctionReference, ids: Ids) -> FunctionVersion:
    """What runs for one call of ``named``: chance is drawn only for aliases that share their calls.

    Raises   ResourceNotFound.
    """
    function = found_function(documents, named)
    chance = ids.random() if named.qualifier is not None and not named.qualifier.isdigit() else 1.0
    number, configuration = configuration_of(documents, named, function, chance=chance)
    return function_version(named.scope, function, number, configuration)


def function_version(scope: Scope, function: Function, number: str, configuration: Configuration) -> FunctionVersion:
    """The runtime's view of a version; the same object again for the same version of the same configuration."""
    return _function_version(
        scope, function.name, number, configuration.environment_id, _Held(configuration), function.reserved_concurrency
    )


class _Held:
    """A configuration as part of the cache's key: found by ``environment_id``, which names it, and then compared.

    The comparison makes the cache a pure function of what is stored: ids that repeat, as those of two simulated worlds with
    one seed do, cannot bring up another function's code.
    """

    __slots__ = ("configuration",)

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Held) and self.configuration == other.configuration

    def __hash__(self) -> int:
        return 0


@lru_cache(maxsize=4_096)
def _function_version(
    scope: Scope, name: str, number: str, environment_id: str, held: _Held, reserved_concurrency: int | None
) -> FunctionVersion:
    configuration = held.configuration
    return FunctionVersion(
        scope=scope,
        name=name,
        version=number,
        revision_id=environment_id,
        runtime=configuration.runtime,
        handler=configuration.handler,
        code_digest=configuration.code_digest,
        layer_digests=tuple(layer.code_digest for layer in configuration.layers),
        environment=configuration.environment or {},
        timeout_s=configuration.timeout_s,
        memory_mb=configuration.memory_mb,
        tmp_mb=configuration.tmp_mb,
        role_arn=configuration.role,
        log_group=configuration.log_group,
        log_format=configuration.log_format,
        application_log_level=configuration.application_log_level,
        system_log_level=configuration.system_log_level,
        reserved_concurrency=reserved_concurrency,
    )
