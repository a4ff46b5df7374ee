"""Layers: packages that several functions share, published as numbered versions.

A version is frozen, and a function keeps the package it was given: deleting a version hides it from new functions and
changes nothing for those that have it.
"""

from __future__ import annotations

import msgspec

from bascule.api import lambda_ as api
from bascule.kernel.context import Context
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.kernel.waiting import Perform
from bascule.services.lambda_ import pages
from bascule.services.lambda_.configuration import timestamp
from bascule.services.lambda_.errors import AccessDenied, ResourceNotFound
from bascule.services.lambda_.functions import stored_digest
from bascule.services.lambda_.layer_access import usable_layer_version
from bascule.services.lambda_.layer_model import (
    LAYER_POLICIES,
    LAYER_VERSIONS,
    LAYERS,
    Layer,
    LayerVersion,
    layer_version_key,
)
from bascule.services.lambda_.layer_names import (
    LayerReference,
    checked_number,
    layer_reference,
    layer_version_reference,
)
from bascule.services.lambda_.packages import checked_package, code_sha256, unpacked_bytes
from bascule.services.lambda_.state import PACKAGE_DROPPED_SIGNAL


def _listed(layer: LayerReference, version: LayerVersion) -> api.LayerVersionsListItem:
    return api.LayerVersionsListItem(
        layer_version_arn=layer.version_arn(version.number),
        version=version.number,
        description=version.description,
        created_date=timestamp(version.created_ms),
        compatible_architectures=list(version.architectures) or None,
        compatible_runtimes=list(version.runtimes) or None,
        license_info=version.license_info,
    )


def _content(ctx: Context, version: LayerVersion) -> api.LayerVersionContentOutput:
    return api.LayerVersionContentOutput(
        location=f"{ctx.base_url}/_bascule/code/{version.code_digest}",
        code_sha256=code_sha256(version.code_digest),
        code_size=version.code_bytes,
    )


@operation("PublishLayerVersion", refuses=("Content.S3ObjectStorageMode",))
def publish_layer_version(
    ctx: Context, tx: Tx, inp: api.PublishLayerVersionRequest
) -> api.PublishLayerVersionResponse | Perform:
    """Publish a zip file as the next version of a layer; the first one makes the layer.

    Raises   InvalidParameterValue, RequestEntityTooLarge, NotImplementedHere for code in S3; AccessDenied for another
             account's layer.
    Promise  the package is on disk before the version names it; a number is never given out twice.
    """
    layer = layer_reference(ctx, inp.layer_name)
    if layer.scope != ctx.scope:
        raise AccessDenied()
    package = checked_package(
        zip_file=inp.content.zip_file,
        s3_bucket=inp.content.s3_bucket,
        s3_key=inp.content.s3_key,
        s3_object_version=inp.content.s3_object_version,
        image_uri=None,
    )
    digest = stored_digest(ctx, package)
    if isinstance(digest, Perform):
        return digest
    found = LAYERS.get(tx.documents, layer.scope, layer.name) or Layer(name=layer.name, version_newest=0)
    number = found.version_newest + 1
    version = LayerVersion(
        number=number,
        created_ms=ctx.now_ms,
        code_digest=digest,
        code_bytes=len(package),
        unpacked_bytes=unpacked_bytes(package),
        description=inp.description or "",
        license_info=inp.license_info,
        runtimes=tuple(inp.compatible_runtimes or ()),
        architectures=tuple(inp.compatible_architectures or ()),
    )
    LAYERS.put(tx.documents, layer.scope, layer.name, msgspec.structs.replace(found, version_newest=number))
    LAYER_VERSIONS.put(tx.documents, layer.scope, layer_version_key(number), version, parent=layer.name)
    listed = _listed(layer, version)
    return api.PublishLayerVersionResponse(
        content=_content(ctx, version),
        layer_arn=layer.arn,
        layer_version_arn=listed.layer_version_arn,
        description=listed.description,
        created_date=listed.created_date,
        version=number,
        compatible_architectures=listed.compatible_architectures,
        compatible_runtimes=listed.compatible_runtimes,
        license_info=listed.license_info,
    )


def _described(ctx: Context, tx: Tx, layer: LayerReference, number: int) -> api.GetLayerVersionResponse:
    version = usable_layer_version(ctx, tx, layer, number)
    if version is None:
        raise ResourceNotFound("The resource you requested does not exist.")
    listed = _listed(layer, version)
    return api.GetLayerVersionResponse(
        content=_content(ctx, version),
        layer_arn=layer.arn,
        layer_version_arn=listed.layer_version_arn,
        description=listed.description,
        created_date=listed.created_date,
        version=number,
        compatible_architectures=listed.compatible_architectures,
        compatible_runtimes=listed.compatible_runtimes,
        license_info=listed.license_info,
    )


