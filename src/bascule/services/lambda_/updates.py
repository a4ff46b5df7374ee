"""UpdateFunctionCode and UpdateFunctionConfiguration.

An update is a new configuration with new ids: environments of the old one finish what they run, later invocations use the
new one, also for events that were queued before.
"""

from __future__ import annotations

from typing import Any

import msgspec

from bascule.api import lambda_ as api
from bascule.kernel.context import Context
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.kernel.waiting import Perform
from bascule.services.lambda_.configuration import changed_settings, check_settings, describe
from bascule.services.lambda_.errors import InvalidParameterValue
from bascule.services.lambda_.functions import stored_digest
from bascule.services.lambda_.layer_mounts import check_whole_size, checked_layers
from bascule.services.lambda_.model import LATEST, Configuration, Function
from bascule.services.lambda_.names import FunctionReference, of_latest
from bascule.services.lambda_.packages import checked_package, unpacked_bytes
from bascule.services.lambda_.resolution import found_function
from bascule.services.lambda_.state import FUNCTIONS, changed_signal
from bascule.services.lambda_.versions import check_revision, publish


def _renewed(ctx: Context, configuration: Configuration, changes: dict[str, Any]) -> Configuration:
    return msgspec.structs.replace(
        configuration,
        environment_id=ctx.ids.uuid(),
        revision_id=ctx.ids.uuid(),
        modified_ms=ctx.now_ms,
        **changes,
    )


def _in_progress(ctx: Context, shown: api.FunctionConfiguration) -> api.FunctionConfiguration:
    return msgspec.structs.replace(
        shown,
        revision_id=ctx.ids.uuid(),
        last_update_status="InProgress",
        last_update_status_reason="The function is being created.",
        last_update_status_reason_code="Creating",
    )


def _shown(named: FunctionReference, configuration: Configuration) -> api.FunctionConfiguration:
    return describe(named.scope, named.name, configuration, version=LATEST, arn=named.arn)


def _stored(tx: Tx, named: FunctionReference, function: Function) -> None:
    FUNCTIONS.put(tx.documents, named.scope, named.name, function)
    tx.notify(changed_signal(named.scope, named.name))


@operation("UpdateFunctionCode", refuses=("PublishTo", "SourceKMSKeyArn", "S3ObjectStorageMode"))
def update_function_code(
    ctx: Context, tx: Tx, inp: api.UpdateFunctionCodeRequest
) -> api.FunctionConfiguration | Perform:
    """Replace the package of ``$LATEST``.

    Gives    the configuration with ``LastUpdateStatus: InProgress``; a look-up right after shows ``Successful``. With
             ``Publish`` the new version, ``Pending``.
    Raises   ResourceNotFound, PreconditionFailed, InvalidParameterValue, RequestEntityTooLarge, NotImplementedHere.
    Promise  the package is on disk before the function names it. ``DryRun`` changes nothing.
    """
    named = of_latest(ctx, inp.function_name)
    function = found_function(tx.documents, named)
    check_revision(inp.revision_id, function.latest.revision_id)
    if inp.image_uri is not None and not inp.zip_file:
        raise InvalidParameterValue("Please don't provide ImageUri when updating a function with packageType Zip.")
    package = checked_package(
        zip_file=inp.zip_file,
        s3_bucket=inp.s3_bucket,
        s3_key=inp.s3_key,
        s3_object_version=inp.s3_object_version,
        image_uri=inp.image_uri,
    )
    unpacked = unpacked_bytes(package)
    check_whole_size(unpacked, function.latest.layers)
    if inp.dry_run:
        return _shown(named, function.latest)
    digest = stored_digest(ctx, package)
    if isinstance(digest, Perform):
        return digest
    changes: dict[str, Any] = {"code_digest": digest, "code_bytes": len(package), "unpacked_bytes": unpacked}
    if inp.architectures:
        changes["architecture"] = inp.architectures[0]
    function = msgspec.structs.replace(function, latest=_renewed(ctx, function.latest, changes))
    if inp.publish:
        function, version = publish(ctx, tx, named.scope, function, description=None)
        _stored(tx, named, function)
        number = str(version.number)
        shown = describe(named.scope, named.name, version.configuration, version=number, arn=f"{named.arn}:{number}")
        return msgspec.structs.replace(
            shown,
            state="Pending",
            state_reason="The function is being created.",
            state_reason_code="Creating",
            last_update_status=None,
        )
    _stored(tx, named, function)
    return _in_progress(ctx, _shown(named, function.latest))


@operation(
    "UpdateFunctionConfiguration",
    refuses=("ImageConfig", "CapacityProviderConfig", "DurableConfig", "RuntimeConfig", "AcceleratorConfig"),
)
def update_function_configuration(
    ctx: Context, tx: Tx, inp: api.UpdateFunctionConfigurationRequest
) -> api.FunctionConfiguration:
    """Change the settings that the request names; the others stay.

    Gives    the configuration with ``LastUpdateStatus: InProgress``; a look-up right after shows ``Successful``.
    Raises   ResourceNotFound, PreconditionFailed, InvalidParameterValue, NotImplementedHere.
    Differs  a second update at once is accepted: the first has already ended.
    """
    named = of_latest(ctx, inp.function_name)
    function = found_function(tx.documents, named)
    check_revision(inp.revision_id, function.latest.revision_id)
    check_settings(inp, log_format=function.latest.log_format)
    changes = changed_settings(inp)
    if inp.layers is not None:
        changes["layers"] = layers = checked_layers(ctx, tx, inp.layers)
        check_whole_size(function.latest.unpacked_bytes, layers)
    latest = _renewed(ctx, function.latest, changes)
    _stored(tx, named, msgspec.structs.replace(function, latest=latest))
    return _in_progress(ctx, _shown(named, latest))
