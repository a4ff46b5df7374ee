"""The data directory: one process owns it, by a lock the kernel drops when that process dies.

The lock is advisory (``flock``) on a file that holds the owner's process id, so that a second opener can name it.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

LOCK_NAME = "lock"
DATABASE_NAME = "bascule.db"
BLOBS_NAME = "blobs"


class DataDirectoryInUse(Exception):
    """Another process owns the data directory."""


class DataDirectoryUnusable(Exception):
    """The data directory cannot be created or written."""


class DataDirectory:
    """A locked data directory.

    Raises   DataDirectoryInUse naming the owner's process id; DataDirectoryUnusable naming the reason.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(path / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise DataDirectoryUnusable(
                f"{path} cannot be used as a data directory: {error.strerror}; choose another with --data."
            ) from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = os.pread(self._lock, 32, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(self._lock)
            raise DataDirectoryInUse(f"{path} is in use by process {owner}.") from error
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)

    @property
    def database(self) -> Path:
        """The database file."""
        return self.path / DATABASE_NAME

    @property
    def blobs(self) -> Path:
        """The folder of blobs."""
        return self.path / BLOBS_NAME

    def close(self) -> None:
        """Give the directory up; twice is fine."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1
