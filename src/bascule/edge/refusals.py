"""Members of an input that are understood but not built: found by name, so that giving one is answered loudly.

Paths are wire names with dots (``Code.S3Bucket``, ``Targets.EcsParameters``); a list on the way means any of its elements.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec


def has_member(given: Any, path: str) -> bool:
    """True when ``path`` has a value in ``given`` (a typed input struct or a dict of wire names)."""
    return _has(given, path.split("."))


def _has(value: Any, names: list[str]) -> bool:
    if value is None:
        return False
    if not names:
        return True
    if isinstance(value, list):
        return any(_has(item, names) for item in value)
    if isinstance(value, Mapping):
        return _has(value.get(names[0]), names[1:])
    if isinstance(value, msgspec.Struct):
        for field in msgspec.structs.fields(value):
            if field.encode_name == names[0]:
                return _has(getattr(value, field.name), names[1:])
    return False
