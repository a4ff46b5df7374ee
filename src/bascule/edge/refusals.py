"""Members of an input that are understood but not built: found by name, so that giving one is answered loudly.

Paths are wire names with dots (``Code.S3Bucket``, ``Targets.EcsParameters``); a list on the way means any of its elements.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import msgspec


def first_given(given: Any, paths: tuple[str, ...]) -> str | None:
    """The first of ``paths`` that has a value in ``given`` (a typed input struct or a dict of wire names), or None."""
    attributes = _attributes(type(given)) if isinstance(given, msgspec.Struct) else None
    for path in paths:
        if attributes is not None:
            # Nearly always nothing is given, which the first name of a path tells.
            attribute = attributes.get(path.partition(".")[0])
            if attribute is None or getattr(given, attribute) is None:
                continue
        if _has(given, path.split(".") if "." in path else [path]):
            return path
    return None


@functools.cache
def _attributes(shape: type[msgspec.Struct]) -> dict[str, str]:
    """Wire name -> attribute of a struct; one entry per shape of the generated modules."""
    return {field.encode_name: field.name for field in msgspec.structs.fields(shape)}


def _has(value: Any, names: list[str]) -> bool:
    if value is None:
        return False
    if not names:
        return True
    if isinstance(value, list):
        return any(_has(item, names) for item in value)
    if isinstance(value, Mapping):
        return _has(value.get(names[0]), names[1:])
    attribute = _attributes(type(value)).get(names[0]) if isinstance(value, msgspec.Struct) else None
    return attribute is not None and _has(getattr(value, attribute), names[1:])
