"""The blob port: files named by the SHA-256 of their bytes, two hex digits of folder deep.

A blob is written beside its place, synced, renamed into it and the folder synced, so that a file under a digest is whole
or absent whatever happens in between. What a crash leaves half-written has another name and goes at the next opening.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import re
from pathlib import Path

_DIGEST = re.compile(r"[0-9a-f]{64}")
_PARTIAL = ".partial"


class FileBlobs:
    """``Blobs`` in a folder; see the port for the contract."""

    def __init__(self, folder: Path, *, is_durable: bool) -> None:
        self._folder = folder
        self._is_durable = is_durable
        self._numbers = itertools.count()
        folder.mkdir(parents=True, exist_ok=True)
        for partial in folder.glob(f"*{_PARTIAL}"):
            partial.unlink()

    def put(self, content: bytes) -> str:
        digest = hashlib.sha256(content).hexdigest()
        place = self._place(digest)
        if place.exists():
            return digest
        place.parent.mkdir(exist_ok=True)
        partial = self._folder / f"{digest}-{next(self._numbers)}{_PARTIAL}"
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            if self._is_durable:
                os.fsync(file.fileno())
        partial.replace(place)
        if self._is_durable:
            _sync_folder(place.parent)
            _sync_folder(self._folder)
        return digest

    def get(self, digest: str) -> bytes | None:
        path = self.path(digest)
        if path is None:
            return None
        try:
            return path.read_bytes()
        except FileNotFoundError:  # deleted between the two looks
            return None

    def path(self, digest: str) -> Path | None:
        if not _DIGEST.fullmatch(digest):
            return None
        place = self._place(digest)
        return place if place.exists() else None

    def delete(self, digest: str) -> bool:
        if not _DIGEST.fullmatch(digest):
            return False
        try:
            self._place(digest).unlink()
        except FileNotFoundError:
            return False
        return True

    def _place(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
