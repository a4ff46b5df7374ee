"""What is kept of provisioned concurrency, and where it lies.

All configurations of an account and region lie side by side, named by function and qualifier, because what they take from
the account's concurrency is asked for more often than any one of them.
"""

from __future__ import annotations

from collections import Counter

import msgspec

from bascule.kernel.documents import Collection, Documents
from bascule.kernel.scope import Scope
from bascule.kernel.store import Tx
from bascule.services.lambda_.names import FunctionReference
from bascule.services.lambda_.state import PROVISIONED_SIGNAL


class ProvisionedConcurrency(msgspec.Struct, frozen=True, kw_only=True):
    """How many environments a version or alias asks to have ready."""

    requested: int
    modified_ms: int


#: name: ``provisioned_key``.
PROVISIONED = Collection("lambda.provisioned-concurrency", ProvisionedConcurrency)
_PAGE = 500


def provisioned_key(name: str, qualifier: str) -> str:
    """The document name of a configuration. Function names have no colon, so those of one function share a beginning."""
    return f"{name}:{qualifier}"


def provisioned_of(documents: Documents, scope: Scope, name: str, qualifier: str) -> ProvisionedConcurrency | None:
    """The configuration of a version or alias."""
    return PROVISIONED.get(documents, scope, provisioned_key(name, qualifier))


def provisioned_totals(documents: Documents, scope: Scope, name: str | None = None) -> Counter[str]:
    """Function name -> what all its configurations ask for together; of one function when ``name`` is given."""
    totals: Counter[str] = Counter()
    prefix = "" if name is None else provisioned_key(name, "")
    after = ""
    while rows := PROVISIONED.page(documents, scope, prefix=prefix, after=after, count_max=_PAGE):
        for key, config in rows:
            totals[key.partition(":")[0]] += config.requested
        after = rows[-1][0]
    return totals


def remove_provisioned(tx: Tx, named: FunctionReference) -> None:
    """Remove the configuration of a version or alias that goes away; all of them when the function itself goes."""
    tx.notify(PROVISIONED_SIGNAL)
    if named.qualifier is not None:
        PROVISIONED.delete(tx.documents, named.scope, provisioned_key(named.name, named.qualifier))
        return
    while rows := PROVISIONED.page(tx.documents, named.scope, prefix=provisioned_key(named.name, ""), count_max=_PAGE):
        for key, _ in rows:
            PROVISIONED.delete(tx.documents, named.scope, key)
