"""The size of an environment's temporary directory: measured now and then while it is busy, off the event loop.

A file alone is bounded by ``RLIMIT_FSIZE``; this bounds their sum. Without a file system of its own for each environment
nothing can make a write fail, so a function that goes beyond is ended and its directory emptied.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

from bascule.runtime.limits import CENSUSES_PER_TMP_LOOK

_BLOCK_BYTES = 512


class TmpLimit:
    """Watches ``root``. ``look`` often; ``is_over`` is true once more than ``bytes_max`` were found."""

    def __init__(self, root: Path, bytes_max: int) -> None:
        self._root = root
        self._bytes_max = bytes_max
        self._censuses = 0
        self._work: asyncio.Future[None] | None = None
        self.is_over = False

    def look(self) -> None:
        """One more census went by; measures at every few, one at a time."""
        self._censuses += 1
        if self._censuses % CENSUSES_PER_TMP_LOOK == 0 and (self._work is None or self._work.done()):
            self._work = asyncio.get_running_loop().run_in_executor(None, self._measure)

    def _measure(self) -> None:
        self.is_over = used_bytes(self._root) > self._bytes_max

    def empty(self) -> None:
        """Remove everything in the directory, after what is being measured."""
        self.is_over = False
        self._work = asyncio.get_running_loop().run_in_executor(None, self._remove)

    def _remove(self) -> None:
        with os.scandir(self._root) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry.path, ignore_errors=True)
                else:
                    Path(entry.path).unlink(missing_ok=True)


def used_bytes(root: Path) -> int:
    """Space on disk of all files below a directory; what vanishes meanwhile takes none."""
    total_bytes = 0
    for folder, _, names in os.walk(root):
        for name in names:
            try:
                total_bytes += os.lstat(os.path.join(folder, name)).st_blocks * _BLOCK_BYTES
            except OSError:
                continue
    return total_bytes
