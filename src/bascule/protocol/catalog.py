"""Finds and reads the service models in botocore's data directory, each when first asked for.

botocore itself is not imported: its loader costs 0.14 s of a start that has 0.8 s, and all it does here is pick the newest
version of a file.
"""

from __future__ import annotations

import gzip
from importlib.util import find_spec
from pathlib import Path

import msgspec

from bascule.protocol.limits import MODELS_MAX
from bascule.protocol.model import Document, ServiceModel

_DECODE = msgspec.json.Decoder(Document).decode


def data_directory() -> Path:
    """Where botocore keeps its models."""
    spec = find_spec("botocore")
    assert spec is not None, "botocore is a dependency"
    assert spec.submodule_search_locations, "botocore is a package"
    return Path(spec.submodule_search_locations[0]) / "data"


class Catalog:
    """All modelled services. Models are read once and never change.

    Promise  safe to share between threads: reading one twice at the same time wastes work and nothing else.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self._directory = directory or data_directory()
        self._models: dict[str, ServiceModel] = {}
        self._services: tuple[str, ...] = ()

    def services(self) -> tuple[str, ...]:
        """The names of all modelled services, sorted; about 420."""
        if not self._services:
            self._services = tuple(sorted(path.name for path in self._directory.iterdir() if path.is_dir()))
        return self._services

    def operations(self, service: str) -> tuple[str, ...] | None:
        """The operations of a service, sorted; None when there is no such model."""
        model = self.model(service)
        return None if model is None else tuple(sorted(model.operations))

    def model(self, service: str) -> ServiceModel | None:
        """The newest model of a service; None when there is none. Any string may be given."""
        found = self._models.get(service)
        if found is None and service in self.services():
            found = ServiceModel(service, _DECODE(self._newest(service)))
            if len(self._models) >= MODELS_MAX:
                del self._models[next(iter(self._models))]
            self._models[service] = found
        return found

    def _newest(self, service: str) -> bytes:
        versions = sorted(path for path in (self._directory / service).iterdir() if path.is_dir())
        for version in reversed(versions):
            packed = version / "service-2.json.gz"
            if packed.exists():
                return gzip.decompress(packed.read_bytes())
            plain = version / "service-2.json"
            if plain.exists():
                return plain.read_bytes()
        raise AssertionError(f"{service} has no service model")
