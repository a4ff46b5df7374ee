"""What is kept of layers: frozen values, and where they lie.

A layer is the highest number it ever gave out and nothing else, so numbers are not used again after all its versions are
deleted. The key of a version sorts the newest first, which is the order AWS lists them in.
"""

from __future__ import annotations

import msgspec

from bascule.kernel.documents import Collection

_NUMBER_MAX = 10**12 - 1


class Layer(msgspec.Struct, frozen=True, kw_only=True):
    """A name that versions are published under."""

    name: str
    version_newest: int


class LayerVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A published version: its package and what it says of itself."""

    number: int
    created_ms: int
    code_digest: str
    code_bytes: int
    #: What the package unpacks to; a function and its layers together have a limit.
    unpacked_bytes: int
    description: str = ""
    license_info: str | None = None
    runtimes: tuple[str, ...] = ()
    architectures: tuple[str, ...] = ()


class LayerPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """Who else may use a version: statement id -> statement as JSON text, in the order added."""

    revision_id: str
    statements: dict[str, str]


LAYERS = Collection("lambda.layer", Layer)
#: parent: layer name; name: ``layer_version_key(number)``.
LAYER_VERSIONS = Collection("lambda.layer-version", LayerVersion)
#: parent: layer name; name: ``layer_version_key(number)``.
LAYER_POLICIES = Collection("lambda.layer-policy", LayerPolicy)


def layer_version_key(number: int) -> str:
    """The document name of a version; newer ones sort first."""
    return f"{_NUMBER_MAX - number:012d}"
