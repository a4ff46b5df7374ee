"""Committed document bodies in memory, so that configuration is read without a statement.

Rules of the file: an entry says as of which commit it holds; only the publication of a commit replaces one. A reader at
commit N may use an entry whose number is <= N once every change up to N has been published, and otherwise asks the
database. Entries move between two generations instead of a list of uses: looking up costs one dictionary access.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping

from bascule.kernel.documents import DocumentKey

#: Bodies above this are read from the database each time. bytes
BODY_BYTES_MAX = 256 * 1024
#: An entry's weight besides its body: key, tuple, dictionary slot. bytes, rounded up
ENTRY_BYTES = 400
#: Both generations together stay below this. bytes
CACHE_BYTES_MAX = 64 * 1024 * 1024


class DocumentCache:
    """Bodies by key, ``None`` for documents known to be absent."""

    def __init__(self, commit_count: int, bytes_max: int = CACHE_BYTES_MAX) -> None:
        #: Changes of all commits up to this one are visible here.
        self.published = commit_count
        self._bytes_max = bytes_max
        self._young: dict[DocumentKey, tuple[int, bytes | None]] = {}
        self._old: dict[DocumentKey, tuple[int, bytes | None]] = {}
        self._young_bytes = 0
        self._lock = threading.Lock()

    def get(self, key: DocumentKey) -> tuple[int, bytes | None] | None:
        """The (commit, body) of an entry, or None when nothing is known."""
        entry = self._young.get(key)
        if entry is not None:
            return entry
        if key not in self._old:
            return None
        with self._lock:
            entry = self._young.get(key) or self._old.get(key)
            if entry is not None:
                self._keep(key, entry)
            return entry

    def offer(self, key: DocumentKey, body: bytes | None, commit_count: int) -> None:
        """Remember what a snapshot of ``commit_count`` showed; ignored when a newer commit has been published."""
        with self._lock:
            if self.published == commit_count and key not in self._young:
                self._keep(key, (commit_count, body))

    def publish(self, commit_count: int, changes: Mapping[DocumentKey, bytes | None]) -> None:
        """Make the changes of a commit visible."""
        with self._lock:
            for key, body in changes.items():
                self._keep(key, (commit_count, body))
            self.published = commit_count

    def _keep(self, key: DocumentKey, entry: tuple[int, bytes | None]) -> None:
        body = entry[1]
        size = 0 if body is None else len(body)
        if size > BODY_BYTES_MAX:
            self._young.pop(key, None)
            self._old.pop(key, None)
            return
        if self._young_bytes > self._bytes_max // 2:
            self._old = self._young
            self._young = {}
            self._young_bytes = 0
        self._young[key] = entry
        self._young_bytes += size + ENTRY_BYTES
