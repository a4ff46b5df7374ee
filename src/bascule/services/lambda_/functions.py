"""CreateFunction to DeleteFunction, except changing code and settings (``updates.py``).

Activation is instantaneous here, so the stored function is Active by commit; the answers still show what AWS's show first
(``Pending``), because waiters and templates look for the transition.
"""

from __future__ import annotations

from typing import Any

import msgspec

from bascule.api import lambda_ as api
from bascule.kernel.context import Context
from bascule.kernel.errors import NotImplementedHere
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.kernel.waiting import Perform
from bascule.services.lambda_ import pages
from bascule.services.lambda_.aliases import check_unaliased
from bascule.services.lambda_.configuration import changed_settings, check_settings, describe, log_group_of
from bascule.services.lambda_.errors import InvalidParameterValue, ResourceConflict
from bascule.services.lambda_.function_url_model import remove_urls
from bascule.services.lambda_.layer_mounts import check_whole_size, checked_layers
from bascule.services.lambda_.model import LATEST, Configuration, DeletedQueue, Function
from bascule.services.lambda_.names import FunctionReference, checked_new_name, reference
from bascule.services.lambda_.packages import NO_IMAGES, checked_package, unpacked_bytes
from bascule.services.lambda_.provisioned_model import remove_provisioned
from bascule.services.lambda_.resolution import configuration_of, found_function, not_found
from bascule.services.lambda_.state import (
    CHILDREN,
    DELETED_QUEUES,
    EVENT_INVOKE_CONFIGS,
    FUNCTIONS,
    PACKAGE_DROPPED_SIGNAL,
    POLICIES,
    VERSIONS,
    changed_signal,
    policy_key,
    version_key,
)
from bascule.services.lambda_.tags import checked_tags
from bascule.services.lambda_.versions import publish

#: Members of CreateFunction that nothing here acts on, whatever their value.
NOT_BUILT = (
    "PublishTo",
    "CodeSigningConfigArn",
    "ImageConfig",
    "TenancyConfig",
    "CapacityProviderConfig",
    "DurableConfig",
    "RuntimeConfig",
    "AcceleratorConfig",
    "Code.SourceKMSKeyArn",
    "Code.S3ObjectStorageMode",
)


@operation("CreateFunction", refuses=NOT_BUILT)
def create_function(ctx: Context, tx: Tx, inp: api.CreateFunctionRequest) -> api.FunctionConfiguration | Perform:
    """Create a function from a zip file.

    Gives    the configuration with ``State: Pending``; a look-up right after shows ``Active``.
    Raises   InvalidParameterValue, ResourceConflict, RequestEntityTooLarge, NotImplementedHere.
    Promise  the package is on disk before the function names it.
    Differs  never refuses an Invoke while Pending: activation takes no time. The role is not checked beyond its form.
    """
    name = checked_new_name(ctx, inp.function_name)
    if FUNCTIONS.get(tx.documents, ctx.scope, name) is not None:
        raise ResourceConflict(f"Function already exist: {name}")
    check_settings(inp)
    code = inp.code
    if inp.package_type == "Image":
        raise NotImplementedHere(NO_IMAGES)
    package = checked_package(
        zip_file=code.zip_file,
        s3_bucket=code.s3_bucket,
        s3_key=code.s3_key,
        s3_object_version=code.s3_object_version,
        image_uri=code.image_uri,
    )
    if inp.runtime is None or inp.handler is None:
        raise InvalidParameterValue(
            "Runtime and Handler are mandatory parameters for functions created with deployment packages."
        )
    tags = checked_tags({}, inp.tags or {})
    layers = checked_layers(ctx, tx, inp.layers or [])
    unpacked = unpacked_bytes(package)
    check_whole_size(unpacked, layers)
    digest = stored_digest(ctx, package)
    if isinstance(digest, Perform):
        return digest
    settings: dict[str, Any] = {"log_group": log_group_of(name), **changed_settings(inp)}
    function = Function(
        uuid=ctx.ids.uuid(),
        name=name,
        tags=tags,
        latest=Configuration(
            environment_id=ctx.ids.uuid(),
            revision_id=ctx.ids.uuid(),
            modified_ms=ctx.now_ms,
            code_digest=digest,
            code_bytes=len(package),
            unpacked_bytes=unpacked,
            layers=layers,
            architecture=inp.architectures[0] if inp.architectures else "x86_64",
            **settings,
        ),
    )
    version = LATEST
    if inp.publish:
        function, published = publish(ctx, tx, ctx.scope, function, description=None)
        version = str(published.number)
    FUNCTIONS.put(tx.documents, ctx.scope, name, function)
    tx.notify(changed_signal(ctx.scope, name))
    named = FunctionReference(ctx.scope, name, None)
    shown = describe(ctx.scope, name, function.latest, version=version, arn=named.arn)
    return msgspec.structs.replace(
        shown,
        revision_id=ctx.ids.uuid(),
        state="Pending",
        state_reason="The function is being created.",
        state_reason_code="Creating",
        last_update_status=None,
    )


def stored_digest(ctx: Context, package: bytes) -> str | Perform:
    """The digest of a package once its bytes are durable; before that, what to perform first."""
    if ctx.resume is None:
        return Perform("blobs", package)
    if isinstance(ctx.resume, BaseException):
        raise ctx.resume
    assert isinstance(ctx.resume, str)
    return ctx.resume


def _described(ctx: Context, tx: Tx, named: FunctionReference, function: Function) -> api.FunctionConfiguration:
    version, configuration = configuration_of(tx.documents, named, function)
    return describe(named.scope, named.name, configuration, version=version, arn=named.named_arn)


