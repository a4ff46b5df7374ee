"""What the concurrency of accounts is promised to: reservations of functions, and environments to keep initialised.

Read by whoever tells the runtime (``bascule.pollers.allocations``), not per invocation. A weighted alias splits what it has
provisioned between its two versions as it splits its calls, as AWS does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import msgspec

from bascule.kernel.invocation import FunctionVersion, Provision
from bascule.kernel.scope import Scope
from bascule.kernel.store import Tx
from bascule.services.lambda_.model import LATEST, Function
from bascule.services.lambda_.provisioned_model import PROVISIONED
from bascule.services.lambda_.resolution import found_version, function_version
from bascule.services.lambda_.state import ALIASES, FUNCTIONS


class Reservations(msgspec.Struct, frozen=True):
    """``reserved``: (scope, function name) -> reserved concurrency. ``used``: functions of the packages asked for."""

    reserved: dict[tuple[Scope, str], int]
    used: list[FunctionVersion]


def reservations(tx: Tx, packages: Collection[str] = ()) -> Reservations:
    """All reservations of all accounts and regions, and the functions made of some packages, given by digest."""
    reserved: dict[tuple[Scope, str], int] = {}
    used: list[FunctionVersion] = []
    for key, function in FUNCTIONS.every(tx.documents):
        if function.reserved_concurrency is not None:
            reserved[key.scope, key.name] = function.reserved_concurrency
        if function.latest.code_digest in packages:
            used.append(function_version(key.scope, function, LATEST, function.latest))
    return Reservations(reserved, used)


def reservation(tx: Tx, scope: Scope, name: str) -> int | None:
    """What one function has reserved; None when it has nothing, or does not exist."""
    function = FUNCTIONS.get(tx.documents, scope, name)
    return None if function is None else function.reserved_concurrency


def provisions(tx: Tx) -> list[Provision]:
    """All environments to keep, of all accounts and regions, oldest configuration first."""
    found = sorted(PROVISIONED.every(tx.documents), key=lambda row: row[1].modified_ms)
    wishes: list[Provision] = []
    for key, config in found:
        name, _, qualifier = key.name.partition(":")
        function = FUNCTIONS.get(tx.documents, key.scope, name)
        if function is None:
            continue
        owner = f"{key.scope.arn('lambda', f'function:{name}')}:{qualifier}"
        for version, count in _shares(tx, key.scope, function, qualifier, config.requested):
            wishes.append(Provision(owner=owner, function=version, count=count, asked_ms=config.modified_ms))
    return wishes


def _shares(
    tx: Tx, scope: Scope, function: Function, qualifier: str, requested: int
) -> Iterator[tuple[FunctionVersion, int]]:
    counts = {qualifier: requested}
    if not qualifier.isdigit():
        alias = ALIASES.get(tx.documents, scope, qualifier, parent=function.name)
        if alias is None:
            return
        counts = {version: round(requested * weight) for version, weight in alias.weights.items()}
        counts[alias.version] = requested - sum(counts.values())
    for number, count in counts.items():
        version = found_version(tx.documents, scope, function.name, number) if number.isdigit() else None
        if version is not None and count:
            yield function_version(scope, function, number, version.configuration), count
