"""A plain matcher written from the matching model of the specification alone, slow and obvious, to compare the engine with.

It shares no code with the engine: patterns and events come as JSON text, numbers are decimals, wildcards and ignore-case are
spelled out character by character, and array consistency is tried for every choice of leaves.
"""

from __future__ import annotations

import ipaddress
import json
from decimal import Decimal
from itertools import product
from typing import Any

Leaf = tuple[str, Any, dict[tuple[Any, ...], int]]  # path, value, which element of which array


class Number:
    """A JSON number: its token, and its value when the shortest form of its double equals the token."""

    def __init__(self, token: str) -> None:
        self.token = token
        nearest = float(token)
        is_comparable = nearest - nearest == 0 and Decimal(token) == Decimal(repr(nearest))
        self.value = Decimal(token) if is_comparable else None

    def equals(self, other: Number) -> bool:
        """Compare values, or tokens when one of the two has no comparable value."""
        if self.value is None or other.value is None:
            return self.token == other.token
        return self.value == other.value


def load(text: str) -> Any:
    """Read JSON; objects become lists of pairs, numbers become Number."""
    return json.loads(text, parse_float=Number, parse_int=Number, object_pairs_hook=lambda pairs: ("object", pairs))


def matches(pattern: str, event: str) -> bool:
    """Say whether the event matches the pattern."""
    leaves: list[Leaf] = []
    flatten(load(event), "", {}, (), leaves)
    return any(holds(fields, leaves) for fields in expand(load(pattern), ""))


def expand(node: Any, prefix: str) -> list[dict[str, list[Any]]]:
    """Give the maps of path to alternatives that a pattern stands for."""
    maps: list[dict[str, list[Any]]] = [{}]
    for key, value in node[1]:
        if key == "$or":
            branches = [branch for one in value for branch in expand(one, prefix)]
            maps = [{**left, **right} for left, right in product(maps, branches)]
        elif isinstance(value, list):
            maps = [{**one, prefix + key: value} for one in maps]
        else:
            maps = [{**left, **right} for left, right in product(maps, expand(value, prefix + key + "."))]
    return maps


def flatten(
    node: Any, path: str, membership: dict[tuple[Any, ...], int], position: tuple[Any, ...], leaves: list[Leaf]
) -> None:
    """Collect leaves; ``position`` names the place in the document, so that arrays can be told apart."""
    if isinstance(node, tuple):
        last = dict(node[1])
        for key, value in last.items():
            flatten(value, f"{path}.{key}" if position else key, membership, (*position, key), leaves)
    elif isinstance(node, list):
        for index, value in enumerate(node):
            inner = {**membership, position: index} if isinstance(value, (tuple, list)) else membership
            flatten(value, path, inner, (*position, index), leaves)
    else:
        leaves.append((path, node, membership))


def holds(fields: dict[str, list[Any]], leaves: list[Leaf]) -> bool:
    """Try every choice of one leaf per path, in the order of paths."""
    paths = sorted(fields)

    def choose(index: int, chosen: list[Leaf]) -> bool:
        if index == len(paths):
            return True
        path = paths[index]
        candidates = [leaf for leaf in leaves if leaf[0] == path and all(consistent(leaf, other) for other in chosen)]
        for leaf in candidates:
            if any(accepts(one, leaf[1]) for one in fields[path]) and choose(index + 1, [*chosen, leaf]):
                return True
        wants_absent = any(isinstance(one, tuple) and one[1] == [("exists", False)] for one in fields[path])
        return wants_absent and not candidates and choose(index + 1, chosen)

    return choose(0, [])


def consistent(left: Leaf, right: Leaf) -> bool:
    """Say whether two leaves agree on the element of every array they share."""
    return all(right[2].get(array, index) == index for array, index in left[2].items())


