"""Random patterns and events over a small vocabulary, so that they meet often and in every odd way."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

KEYS = ["a"] * 6 + ["b"] * 4 + ["c", "z", "a.b", "b.c", "", "é"]  # few keys, so that patterns and events meet
TEXTS = [
    "",
    "x",
    "xy",
    "X",
    "xyx",
    "ß",
    "SS",
    "é",
    "10.0.0.1",
    "10.0.0.01",
    "::1",
    "0:0:0:0:0:0:0:1",
    "1",
    "a*b",
    "😀",
    "\u212a",
    "k",
]
LITERALS = [
    "0",
    "-0",
    "1",
    "1.0",
    "1e0",
    "5",
    "5.5",
    "300",
    "3.0e2",
    "0.10000000000000001",
    "0.1",
    "1e400",
    "9007199254740993",
]
LITERALS += [
    "9007199254740992",
    "123456789012345680",
    "1.2345678901234568e17",
    "-7",
    "1234567890123456789",
    "1.2345678e-320",
]
COMPARABLE = ["0", "1", "1.0", "5", "5.5", "300", "-7", "0.1", "9007199254740992", "123456789012345680"]
CIDRS = ["10.0.0.0/24", "0.0.0.0/0", "10.0.0.77/8", "::/0", "2001:db8::/32", "::/127"]
WILDCARDS = ["*", "x*", "*x", "x*x", "*x*", "", "xy", "a\\*b", "*y*x", "*.0.*"]
RANGES = [
    ["=", "5"],
    ["<", "5"],
    ["<=", "5"],
    [">", "0"],
    [">=", "1"],
    [">", "0", "<", "5"],
    [">=", "0", "<=", "300"],
    ["<", "9e18"],
]


class Raw(str):
    """JSON text to be written as it is."""


def write(value: Any) -> str:
    """Write JSON; objects are lists of pairs under a tuple, so that keys may repeat."""
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, tuple):
        return "{" + ", ".join(f"{json.dumps(key)}: {write(member)}" for key, member in value) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(write(member) for member in value) + "]"
    return json.dumps(value, ensure_ascii=False)


texts = st.sampled_from(TEXTS)
some_texts = st.one_of(texts.filter(bool), st.lists(texts.filter(bool), min_size=1, max_size=3))
numbers = st.sampled_from(LITERALS).map(Raw)
comparable = st.sampled_from(COMPARABLE).map(Raw)


def operator(name: str, operand: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return operand.map(lambda value: ((name, value),))


def ignore_case(name: str) -> st.SearchStrategy[Any]:
    return operator(name, operator("equals-ignore-case", texts))


wildcards = st.sampled_from(WILDCARDS)
alternatives = st.one_of(
    texts,
    numbers,
    st.sampled_from([True, False, None]),
    operator("prefix", texts),
    operator("suffix", texts),
    ignore_case("prefix"),
    ignore_case("suffix"),
    operator("equals-ignore-case", texts),
    operator("wildcard", wildcards),
    operator("exactly", texts),
    operator("cidr", st.sampled_from(CIDRS)),
    operator("exists", st.booleans()),
    operator(
        "numeric",
        st.sampled_from(RANGES).map(lambda one: [Raw(item) if index % 2 else item for index, item in enumerate(one)]),
    ),
    operator("anything-but", st.one_of(texts, comparable, st.lists(texts, min_size=1, max_size=3))),
    operator("anything-but", st.lists(comparable, min_size=1, max_size=3)),
    operator("anything-but", operator("prefix", some_texts)),
    operator("anything-but", operator("suffix", some_texts)),
    operator("anything-but", operator("equals-ignore-case", st.one_of(texts, st.lists(texts, min_size=1, max_size=3)))),
    operator("anything-but", operator("wildcard", st.one_of(wildcards, st.lists(wildcards, min_size=1, max_size=2)))),
)
lists = st.lists(alternatives, min_size=1, max_size=3)
keys = st.sampled_from(KEYS)


@st.composite
def pattern_objects(draw: st.DrawFn, depth: int = 0) -> Any:
    pairs: list[Any] = []
    for _ in range(draw(st.integers(1, 3))):
        kind = draw(st.integers(0, 9))
        if kind == 0 and depth < 2:
            branches = draw(st.lists(pattern_objects(depth + 1), min_size=2, max_size=2))
            pairs.append(("$or", branches))
        elif kind < 5 and depth < 3:
            pairs.append((draw(keys), draw(pattern_objects(depth + 1))))
        else:
            pairs.append((draw(keys), draw(lists)))
    return tuple(pairs)


patterns = pattern_objects().map(write)
leaves = st.one_of(texts, numbers, st.sampled_from([True, False, None]))
values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(st.tuples(keys, inner), max_size=3).map(tuple),
        st.lists(st.lists(st.tuples(keys, inner), max_size=3).map(tuple), max_size=3),
    ),
    max_leaves=10,
)
events = st.lists(st.tuples(keys, values), max_size=4).map(tuple).map(write)


@st.composite
def related_value(draw: st.DrawFn, wanted: list[Any]) -> Any:
    """Draw a value that likely satisfies one of the alternatives."""
    one = draw(st.sampled_from(wanted))
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return draw(values)
    while isinstance(one, tuple):
        one = one[0][1]
    if isinstance(one, list):
        one = draw(st.sampled_from(one))
    if isinstance(one, bool) and kind < 5:
        one = draw(leaves)
    if isinstance(one, str) and not isinstance(one, Raw):
        one = draw(
            st.sampled_from([one, one + "y", "x" + one, one.upper(), one.lower(), one.replace("*", "xy"), "10.0.0.7"])
        )
    return [one, draw(leaves)] if kind == 1 else one


@st.composite
def related_object(draw: st.DrawFn, pattern: Any) -> Any:
    """Draw an object with the fields a pattern mentions; some become arrays of such objects, some are left out."""
    pairs: list[Any] = []
    for key, member in pattern:
        if key == "$or":
            pairs += draw(related_object(draw(st.sampled_from(member))))
        elif draw(st.integers(0, 9)) < 8:
            if isinstance(member, list):
                pairs.append((key, draw(related_value(member))))
            elif draw(st.integers(0, 9)) < 5:
                pairs.append((key, draw(related_object(member))))
            else:
                elements = draw(st.lists(st.one_of(related_object(member), leaves), min_size=1, max_size=3))
                pairs.append((key, elements))
    return tuple(pairs)


@st.composite
def meetings(draw: st.DrawFn, rules_max: int, events_max: int) -> tuple[list[str], list[str]]:
    """Draw patterns, and events made for them or not."""
    trees = draw(st.lists(pattern_objects(), min_size=1, max_size=rules_max))
    made_for = st.sampled_from(trees).flatmap(related_object).map(write)
    return [write(tree) for tree in trees], draw(
        st.lists(st.one_of(made_for, made_for, events), min_size=1, max_size=events_max)
    )