@operation("GetLayerVersion", reads=True)
def get_layer_version(ctx: Context, tx: Tx, inp: api.GetLayerVersionRequest) -> api.GetLayerVersionResponse:
    """A version with where its package can be fetched.

    Raises   ResourceNotFound, InvalidParameterValue; AccessDenied for one of another account that does not share it.
    Differs  ``Content.Location`` is served by Bascule itself and does not expire.
    """
    return _described(ctx, tx, layer_reference(ctx, inp.layer_name), checked_number(inp.version_number))


@operation("GetLayerVersionByArn", reads=True)
def get_layer_version_by_arn(ctx: Context, tx: Tx, inp: api.GetLayerVersionByArnRequest) -> api.GetLayerVersionResponse:
    """The same, named by the ARN of the version."""
    layer, number = layer_version_reference(inp.arn)
    return _described(ctx, tx, layer, checked_number(number))


def _fits(version: LayerVersion, runtime: str | None, architecture: str | None) -> bool:
    return (runtime is None or runtime in version.runtimes) and (
        architecture is None or architecture in version.architectures
    )


def _fitting(
    tx: Tx, layer: LayerReference, start: str, count: int, runtime: str | None, architecture: str | None
) -> list[tuple[str, LayerVersion]]:
    """Up to ``count`` versions that fit what was asked for, newest first, after the key ``start``."""
    rows: list[tuple[str, LayerVersion]] = []
    while len(rows) < count:
        batch = LAYER_VERSIONS.page(tx.documents, layer.scope, parent=layer.name, after=start, count_max=count)
        rows += [(key, version) for key, version in batch if _fits(version, runtime, architecture)]
        if len(batch) < count:
            break
        start = batch[-1][0]
    return rows[:count]


@operation("ListLayerVersions", reads=True)
def list_layer_versions(ctx: Context, tx: Tx, inp: api.ListLayerVersionsRequest) -> api.ListLayerVersionsResponse:
    """Versions of a layer, newest first; an unknown layer has none."""
    layer = layer_reference(ctx, inp.layer_name)
    if layer.scope.account != ctx.scope.account:
        raise AccessDenied()
    size = pages.page_size(inp.max_items)
    rows = _fitting(tx, layer, pages.after(inp.marker), size + 1, inp.compatible_runtime, inp.compatible_architecture)
    versions, marker = pages.cut([(key, _listed(layer, version)) for key, version in rows], size)
    return api.ListLayerVersionsResponse(layer_versions=versions, next_marker=marker)


@operation("ListLayers", reads=True)
def list_layers(ctx: Context, tx: Tx, inp: api.ListLayersRequest) -> api.ListLayersResponse:
    """Layers by name, each with its newest version that fits; one without such a version is left out."""
    size = pages.page_size(inp.max_items)
    start = pages.after(inp.marker)
    rows: list[tuple[str, api.LayersListItem]] = []
    while len(rows) <= size:
        batch = LAYERS.page(tx.documents, ctx.scope, after=start, count_max=size + 1)
        for name, _ in batch:
            layer = LayerReference(ctx.scope, name)
            newest = _fitting(tx, layer, "", 1, inp.compatible_runtime, inp.compatible_architecture)
            if newest:
                shown = _listed(layer, newest[0][1])
                rows.append(
                    (name, api.LayersListItem(layer_name=name, layer_arn=layer.arn, latest_matching_version=shown))
                )
        if len(batch) <= size:
            break
        start = batch[-1][0]
    layers, marker = pages.cut(rows, size)
    return api.ListLayersResponse(layers=layers, next_marker=marker)


@operation("DeleteLayerVersion")
def delete_layer_version(ctx: Context, tx: Tx, inp: api.DeleteLayerVersionRequest) -> api.Empty:
    """Delete a version with its policy; one that does not exist is no error.

    Promise  functions that have it keep it.
    """
    layer = layer_reference(ctx, inp.layer_name)
    if layer.scope != ctx.scope:
        raise AccessDenied()
    key = layer_version_key(checked_number(inp.version_number))
    LAYER_VERSIONS.delete(tx.documents, layer.scope, key, parent=layer.name)
    LAYER_POLICIES.delete(tx.documents, layer.scope, key, parent=layer.name)
    tx.notify(PACKAGE_DROPPED_SIGNAL)
    return api.Empty()
