"""Reserved concurrency: at once a function's guarantee and its ceiling; 0 stops it."""

from __future__ import annotations

import msgspec

from bascule.api import lambda_ as api
from bascule.kernel.context import Context
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.services.lambda_.errors import InvalidParameterValue
from bascule.services.lambda_.limits import UNRESERVED_CONCURRENCY_MIN
from bascule.services.lambda_.names import reference, unqualified
from bascule.services.lambda_.provisioned_model import provisioned_totals
from bascule.services.lambda_.resolution import found_function
from bascule.services.lambda_.state import FUNCTIONS, changed_signal

FUNCTIONS_ONLY = (
    "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. "
    "Please specify either a function name or an unqualified function ARN."
)


def reserved_by_others(ctx: Context, tx: Tx, name: str = "") -> int:
    """How much of the account's concurrency functions other than ``name`` have reserved or, without that, provisioned."""
    reserved = 0
    provisioned = provisioned_totals(tx.documents, ctx.scope)
    after = ""
    while page := FUNCTIONS.page(tx.documents, ctx.scope, after=after, count_max=500):
        for other, function in page:
            if other != name:
                own = function.reserved_concurrency
                reserved += provisioned[other] if own is None else own
        after = page[-1][0]
    return reserved


@operation("PutFunctionConcurrency")
def put_function_concurrency(ctx: Context, tx: Tx, inp: api.PutFunctionConcurrencyRequest) -> api.Concurrency:
    """Reserve concurrency.

    Raises   ResourceNotFound; InvalidParameterValue for a qualified name, for less than the function has provisioned, or when
             fewer than 100 would stay unreserved.
    """
    named = unqualified(ctx, inp.function_name, FUNCTIONS_ONLY)
    function = found_function(tx.documents, named)
    reserved = inp.reserved_concurrent_executions
    provisioned = provisioned_totals(tx.documents, named.scope, named.name)[named.name]
    if reserved < provisioned:
        raise InvalidParameterValue(
            f" ReservedConcurrentExecutions  {reserved} should not be lower than function's total provisioned concurrency "
            f"[{provisioned}]."
        )
    left = ctx.settings.concurrency_max - reserved_by_others(ctx, tx, named.name) - reserved
    if reserved and left < UNRESERVED_CONCURRENCY_MIN:
        raise InvalidParameterValue(
            "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution "
            f"below its minimum value of [{UNRESERVED_CONCURRENCY_MIN}]."
        )
    changed = msgspec.structs.replace(function, reserved_concurrency=reserved)
    FUNCTIONS.put(tx.documents, named.scope, named.name, changed)
    tx.notify(changed_signal(named.scope, named.name))
    return api.Concurrency(reserved_concurrent_executions=reserved)


@operation("GetFunctionConcurrency", reads=True)
def get_function_concurrency(
    ctx: Context, tx: Tx, inp: api.GetFunctionConcurrencyRequest
) -> api.GetFunctionConcurrencyResponse:
    """The reserved concurrency; an empty answer when none is reserved."""
    function = found_function(tx.documents, reference(ctx, inp.function_name))
    return api.GetFunctionConcurrencyResponse(reserved_concurrent_executions=function.reserved_concurrency)


@operation("DeleteFunctionConcurrency")
def delete_function_concurrency(ctx: Context, tx: Tx, inp: api.DeleteFunctionConcurrencyRequest) -> api.Empty:
    """Give the reserved concurrency back."""
    named = unqualified(ctx, inp.function_name, FUNCTIONS_ONLY)
    function = found_function(tx.documents, named)
    changed = msgspec.structs.replace(function, reserved_concurrency=None)
    FUNCTIONS.put(tx.documents, named.scope, named.name, changed)
    tx.notify(changed_signal(named.scope, named.name))
    return api.Empty()
