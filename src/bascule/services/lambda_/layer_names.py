"""How callers name layers: a name or a layer's ARN, and the ARN of one version."""

from __future__ import annotations

from typing import NamedTuple

from bascule.kernel.arns import parse_arn
from bascule.kernel.context import Context
from bascule.kernel.scope import Scope
from bascule.services.lambda_.errors import InvalidParameterValue


class LayerReference(NamedTuple):
    """A layer, wherever it lies."""

    scope: Scope
    name: str

    @property
    def arn(self) -> str:
        """The ARN of the layer itself."""
        return self.scope.arn("lambda", f"layer:{self.name}")

    def version_arn(self, number: int) -> str:
        """The ARN of one of its versions."""
        return f"{self.arn}:{number}"


def layer_reference(ctx: Context, text: str) -> LayerReference:
    """Read a ``LayerName``: a name, or the ARN of a layer (of another account, too)."""
    arn = parse_arn(text)
    if arn is None:
        return LayerReference(ctx.scope, text)
    return LayerReference(arn.scope, arn.resource.split(":")[1])


def layer_version_reference(text: str) -> tuple[LayerReference, int]:
    """Read the ARN of a layer version.

    Raises   InvalidParameterValue for what is none, such as the ARN of a layer without a number.
    """
    arn = parse_arn(text)
    parts = arn.resource.split(":") if arn is not None else []
    if arn is None or len(parts) != 3 or parts[0] != "layer" or not parts[2].isdigit():
        raise InvalidParameterValue(f"Layer version {text} is not the ARN of a layer version.")
    return LayerReference(arn.scope, parts[1]), int(parts[2])


def checked_number(number: int) -> int:
    """A version number, after the one check that the model does not make."""
    if number < 1:
        raise InvalidParameterValue("Layer Version Cannot be less than 1")
    return number
