"""The subset of JSONPath that targets use: ``$``, ``$.a.b-c``, ``$.a[0]``, ``$.a[*]``.

Nodes are handed out as the very bytes of the document, so numbers keep their digits and strings their escapes. A path that
is not understood selects nothing, because AWS checks no path when it is stored and treats it so when it is used.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import msgspec

from bascule.services.events.detail_json import TOKEN

_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|\[(\*)\]|\.(\*)|\['([^']*)'\]")

_decode_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_elements = msgspec.json.Decoder(list[msgspec.Raw]).decode


class _Every:
    """The step ``[*]``."""


_EVERY = _Every()
Step = str | int | _Every


class JsonPath:
    """A parsed path. Frozen after construction."""

    __slots__ = ("_steps", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._steps = _parse(text)

    def select(self, document: bytes) -> bytes | None:
        """The node's JSON as written, or None when the path leads nowhere.

        ``[*]`` gives an array of what the rest of the path selects in each element.
        """
        if self._steps is None:
            return None
        return _select(document, self._steps, 0)


def _parse(text: str) -> tuple[Step, ...] | None:
    if not text.startswith("$"):
        return None
    steps: list[Step] = []
    position = 1
    while position < len(text):
        found = _STEP.match(text, position)
        if found is None:
            return None
        name, index, star, dot_star, quoted = found.groups()
        if star or dot_star:
            steps.append(_EVERY)
        elif index is not None:
            steps.append(int(index))
        else:
            steps.append(name if name is not None else quoted)
        position = found.end()
    return tuple(steps)


def _select(node: bytes, steps: tuple[Step, ...], position: int) -> bytes | None:
    for place in range(position, len(steps)):
        step = steps[place]
        try:
            if isinstance(step, str):
                child = _members(node).get(step)
            elif isinstance(step, int):
                elements = _elements(node)
                child = elements[step] if step < len(elements) else None
            else:
                found = (_select(bytes(element), steps, place + 1) for element in _elements(node))
                return b"[%b]" % b",".join(part for part in found if part is not None)
        except msgspec.DecodeError:
            return None
        if child is None:
            return None
        node = bytes(child)
    return node


def _members(node: bytes) -> Mapping[str, msgspec.Raw | bytes]:
    """The members of an object, undecoded. Raises msgspec.DecodeError for anything else."""
    try:
        return _decode_members(node)
    except RecursionError:
        parts = _parts(node) if node.startswith(b"{") else []
        return {msgspec.json.decode(name, type=str): value for name, value in zip(parts[::2], parts[1::2], strict=True)}


def _elements(node: bytes) -> Sequence[msgspec.Raw | bytes]:
    """The elements of an array, undecoded. Raises msgspec.DecodeError for anything else."""
    try:
        return _decode_elements(node)
    except RecursionError:
        if not node.startswith(b"["):
            raise msgspec.DecodeError("not an array") from None
        return _parts(node)


def _parts(node: bytes) -> list[bytes]:
    """What stands between the separators of the outermost object or array; for nodes that nest too deeply for C."""
    parts: list[bytes] = []
    depth = start = 0
    for found in TOKEN.finditer(node):
        token = found.group(1)
        if token in (b"{", b"["):
            depth += 1
            start = found.end() if depth == 1 else start
        elif token in (b"}", b"]"):
            depth -= 1
        if depth == 0 or (depth == 1 and token in (b",", b":")):
            parts.append(node[start : found.start(1)])
            start = found.end()
    return parts