@operation("GetFunction", reads=True)
def get_function(ctx: Context, tx: Tx, inp: api.GetFunctionRequest) -> api.GetFunctionResponse:
    """A function with where its package can be fetched, its tags and its reserved concurrency.

    Raises   ResourceNotFound.
    Differs  ``Code.Location`` is served by Bascule itself and does not expire.
    """
    named = reference(ctx, inp.function_name, inp.qualifier)
    function = found_function(tx.documents, named)
    _, configuration = configuration_of(tx.documents, named, function)
    reserved = function.reserved_concurrency
    return api.GetFunctionResponse(
        configuration=_described(ctx, tx, named, function),
        code=api.FunctionCodeLocation(
            repository_type="S3", location=f"{ctx.base_url}/_bascule/code/{configuration.code_digest}"
        ),
        tags=function.tags or None,
        concurrency=None if reserved is None else api.Concurrency(reserved_concurrent_executions=reserved),
    )


@operation("GetFunctionConfiguration", reads=True)
def get_function_configuration(
    ctx: Context, tx: Tx, inp: api.GetFunctionConfigurationRequest
) -> api.FunctionConfiguration:
    """The settings of a function, version or alias. The ARN is qualified only when the request is."""
    named = reference(ctx, inp.function_name, inp.qualifier)
    return _described(ctx, tx, named, found_function(tx.documents, named))


@operation("ListFunctions", reads=True, refuses=("MasterRegion",))
def list_functions(ctx: Context, tx: Tx, inp: api.ListFunctionsRequest) -> api.ListFunctionsResponse:
    """Functions by name, or with ``FunctionVersion=ALL`` every version of each."""
    size = pages.page_size(inp.max_items)
    start = pages.after(inp.marker)
    if inp.function_version == "ALL":
        rows = _every_version(ctx, tx, start, size + 1)
    else:
        rows = [
            (name, describe(ctx.scope, name, function.latest, version=LATEST, arn=_arn(ctx, name)))
            for name, function in FUNCTIONS.page(tx.documents, ctx.scope, after=start, count_max=size + 1)
        ]
    shown, marker = pages.cut(rows, size)
    return api.ListFunctionsResponse(functions=shown, next_marker=marker)


def _arn(ctx: Context, name: str) -> str:
    return ctx.scope.arn("lambda", f"function:{name}")


def _every_version(ctx: Context, tx: Tx, start: str, count: int) -> list[tuple[str, api.FunctionConfiguration]]:
    """Up to ``count`` versions after ``start`` (``name:version key``; the key of ``$LATEST`` is empty)."""
    rows: list[tuple[str, api.FunctionConfiguration]] = []
    first_name, _, first_key = start.partition(":")
    functions = FUNCTIONS.page(tx.documents, ctx.scope, after=first_name, count_max=count)
    if start and (current := FUNCTIONS.get(tx.documents, ctx.scope, first_name)) is not None:
        functions = [(first_name, current), *functions]
    for name, function in functions:
        arn = _arn(ctx, name)
        is_continued = bool(start) and name == first_name
        if not is_continued:
            shown = describe(ctx.scope, name, function.latest, version=LATEST, arn=f"{arn}:{LATEST}")
            rows.append((f"{name}:", shown))
        versions = VERSIONS.page(
            tx.documents, ctx.scope, parent=name, after=first_key if is_continued else "", count_max=count
        )
        for key, version in versions:
            number = str(version.number)
            shown = describe(ctx.scope, name, version.configuration, version=number, arn=f"{arn}:{number}")
            rows.append((f"{name}:{key}", shown))
        if len(rows) >= count:
            break
    return rows[:count]


@operation("DeleteFunction")
def delete_function(ctx: Context, tx: Tx, inp: api.DeleteFunctionRequest) -> api.DeleteFunctionResponse:
    """Delete a function with everything that belongs to it, or one published version.

    Raises   ResourceNotFound when there is no such function; InvalidParameterValue for ``$LATEST``.
    Promise  events that wait in its asynchronous queue are dropped; event source mappings and logs stay.
    """
    named = reference(ctx, inp.function_name, inp.qualifier)
    function = FUNCTIONS.get(tx.documents, named.scope, named.name)
    if function is None:
        raise not_found(named)
    if named.qualifier is None:
        _delete_whole(tx, named, function)
    elif named.qualifier == LATEST:
        raise InvalidParameterValue("$LATEST version cannot be deleted without deleting the function.")
    elif named.qualifier.isdigit():
        check_unaliased(tx, named, named.qualifier)
        VERSIONS.delete(tx.documents, named.scope, version_key(int(named.qualifier)), parent=named.name)
        POLICIES.delete(tx.documents, named.scope, policy_key(named.qualifier), parent=named.name)
        EVENT_INVOKE_CONFIGS.delete(tx.documents, named.scope, named.qualifier, parent=named.name)
        remove_provisioned(tx, named)
        tx.notify(PACKAGE_DROPPED_SIGNAL)
    else:
        raise InvalidParameterValue("Deletion of aliases is not currently supported.")
    return api.DeleteFunctionResponse(status_code=204)


def _delete_whole(tx: Tx, named: FunctionReference, function: Function) -> None:
    for collection in CHILDREN:
        while rows := tx.documents.page(collection.kind, named.scope, named.name):
            for child, _ in rows:
                collection.delete(tx.documents, named.scope, child, parent=named.name)
    remove_urls(tx.documents, named)
    remove_provisioned(tx, named)
    FUNCTIONS.delete(tx.documents, named.scope, named.name)
    DELETED_QUEUES.put(tx.documents, named.scope, function.uuid, DeletedQueue(uuid=function.uuid))
    tx.notify(changed_signal(named.scope, named.name))
