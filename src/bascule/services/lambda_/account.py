"""Account figures, and the settings of a function that stand apart: code signing, runtime updates, recursion."""

from __future__ import annotations

import msgspec

from bascule.api import lambda_ as api
from bascule.kernel.context import Context
from bascule.kernel.errors import NotImplementedHere
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.services.lambda_ import limits
from bascule.services.lambda_.concurrency import reserved_by_others
from bascule.services.lambda_.names import reference
from bascule.services.lambda_.resolution import configuration_of, found_function
from bascule.services.lambda_.state import FUNCTIONS


@operation("GetAccountSettings", reads=True)
def get_account_settings(ctx: Context, tx: Tx, inp: api.GetAccountSettingsRequest) -> api.GetAccountSettingsResponse:
    """Limits and usage of the account in this region. Code of published versions is not counted again."""
    used = 0
    count = 0
    after = ""
    while page := FUNCTIONS.page(tx.documents, ctx.scope, after=after, count_max=500):
        used += sum(function.latest.code_bytes for _, function in page)
        count += len(page)
        after = page[-1][0]
    concurrency = ctx.settings.concurrency_max
    return api.GetAccountSettingsResponse(
        account_limit=api.AccountLimit(
            total_code_size=limits.CODE_STORAGE_BYTES_MAX,
            code_size_unzipped=limits.UNZIPPED_BYTES_MAX,
            code_size_zipped=limits.ZIPPED_BYTES_MAX,
            concurrent_executions=concurrency,
            unreserved_concurrent_executions=max(0, concurrency - reserved_by_others(ctx, tx)),
        ),
        account_usage=api.AccountUsage(total_code_size=used, function_count=count),
    )


@operation("GetFunctionCodeSigningConfig", reads=True)
def get_function_code_signing_config(
    ctx: Context, tx: Tx, inp: api.GetFunctionCodeSigningConfigRequest
) -> api.GetFunctionCodeSigningConfigResponse:
    """Which code signing applies: none, shown as AWS shows a function without any."""
    named = reference(ctx, inp.function_name)
    found_function(tx.documents, named)
    return api.GetFunctionCodeSigningConfigResponse(function_name=named.name)


@operation("GetRuntimeManagementConfig", reads=True)
def get_runtime_management_config(
    ctx: Context, tx: Tx, inp: api.GetRuntimeManagementConfigRequest
) -> api.GetRuntimeManagementConfigResponse:
    """How the runtime is kept up to date. There is one build of each runtime here, so it is always ``Auto``."""
    named = reference(ctx, inp.function_name, inp.qualifier)
    function = found_function(tx.documents, named)
    configuration_of(tx.documents, named, function)
    return api.GetRuntimeManagementConfigResponse(update_runtime_on="Auto", function_arn=named.qualified_arn)


@operation("PutRuntimeManagementConfig")
def put_runtime_management_config(
    ctx: Context, tx: Tx, inp: api.PutRuntimeManagementConfigRequest
) -> api.PutRuntimeManagementConfigResponse:
    """Accept ``Auto``; anything else would promise a choice between builds that does not exist here.

    Raises   ResourceNotFound; NotImplementedHere.
    """
    named = reference(ctx, inp.function_name, inp.qualifier)
    found_function(tx.documents, named)
    if inp.update_runtime_on != "Auto":
        raise NotImplementedHere("Bascule has one build of each runtime: UpdateRuntimeOn can only be Auto.")
    return api.PutRuntimeManagementConfigResponse(update_runtime_on="Auto", function_arn=named.qualified_arn)


@operation("GetFunctionRecursionConfig", reads=True)
def get_function_recursion_config(
    ctx: Context, tx: Tx, inp: api.GetFunctionRecursionConfigRequest
) -> api.GetFunctionRecursionConfigResponse:
    """What happens to a chain of invocations that comes back to the function about 16 times."""
    function = found_function(tx.documents, reference(ctx, inp.function_name))
    return api.GetFunctionRecursionConfigResponse(recursive_loop=function.recursive_loop)


@operation("PutFunctionRecursionConfig")
def put_function_recursion_config(
    ctx: Context, tx: Tx, inp: api.PutFunctionRecursionConfigRequest
) -> api.PutFunctionRecursionConfigResponse:
    """Allow or terminate recursive loops of a function."""
    named = reference(ctx, inp.function_name)
    function = found_function(tx.documents, named)
    changed = msgspec.structs.replace(function, recursive_loop=inp.recursive_loop)
    FUNCTIONS.put(tx.documents, named.scope, named.name, changed)
    return api.PutFunctionRecursionConfigResponse(recursive_loop=inp.recursive_loop)
