"""The files that make up a function's code now: the folder's own, over what its requirements asked for.

Requirements are installed once for each text of ``requirements.txt``, in a cache of the person's, never in the folder.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from bascule.dev import packing
from bascule.dev.packing import CannotPack


def cache_root() -> Path:
    """Where installed requirements are kept."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "bascule" / "requirements"


class Code:
    """The code of one function."""

    def __init__(self, folder: Path, *, python: str = sys.executable, say: Callable[[str], None]) -> None:
        self._folder = folder
        self._python = python
        self._say = say
        self._installed: Path | None = None
        self._installed_text = ""

    def files(self) -> dict[str, Path]:
        """Name in the package -> path.

        Raises   CannotPack when a file cannot be part of a package, or requirements cannot be installed.
        """
        installed = self._requirements()
        files = dict(packing.installed_files(installed)) if installed is not None else {}
        files |= dict(packing.own_files(self._folder))
        if not files:
            raise CannotPack(f"'{self._folder}' has no files; is it the right folder?")
        unpacked = sum(path.stat().st_size for path in files.values())
        if unpacked >= packing.UNZIPPED_BYTES_MAX:
            raise CannotPack(
                f"'{self._folder}' has {packing.megabytes(unpacked)}, and Lambda takes less than "
                f"{packing.megabytes(packing.UNZIPPED_BYTES_MAX)}; {packing.heaviest(files)}"
            )
        return files

    def _requirements(self) -> Path | None:
        path = self._folder / packing.REQUIREMENTS
        text = path.read_text() if path.is_file() else ""
        if not any(line.strip() and not line.lstrip().startswith("#") for line in text.splitlines()):
            return None
        if self._installed is None or text != self._installed_text:
            self._installed, self._installed_text = self._install(text), text
        return self._installed

    def _install(self, text: str) -> Path:
        key = hashlib.sha256(f"{self._python}\0{self._folder.resolve()}\0{text}".encode()).hexdigest()[:32]
        target = cache_root() / key
        if target.is_dir():
            return target
        self._say(f"installing {self._folder / packing.REQUIREMENTS}, once")
        target.parent.mkdir(parents=True, exist_ok=True)
        building = Path(tempfile.mkdtemp(prefix=".", dir=target.parent))
        try:
            packing.install(self._python, self._folder, building)
            building.rename(target)
        except OSError:
            if not target.is_dir():
                raise
        finally:
            shutil.rmtree(building, ignore_errors=True)
        return target


def package(files: dict[str, Path]) -> bytes:
    """The zip file of a function's code. Raises CannotPack when it is larger than Lambda takes, OSError when a file is gone."""
    with tempfile.TemporaryDirectory(prefix="bascule-dev-") as scratch:
        made = Path(scratch) / "package.zip"
        packing.write(made, files)
        content = made.read_bytes()
    if len(content) > packing.ZIPPED_BYTES_MAX:
        raise CannotPack(
            f"the package is {packing.megabytes(len(content))}, and Lambda takes "
            f"{packing.megabytes(packing.ZIPPED_BYTES_MAX)}; {packing.heaviest(files)}"
        )
    return content
