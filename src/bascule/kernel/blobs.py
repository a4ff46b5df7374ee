"""Blobs: content-addressed bytes, such as function packages.

A blob is durable before its digest is given out, so a transaction may name it without a promise to keep. It is held from then
until whoever put it says that the transaction is over (``release``): until then nobody can know that it is not wanted.
"""

from __future__ import annotations

from collections.abc import Callable, Set
from pathlib import Path
from typing import Protocol


class Blobs(Protocol):
    """The blob port of a store; outside transactions, safe from any thread."""

    def put(self, content: bytes) -> str:
        """Write bytes and sync; gives their SHA-256 as lower-case hex. The same bytes twice are stored once.

        Promise  it is not swept before as many calls of ``release``; a crash lets go of it.
        """

    def get(self, digest: str) -> bytes | None:
        """The bytes, or None."""

    def path(self, digest: str) -> Path | None:
        """A file that holds the bytes, for readers that need one; None when absent."""

    def release(self, digest: str) -> None:
        """Whoever put these bytes has named them in a committed transaction, or never will."""

    def sweep(self, named: Callable[[], Set[str]]) -> list[str]:
        """Remove every blob that no document names; gives their digests. From one thread at a time.

        Takes    named: reads from one committed state, when it is called, what all documents name.
        Promise  nothing goes that is held, or was put or released since ``named`` was called; so what a document names is
                 there, if documents only ever name what was just put or what another document names. A crash loses nothing.
        """
