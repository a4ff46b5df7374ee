"""``Layers`` of a function: from the ARNs of a request to what is frozen with its configuration.

The package is named by its digest from then on, so a deleted version goes on working where it is used.
"""

from __future__ import annotations

from collections.abc import Sequence

from bascule.kernel.context import Context
from bascule.kernel.store import Tx
from bascule.services.lambda_.errors import InvalidParameterValue
from bascule.services.lambda_.layer_access import usable_layer_version
from bascule.services.lambda_.layer_names import layer_version_reference
from bascule.services.lambda_.limits import LAYERS_MAX, UNZIPPED_BYTES_MAX
from bascule.services.lambda_.model import MountedLayer


def checked_layers(ctx: Context, tx: Tx, arns: Sequence[str]) -> tuple[MountedLayer, ...]:
    """The layers that a request names, in mount order: later ones are unpacked over earlier ones.

    Raises   InvalidParameterValue for more than 5, an ARN without a number, one of another region, one that does not exist,
             and two versions of one layer; AccessDenied for one of another account that does not share it.
    """
    if len(arns) > LAYERS_MAX:
        raise InvalidParameterValue(f"Cannot reference more than {LAYERS_MAX} layers.")
    mounted: dict[str, MountedLayer] = {}
    for arn in arns:
        layer, number = layer_version_reference(arn)
        if layer.scope.region != ctx.scope.region:
            raise InvalidParameterValue(
                "Layers are not in the same region as the function. "
                f"Layers are expected to be in region {ctx.scope.region}."
            )
        if (other := mounted.get(layer.arn)) is not None:
            raise InvalidParameterValue(
                "Two different versions of the same layer are not allowed to be referenced in the same function. "
                f"{arn} and {other.arn} are versions of the same layer."
            )
        version = usable_layer_version(ctx, tx, layer, number)
        if version is None:
            raise InvalidParameterValue(f"Layer version {arn} does not exist.")
        mounted[layer.arn] = MountedLayer(
            arn=arn,
            code_digest=version.code_digest,
            code_bytes=version.code_bytes,
            unpacked_bytes=version.unpacked_bytes,
        )
    return tuple(mounted.values())


def check_whole_size(code_unpacked_bytes: int, layers: Sequence[MountedLayer]) -> None:
    """Refuse a function that together with its layers unpacks to more than Lambda allows."""
    whole = code_unpacked_bytes + sum(layer.unpacked_bytes for layer in layers)
    if layers and whole > UNZIPPED_BYTES_MAX:
        raise InvalidParameterValue(
            f"Function code combined with layers exceeds the maximum allowed size of {UNZIPPED_BYTES_MAX} bytes. "
            f"The actual size is {whole} bytes."
        )
