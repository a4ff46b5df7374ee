"""Events as the matching model sees them: leaves by path, and which array elements they passed through.

This is the general path, the definition of correct. An event is a tree of *contexts*: the root object, and below it every
object or array that is an element of an array with several such elements. Two leaves may be chosen together exactly when the
contexts on their way to the root never are different elements of one array. Only the paths a rule mentions are kept.

Nothing here recurses, so depth is no danger; time is linear in the event. Bytes that are not a JSON object give no event at all.
Duplicate keys: the last one counts. Source: spec 6.2.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from bascule.patterns.decimals import NumberText, WrittenNumber, number_of, number_of_int, written_number_of
from bascule.patterns.errors import PatternError
from bascule.patterns.operators.condition import Leaf
from bascule.patterns.tokens import Tokens

SEARCH_STEPS_PER_EVENT_MAX = 200_000  # all rules together, see matching.py


class PathNode:
    """One step of the mentioned paths; ``path`` is set when a path ends here."""

    __slots__ = ("children", "path")

    def __init__(self) -> None:
        self.children: dict[str, PathNode] = {}
        self.path: str | None = None


def path_tree(paths: Iterable[str]) -> PathNode:
    """Build the tree of mentioned paths; a dot always separates steps."""
    root = PathNode()
    for path in paths:
        node = root
        for step in path.split("."):
            node = node.children.setdefault(step, PathNode())
        node.path = path
    return root


class Context:
    """Leaves that can always be chosen together, and the arrays of further contexts beside them."""

    __slots__ = ("array", "arrays", "leaves")

    def __init__(self, array: Array | None) -> None:
        self.array = array  # the array this context is an element of; None for the root
        self.leaves: dict[str, list[Leaf]] = {}
        self.arrays: list[Array] = []


class Array:
    """An array with at least two objects or arrays in it: at most one of them can be chosen."""

    __slots__ = ("elements", "parent")

    def __init__(self, parent: Context) -> None:
        self.parent = parent
        self.elements: list[Context] = []


class Event:
    """The leaves of one event; ``contexts`` lists parents before children, the root first."""

    __slots__ = ("contexts", "places", "root", "steps_left")

    def __init__(self) -> None:
        self.root = Context(None)
        self.contexts = [self.root]
        self.places: dict[str, list[Context]] = {}  # where each path has leaves
        self.steps_left = SEARCH_STEPS_PER_EVENT_MAX

    def leaves(self, path: str) -> list[Leaf]:
        """Every leaf of a path, whatever element it stands in."""
        places = self.places.get(path, ())
        return [leaf for context in places for leaf in context.leaves[path]]

    def distinct_leaves(self, path: str) -> list[Leaf]:
        """Every different leaf of a path; true and 1.0 are different."""
        return list({(leaf.__class__, leaf): leaf for leaf in self.leaves(path)}.values())


def read_event(data: bytes, tree: PathNode, *, keeps_tokens: bool = False) -> Event | None:
    """Decode an event and collect the leaves of the mentioned paths; None when it is not one JSON object."""
    value = decode(data, keeps_tokens=keeps_tokens)
    return collect(value, tree, keeps_tokens=keeps_tokens) if isinstance(value, dict) else None


_DECODER = msgspec.json.Decoder(float_hook=number_of)
_TOKEN_DECODER = msgspec.json.Decoder(float_hook=written_number_of)


def decode(data: bytes, *, keeps_tokens: bool = False) -> Any:
    """Decode JSON with our numbers; None when the bytes are not JSON (or are the JSON text null)."""
    try:
        return (_TOKEN_DECODER if keeps_tokens else _DECODER).decode(data)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return _decode_slowly(data, written_number_of if keeps_tokens else number_of)


def _decode_slowly(data: bytes, number: Any) -> Any:
    """Decode what the fast decoder refuses: lone surrogates, deep nesting, endless digits. Same result otherwise."""
    try:
        tokens = Tokens(data.decode("utf-8"))
        tokens.next()
        value = _read_value(tokens, number)
        tokens.finish()
    except (UnicodeDecodeError, PatternError):
        return None
    return value


def _read_value(tokens: Tokens, number: Any) -> Any:
    """Build the value that starts at the current token."""
    holder: list[Any] = []
    open_containers: list[tuple[Any, str]] = [(holder, "")]
    while True:
        container, name = open_containers[-1]
        kind = tokens.kind
        if kind in ("}", "]"):
            open_containers.pop()
        elif kind == "name":
            open_containers[-1] = (container, tokens.name())
        else:
            value = _begin_value(kind, tokens, number)
            if isinstance(container, dict):
                container[name] = value
            else:
                container.append(value)
            if kind in ("{", "["):
                open_containers.append((value, ""))
        if len(open_containers) == 1:
            return holder[0] if holder else None
        tokens.next()


def _begin_value(kind: str, tokens: Tokens, number: Any) -> Any:
    if kind == "string":
        return tokens.text()
    if kind == "number":
        return number(tokens.text())
    if kind in ("{", "["):
        return {} if kind == "{" else []
    return {"true": True, "false": False}.get(kind)


def collect(decoded: dict[str, Any], tree: PathNode, *, keeps_tokens: bool = False) -> Event:
    """Walk the mentioned paths of a decoded event."""
    event = Event()
    value: Any = decoded
    stack: list[tuple[Any, PathNode, Context]] = [(value, tree, event.root)]
    while stack:
        value, node, context = stack.pop()
        if isinstance(value, dict):
            _enter_object(value, node, context, stack)
        elif isinstance(value, list):
            _enter_array(value, node, context, stack, event)
        elif node.path is not None:
            if isinstance(value, int) and not isinstance(value, bool):
                value = _written_int(value) if keeps_tokens else number_of_int(value)
            _add_leaf(event, context, node.path, value)
    return event


def _written_int(value: int) -> WrittenNumber | NumberText:
    return written_number_of(str(value))


def _enter_object(
    value: dict[str, Any], node: PathNode, context: Context, stack: list[tuple[Any, PathNode, Context]]
) -> None:
    children = node.children
    if not children:
        return
    for key, member in value.items():
        child: PathNode | None
        if "." in key:
            child = node
            for step in key.split("."):
                child = child.children.get(step)
                if child is None:
                    break
        else:
            child = children.get(key)
        if child is not None:
            stack.append((member, child, context))


def _enter_array(
    value: list[Any], node: PathNode, context: Context, stack: list[tuple[Any, PathNode, Context]], event: Event
) -> None:
    has_children = bool(node.children)
    inner = [member for member in value if isinstance(member, list) or (has_children and isinstance(member, dict))]
    if node.path is not None:
        stack.extend((member, node, context) for member in reversed(value) if not isinstance(member, (dict, list)))
    if len(inner) == 1:  # the only element: choosing it excludes nothing, so it belongs to the context around it
        stack.append((inner[0], node, context))
    elif inner:
        array = Array(context)
        context.arrays.append(array)
        for member in inner:
            element = Context(array)
            array.elements.append(element)
            event.contexts.append(element)
            stack.append((member, node, element))


def _add_leaf(event: Event, context: Context, path: str, leaf: Leaf) -> None:
    leaves = context.leaves.get(path)
    if leaves is None:
        context.leaves[path] = [leaf]
        event.places.setdefault(path, []).append(context)
    else:
        leaves.append(leaf)
