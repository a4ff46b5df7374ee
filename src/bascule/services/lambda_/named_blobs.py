"""Which packages are wanted: everything of this service that names a blob. Whatever names one more has to be added here."""

from __future__ import annotations

from collections.abc import Iterator

from bascule.kernel.store import Tx
from bascule.services.lambda_.layer_model import LAYER_VERSIONS
from bascule.services.lambda_.model import Configuration
from bascule.services.lambda_.state import FUNCTIONS, VERSIONS


def named_blobs(tx: Tx) -> frozenset[str]:
    """The digests of all packages that a function, a version or a layer version has; reads every one of them."""
    return frozenset(_named(tx))


def _named(tx: Tx) -> Iterator[str]:
    for _, function in FUNCTIONS.every(tx.documents):
        yield from _of_configuration(function.latest)
    for _, version in VERSIONS.every(tx.documents):
        yield from _of_configuration(version.configuration)
    for _, layer in LAYER_VERSIONS.every(tx.documents):
        yield layer.code_digest


def _of_configuration(configuration: Configuration) -> Iterator[str]:
    yield configuration.code_digest
    for layer in configuration.layers:
        yield layer.code_digest