def accepts(alternative: Any, value: Any) -> bool:
    """Say whether a present leaf satisfies one alternative."""
    if not isinstance(alternative, tuple):
        return equals(alternative, value)
    ((operator, operand),) = alternative[1]
    if operator == "exists":
        return bool(operand)
    if operator == "anything-but":
        return not any(excluded(one, value) for one in but_operands(operand))
    if operator == "numeric":
        return isinstance(value, Number) and value.value is not None and in_range(operand, value.value)
    return isinstance(value, str) and text_accepts(operator, operand, value)


def but_operands(operand: Any) -> list[Any]:
    """Give the excluded values of anything-but as a list."""
    if isinstance(operand, tuple):
        ((operator, texts),) = operand[1]
        return [(operator, text) for text in (texts if isinstance(texts, list) else [texts])]
    return operand if isinstance(operand, list) else [operand]


def excluded(one: Any, value: Any) -> bool:
    """Say whether anything-but excludes the value for this operand."""
    if isinstance(one, tuple):
        return isinstance(value, str) and text_accepts(one[0], one[1], value)
    if isinstance(one, Number):
        return isinstance(value, Number) and one.equals(value)
    return isinstance(value, str) and one == value


def equals(wanted: Any, value: Any) -> bool:
    """Compare a bare value."""
    if isinstance(wanted, Number):
        return isinstance(value, Number) and wanted.equals(value)
    if isinstance(wanted, str) and isinstance(value, str):
        return wanted == value or (address(wanted) is not None and address(wanted) == address(value))
    return wanted is value


def address(text: str) -> Any:
    """Read an address literal in any spelling; None for other text."""
    parts = text.split(".")
    if len(parts) == 4 and all(part.isascii() and part.isdigit() and len(part) < 10 for part in parts):
        text = ".".join(str(int(part)) for part in parts)
    elif "." in text or "%" in text:
        return None
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def in_range(operand: list[Any], value: Decimal) -> bool:
    """Check every comparison of a numeric operand."""
    verdicts = {"=": value.__eq__, "<": value.__lt__, "<=": value.__le__, ">": value.__gt__, ">=": value.__ge__}
    return all(verdicts[operand[at]](operand[at + 1].value) for at in range(0, len(operand), 2))


def text_accepts(operator: str, operand: Any, value: str) -> bool:
    """Check one operator on strings."""
    if operator == "exactly":
        return value == operand
    if operator == "cidr":
        found = address(value)
        network = ipaddress.ip_network(operand, strict=False)
        return found is not None and found.version == network.version and found in network
    if operator == "wildcard":
        return glob(operand, value)
    if operator == "equals-ignore-case":
        return len(value) in spelled(operand, value)
    if operator == "prefix":
        return bool(spelled(operand[1][0][1], value)) if isinstance(operand, tuple) else value.startswith(operand)
    if not isinstance(operand, tuple):
        return value.endswith(operand)
    return any(len(value) - start in spelled(operand[1][0][1], value[start:]) for start in range(len(value) + 1))


def spelled(pattern: str, value: str) -> set[int]:
    """Give the lengths of the starts of ``value`` that spell the pattern, ignoring case."""
    ends = {0}
    for char in pattern:
        ends = {end + len(form) for end in ends for form in (char.lower(), char.upper()) if value.startswith(form, end)}
    return ends


def glob(pattern: str, value: str) -> bool:
    """Match a wildcard by keeping every possible position."""
    tokens: list[str | None] = []
    chars = iter(pattern)
    for char in chars:
        tokens.append(None if char == "*" else next(chars) if char == "\\" else char)
    states = closure({0}, tokens)
    for char in value:
        states = closure(
            {s if tokens[s] is None else s + 1 for s in states if s < len(tokens) and tokens[s] in (None, char)}, tokens
        )
    return len(tokens) in states


def closure(states: set[int], tokens: list[str | None]) -> set[int]:
    """Add the positions reached by letting a star stand for nothing."""
    reached = set(states)
    for state in sorted(states):
        while state < len(tokens) and tokens[state] is None:
            state += 1
            reached.add(state)
    return reached
