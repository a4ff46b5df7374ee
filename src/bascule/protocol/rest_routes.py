"""Method and path of a REST service -> operation: a tree over path segments.

Rules of the file: literal segments win over labels, labels over greedy labels, and of two operations on one path the one
with more matching query parameters wins. Matching never backs out of a literal into a label of the same level with another
continuation unless the literal led nowhere, so the cost is bounded by the segments of the path times two.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote

from bascule.protocol.limits import PATH_SEGMENTS_MAX
from bascule.protocol.model import OperationModel


class Found(NamedTuple):
    """An operation and the decoded labels of its path."""

    operation: OperationModel
    labels: Mapping[str, str]


class Leaf(NamedTuple):
    """An operation that ends at a node."""

    method: str
    query: frozenset[tuple[str, str]]
    operation: OperationModel
    label_names: tuple[str, ...]


class Node:
    """A place in the tree."""

    __slots__ = ("greedy", "label", "leaves", "literals")

    def __init__(self) -> None:
        self.literals: dict[str, Node] = {}
        self.label: Node | None = None
        #: Operations whose last label takes all remaining segments.
        self.greedy: list[Leaf] = []
        self.leaves: list[Leaf] = []


class RestRoutes:
    """The routes of one service."""

    def __init__(self, operations: Iterable[OperationModel]) -> None:
        self._root = Node()
        for operation in operations:
            self._add(operation)

    def _add(self, operation: OperationModel) -> None:
        path, _, query = operation.http.request_uri.partition("?")
        node, names = self._root, []
        wanted = frozenset(parse_qsl(query, keep_blank_values=True))
        for segment in _segments(path):
            if segment.startswith("{"):
                names.append(segment.strip("{}+"))
            if segment.endswith("+}"):
                node.greedy.append(Leaf(operation.http.method, wanted, operation, tuple(names)))
                return
            if segment.startswith("{"):
                node.label = node.label or Node()
                node = node.label
            else:
                node = node.literals.setdefault(segment, Node())
        node.leaves.append(Leaf(operation.http.method, wanted, operation, tuple(names)))

    def find(self, method: str, path: str, query_string: str) -> Found | None:
        """The operation of a request; None when there is none. ``path`` and ``query_string`` are still encoded."""
        segments = _segments(path)
        if len(segments) > PATH_SEGMENTS_MAX:
            return None
        given = frozenset(parse_qsl(query_string, keep_blank_values=True)) if query_string else frozenset()
        return _walk(self._root, segments, 0, (), method, given)


def _segments(path: str) -> list[str]:
    return path.strip("/").split("/") if path.strip("/") else []


def _walk(
    node: Node,
    segments: list[str],
    index: int,
    values: tuple[str, ...],
    method: str,
    given: frozenset[tuple[str, str]],
) -> Found | None:
    if index == len(segments):
        return _choose(node.leaves, values, method, given)
    segment = segments[index]
    found = None
    child = node.literals.get(segment)
    if child is not None:
        found = _walk(child, segments, index + 1, values, method, given)
    if found is None and node.label is not None and segment:
        found = _walk(node.label, segments, index + 1, (*values, segment), method, given)
    if found is None and node.greedy:
        found = _choose(node.greedy, (*values, "/".join(segments[index:])), method, given)
    return found


def _choose(
    leaves: list[Leaf], values: tuple[str, ...], method: str, given: frozenset[tuple[str, str]]
) -> Found | None:
    fitting = [leaf for leaf in leaves if leaf.method == method and leaf.query <= given]
    if not fitting:
        return None
    leaf = max(fitting, key=lambda leaf: len(leaf.query))
    return Found(leaf.operation, {name: unquote(value) for name, value in zip(leaf.label_names, values, strict=True)})
