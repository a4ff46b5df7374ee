"""The blob port: files named by the SHA-256 of their bytes, two hex digits of folder deep.

A blob is written beside its place, synced, renamed into it and the folder synced, so that a file under a digest is whole
or absent whatever happens in between. What a crash leaves half-written has another name and goes at the next opening.

A sweep compares the files with what documents name. Only a put can make a document name a blob that no document names, so a
blob is safe to remove when it was neither held nor touched since before the documents were read. The lock makes looking and
removing one step for those who put.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import re
import threading
from collections.abc import Callable, Set
from pathlib import Path

_DIGEST = re.compile(r"[0-9a-f]{64}")
_PARTIAL = ".partial"


class FileBlobs:
    """``Blobs`` in a folder; see the port for the contract."""

    def __init__(self, folder: Path, *, is_durable: bool) -> None:
        self._folder = folder
        self._is_durable = is_durable
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        #: How often each blob is held, and the number of the last put or release of those touched since the last sweep.
        self._holds: dict[str, int] = {}
        self._touched: dict[str, int] = {}
        self._touch_count = 0
        folder.mkdir(parents=True, exist_ok=True)
        for partial in folder.glob(f"*{_PARTIAL}"):
            partial.unlink()

    def put(self, content: bytes) -> str:
        digest = hashlib.sha256(content).hexdigest()
        with self._lock:
            self._holds[digest] = self._holds.get(digest, 0) + 1
            self._touch(digest)
        try:
            self._write(digest, content)
        except BaseException:
            self.release(digest)
            raise
        return digest

    def _write(self, digest: str, content: bytes) -> None:
        place = self._place(digest)
        if place.exists():
            return
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

    def release(self, digest: str) -> None:
        with self._lock:
            left = self._holds.get(digest, 1) - 1
            if left:
                self._holds[digest] = left
            else:
                self._holds.pop(digest, None)
            self._touch(digest)

    def _touch(self, digest: str) -> None:
        self._touch_count += 1
        self._touched[digest] = self._touch_count

    def sweep(self, named: Callable[[], Set[str]]) -> list[str]:
        with self._lock:
            begun = self._touch_count
        present = [path.name for path in self._folder.glob("??/*") if _DIGEST.fullmatch(path.name)]
        wanted = named()
        removed = [digest for digest in present if digest not in wanted and self._remove(digest, begun)]
        with self._lock:
            self._touched = {digest: number for digest, number in self._touched.items() if number > begun}
        return removed

    def _remove(self, digest: str, begun: int) -> bool:
        with self._lock:
            if digest in self._holds or self._touched.get(digest, 0) > begun:
                return False
            self._place(digest).unlink(missing_ok=True)
            return True

    def _place(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
