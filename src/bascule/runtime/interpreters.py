"""Which interpreter runs ``python3.x``, and the directory of packages that every Python function may import.

The choice, in order: the setting ``python`` (for every version), the interpreter that runs Bascule when the minor version is
the same, ``python3.x`` in a usual place of this machine, and at last the interpreter that runs Bascule, which is said in the
log once. AWS ships boto3 with its runtimes; we link our own copy (and what it needs, all pure Python) into one directory
that is put on the import path alone, so a function sees what AWS would show it and none of Bascule's other dependencies.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import logging
import os
import re
import shutil
import sys
from pathlib import Path

from bascule.runtime.worker.bascule_environment.preload import BUNDLED

log = logging.getLogger("bascule.runtime")

_RUNTIME = re.compile(r"python3\.(\d+)")
_DISTRIBUTIONS = {"dateutil": "python-dateutil"}


class Interpreters:
    """Resolves runtime identifiers; remembers its answers."""

    def __init__(self, configured: str) -> None:
        self._configured = configured
        self._found: dict[str, str] = {}

    @staticmethod
    def is_python(runtime: str) -> bool:
        """Whether ``runtime`` is one of ours."""
        return _RUNTIME.fullmatch(runtime) is not None

    def interpreter(self, runtime: str) -> str:
        """The path of the interpreter for a ``python3.x`` runtime."""
        if runtime not in self._found:
            self._found[runtime] = self._choose(runtime)
        return self._found[runtime]

    def _choose(self, runtime: str) -> str:
        if self._configured:
            return self._configured
        match = _RUNTIME.fullmatch(runtime)
        assert match is not None, runtime
        if int(match[1]) == sys.version_info.minor:
            return sys.executable
        places = os.pathsep.join(
            [str(Path(sys.base_prefix) / "bin"), "/usr/local/bin", "/usr/bin", "/opt/homebrew/bin"]
        )
        if found := shutil.which(runtime, path=places):
            return found
        running = f"{sys.version_info.major}.{sys.version_info.minor}"
        log.warning("no interpreter %s on this machine: its functions run on Python %s", runtime, running)
        return sys.executable


def link_bundled(library_root: Path) -> None:
    """Fill ``library_root`` with links to the packages that AWS ships, replacing links of an earlier installation."""
    library_root.mkdir(parents=True, exist_ok=True)
    wanted: dict[str, Path] = {}
    for name in BUNDLED:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            continue
        places = spec.submodule_search_locations
        place = Path(next(iter(places))) if places else Path(spec.origin)
        wanted[place.name] = place
        version = importlib.metadata.version(_DISTRIBUTIONS.get(name, name))
        for info in place.parent.glob(f"{_DISTRIBUTIONS.get(name, name).replace('-', '?')}-{version}.dist-info"):
            wanted[info.name] = info
    for entry in library_root.iterdir():
        if entry.is_symlink() and wanted.get(entry.name) != entry.readlink():
            entry.unlink()
    for name, place in wanted.items():
        link = library_root / name
        if not link.is_symlink():
            link.symlink_to(place)
