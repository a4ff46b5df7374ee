"""A function as a person has it on disk: a folder, and what else CreateFunction must be told."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

#: What a function's name may hold; anything else becomes a hyphen.
_STRANGE = re.compile(r"[^A-Za-z0-9_-]+")


class CannotDevelop(Exception):
    """What was given cannot be run; the message is one sentence that says why and what to do."""


class LocalFunction(msgspec.Struct, frozen=True, kw_only=True):
    """One function of a folder or a template. None: not said, so what the function has already, or AWS's default."""

    name: str
    folder: Path
    handler: str
    runtime: str
    environment: dict[str, str] | None = None
    memory_mb: int | None = None
    timeout_s: int | None = None
    layers: tuple[str, ...] = ()


def name_of(text: str) -> str:
    """A name for a function, from the name of a folder."""
    name = _STRANGE.sub("-", text).strip("-")[:64]
    if not name:
        raise CannotDevelop(f"'{text}' does not give a function's name; say one with --name.")
    return name
