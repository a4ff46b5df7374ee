"""Identifiers and randomness as an input.

``SystemIds`` draws from the operating system; ``SeededIds`` gives the same sequence for the same seed, so a test or a
simulation is repeatable. Event ids are made here because their shape carries information: see ``event_batch_id``.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from typing import Protocol


class Ids(Protocol):
    """Where every component gets new names and chance."""

    def uuid(self) -> str:
        """A fresh UUID (version 4 shape), 36 characters, lower case."""

    def token(self, bytes_count: int = 16) -> str:
        """``bytes_count`` random bytes as lower-case hex."""

    def random(self) -> float:
        """A uniform number in [0, 1), for jitter and weighted choice; not for secrets."""


_VARIANTS = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}


def _uuid_text(digits: str) -> str:
    """The UUID of version 4 made of 32 random hex digits."""
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{_VARIANTS[digits[16]]}{digits[17:20]}-{digits[20:]}"


class SystemIds:
    """Ids from the operating system's entropy, drawn in blocks because one system call per id is measurable.

    Safe from several threads: a block is handed out by one atomic step of an iterator.
    """

    _BLOCK_UUIDS = 256
    #: Bytes of one step of the tokens' block.
    _STEP_BYTES = 20

    def __init__(self) -> None:
        self._uuids: Iterator[str] = iter(())
        self._tokens: Iterator[str] = iter(())
        self._chance = random.Random(os.urandom(16))

    def _refill(self) -> str:
        digits = os.urandom(16 * self._BLOCK_UUIDS).hex()
        fresh = iter([_uuid_text(digits[at : at + 32]) for at in range(0, len(digits), 32)])
        first = next(fresh)
        self._uuids = fresh
        return first

    def uuid(self) -> str:
        return next(self._uuids, None) or self._refill()

    def _refill_tokens(self) -> str:
        step = self._STEP_BYTES * 2
        digits = os.urandom(self._STEP_BYTES * self._BLOCK_UUIDS).hex()
        fresh = iter([digits[at : at + step] for at in range(0, len(digits), step)])
        first = next(fresh)
        self._tokens = fresh
        return first

    def token(self, bytes_count: int = 16) -> str:
        if bytes_count > self._STEP_BYTES:
            return os.urandom(bytes_count).hex()
        return (next(self._tokens, None) or self._refill_tokens())[: bytes_count * 2]

    def random(self) -> float:
        return self._chance.random()


class SeededIds:
    """Repeatable ids from a seed, for tests and simulations."""

    def __init__(self, seed: int = 0) -> None:
        self._chance = random.Random(seed)

    def uuid(self) -> str:
        return _uuid_text(self._chance.randbytes(16).hex())

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
