"""Blobs: content-addressed bytes, such as function packages.

A blob is durable before its digest is given out, so a transaction may name it without a promise to keep.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class Blobs(Protocol):
    """The blob port of a store; outside transactions, safe from any thread."""

    def put(self, content: bytes) -> str:
        """Write bytes and sync; gives their SHA-256 as lower-case hex. The same bytes twice are stored once."""

    def get(self, digest: str) -> bytes | None:
        """The bytes, or None."""

    def path(self, digest: str) -> Path | None:
        """A file that holds the bytes, for readers that need one; None when absent."""

    def delete(self, digest: str) -> bool:
        """Remove; True when it existed. The caller knows that no document names it."""
