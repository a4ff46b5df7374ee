"""Decodes only what rules mention: struct types generated from the mentioned paths, everything else skipped by the decoder.

Each object on the way to a path becomes a struct type, each path an attribute. What the types cannot express makes decoding fail
and sends the event to the general path: a key with a dot that could mean a mentioned path (a field that accepts no value stands
for it), an array element that is not an object, and so on. Paths the types cannot hold at all (``a`` and ``a.b`` both wanted,
very wide objects) are not in the schema, and rules with such a path are matched on the general path.

Attribute names depend on nothing but the order paths were first seen, so tests compiled for one schema work on its extensions.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Raw

CHILDREN_MAX = 48  # attributes of one struct; the decoder compares every key of the event with each of them
DEPTH_MAX = 8  # objects inside objects
Never = Annotated[int, Meta(ge=1, le=0)]  # no JSON value fits


class Node:
    """One object on the way to mentioned paths."""

    __slots__ = ("leaves", "nodes")

    def __init__(self) -> None:
        self.leaves: dict[str, str] = {}  # key -> whole path
        self.nodes: dict[str, Node] = {}

    def child_count(self) -> int:
        """How many attributes the struct of this object has, guards aside."""
        return len(self.leaves) + len(self.nodes)


class Schema:
    """An immutable set of paths with the decoder for them.

    ``raw`` are the paths whose values stay undecoded JSON because only numeric conditions look at them.
    """

    __slots__ = ("_chains", "attributes", "decode", "paths", "raw")

    def __init__(self, paths: Iterable[str], raw: frozenset[str], names: dict[str, str] | None = None) -> None:
        self.raw = raw
        self.attributes = dict(names or {})  # prefix of a path -> attribute name
        self.paths: frozenset[str] = frozenset()
        root = Node()
        accepted = []
        for path in paths:
            if _place(root, path):
                accepted.append(path)
        self.paths = frozenset(accepted)
        self._chains: dict[str, list[str]] = {}
        self.decode = msgspec.json.Decoder(self._struct(root, "", [])).decode

    def chain(self, path: str) -> list[str]:
        """Give the attribute names that lead from the root to a path of the schema."""
        return self._chains[path]

    def extended(self, paths: Iterable[str], raw: frozenset[str]) -> Schema:
        """Give a schema that holds these paths too; attribute names of present paths stay."""
        return Schema([*sorted(self.paths), *paths], self.raw | raw, self.attributes)

    def _attribute(self, prefix: str) -> str:
        return self.attributes.setdefault(prefix, f"f{len(self.attributes)}")

    def _struct(self, node: Node, prefix: str, above: list[str]) -> type[msgspec.Struct]:
        fields: list[tuple[str, Any, Any]] = []
        rename: dict[str, str] = {}
        for key, path in node.leaves.items():
            name = self._attribute(prefix + key)
            self._chains[path] = [*above, name]
            rename[name] = key
            fields.append((name, Raw if path in self.raw else Any, UNSET))
        for key, child in node.nodes.items():
            name = self._attribute(prefix + key)
            rename[name] = key
            struct = self._struct(child, f"{prefix}{key}.", [*above, name])
            fields.append((name, struct | list[struct] | None, struct()))  # type: ignore[valid-type]
        for index, key in enumerate(_dotted_keys(node)):
            rename[f"guard{index}"] = key
            fields.append((f"guard{index}", Never, UNSET))
        return msgspec.defstruct("Mentioned", fields, rename=rename, gc=False, frozen=True)


def _place(root: Node, path: str) -> bool:
    """Add a path to the tree of objects unless it cannot be held there."""
    steps = path.split(".")
    if len(steps) > DEPTH_MAX or not all(_is_plain(step) for step in steps):
        return False
    node, is_new = root, False
    for step in steps[:-1]:
        if step in node.leaves or (step not in node.nodes and node.child_count() >= CHILDREN_MAX):
            return False
        if step not in node.nodes:
            is_new = True
            if _would_overflow(root, steps):
                return False
            node.nodes[step] = Node()
        node = node.nodes[step]
    last = steps[-1]
    if last in node.leaves:
        return True
    if last in node.nodes or (not is_new and _would_overflow(root, steps)):
        return False
    node.leaves[last] = path
    return True


def _would_overflow(root: Node, steps: list[str]) -> bool:
    node = root
    for step in steps:
        if node.child_count() + _descendant_count(node) >= 2 * CHILDREN_MAX or node.child_count() >= CHILDREN_MAX:
            return True
        if step not in node.nodes:
            return False
        node = node.nodes[step]
    return False


def _is_plain(step: str) -> bool:
    return all(" " <= char not in '"\\' for char in step) and step.isascii()


def _descendant_count(node: Node) -> int:
    return sum(child.child_count() + _descendant_count(child) for child in node.nodes.values())


def _dotted_keys(node: Node) -> list[str]:
    """Every key with dots that, found in this object, would mean a mentioned path or a step towards one."""
    keys = []
    for key, child in node.nodes.items():
        keys += [f"{key}.{inner}" for inner in (*child.leaves, *child.nodes, *_dotted_keys(child))]
    return keys
