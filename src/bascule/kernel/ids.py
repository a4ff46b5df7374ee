"""Identifiers and randomness as an input.

``SystemIds`` draws from the operating system; ``SeededIds`` gives the same sequence for the same seed, so a test or a
simulation is repeatable. Event ids are made here because their shape carries information: see ``event_batch_id``.
"""

from __future__ import annotations

import os
import random
from typing import Protocol


class Ids(Protocol):
    """Where every component gets new names and chance."""

    def uuid(self) -> str:
        """A fresh UUID (version 4 shape), 36 characters, lower case."""

    def token(self, bytes_count: int = 16) -> str:
        """``bytes_count`` random bytes as lower-case hex."""

    def random(self) -> float:
        """A uniform number in [0, 1), for jitter and weighted choice; not for secrets."""


def _uuid_text(raw: bytes) -> str:
    digits = bytearray(raw)
    digits[6] = (digits[6] & 0x0F) | 0x40
    digits[8] = (digits[8] & 0x3F) | 0x80
    text = digits.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


class SystemIds:
    """Ids from the operating system's entropy, drawn in blocks because one system call per id is measurable."""

    _BLOCK_BYTES = 4096

    def __init__(self) -> None:
        self._block = b""
        self._used = 0
        self._chance = random.Random(os.urandom(16))

    def _take(self, count: int) -> bytes:
        if self._used + count > len(self._block):
            self._block = os.urandom(max(self._BLOCK_BYTES, count))
            self._used = 0
        raw = self._block[self._used : self._used + count]
        self._used += count
        return raw

    def uuid(self) -> str:
        return _uuid_text(self._take(16))

    def token(self, bytes_count: int = 16) -> str:
        return self._take(bytes_count).hex()

    def random(self) -> float:
        return self._chance.random()


class SeededIds:
    """Repeatable ids from a seed, for tests and simulations."""

    def __init__(self, seed: int = 0) -> None:
        self._chance = random.Random(seed)

    def uuid(self) -> str:
        return _uuid_text(self._chance.randbytes(16))

    def token(self, bytes_count: int = 16) -> str:
        return self._chance.randbytes(bytes_count).hex()

    def random(self) -> float:
        return self._chance.random()


def event_batch_id(now_ms: int, entropy_hex: str) -> str:
    """The 30 hex digits that all event ids of one PutEvents call share: time first, so they sort by arrival.

    Takes    now_ms; entropy_hex of at least 18 hex digits.
    Gives    30 hex digits: 12 of time, 18 of chance. With a 2-digit entry number it is a whole event id.
    Promise  the journal stores one row per call and finds it from any of its event ids without an index per event.
    """
    return f"{now_ms & 0xFFFFFFFFFFFF:012x}{entropy_hex[:18]}"


def event_id(batch_id: str, index: int) -> str:
    """The UUID-shaped id (36 characters, lower-case hex) of entry ``index`` (0..255) of a batch."""
    text = f"{batch_id}{index:02x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def batch_of_event(event: str) -> tuple[str, int] | None:
    """The batch id and entry index inside an event id, or None when the text is not UUID-shaped hex."""
    digits = event.replace("-", "").lower()
    if len(digits) != 32 or any(digit not in "0123456789abcdef" for digit in digits):
        return None
    return digits[:30], int(digits[30:], 16)
