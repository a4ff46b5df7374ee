"""A set of named patterns, matched together and replaced whole.

``compile`` builds a schema (what to decode), an index (where each rule waits) and a match function made for both. The set
never changes: ``with_rule`` and ``without`` give another set that shares almost everything, so matching goes on undisturbed
and a caller swaps one reference. Events the match function cannot decide go through the same index on the general path; rules
the schema cannot hold are always matched there.
"""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

import msgspec

from bascule.patterns.dialects import Dialect
from bascule.patterns.driver import Driver, Match
from bascule.patterns.events import PathNode, path_tree, read_event
from bascule.patterns.expressions import is_compilable
from bascule.patterns.index import Index, Item, added, build, removed
from bascule.patterns.matching import Conjunction, is_numeric
from bascule.patterns.pattern import Pattern
from bascule.patterns.schema import Schema

QUICK_FAILURES_MAX = 64  # events the quick match function may hand on before the careful one takes its place


class _Parts(msgspec.Struct, frozen=True):
    """Everything a set is made of."""

    patterns: dict[str, Pattern]
    numbers: dict[str, int]  # id -> place in the order of matches
    schema: Schema
    index: Index  # rules the schema can hold
    general: Index  # the others
    tree: PathNode  # the paths of all rules
    general_tree: PathNode  # the paths of the others
    dialect: Dialect


class RuleSet:
    """An immutable set of patterns by id.

    ``match(event: bytes) -> list[str]`` gives the ids of the matching rules in the order the rules were added; a replaced rule
    keeps its place. Bytes that are not a JSON object match nothing. It never raises and may be called from any thread.
    """

    __slots__ = ("__weakref__", "_parts", "match")

    match: Callable[[bytes], list[str]]

    def __init__(self, parts: _Parts) -> None:
        self._parts = parts
        ids = {number: rule_id for rule_id, number in parts.numbers.items()}
        general = _General(parts, ids)
        also = general.match_others if parts.general.item_count else None
        careful = Driver(parts.index, parts.schema, is_quick=False).build(general.decide, general.finish, also, ids)
        hand_on = _hand_on(weakref.ref(self), careful)
        self.match = Driver(parts.index, parts.schema, is_quick=True).build(hand_on, general.finish, also, ids)

    @classmethod
    def compile(cls, texts: Mapping[str, str], dialect: Dialect = Dialect.EVENT_BUS) -> RuleSet:
        """Build a set of rules.

        Takes    texts: pattern texts by id.
        Raises   PatternError for the first text that is not a valid pattern.
        """
        return cls.from_patterns({rule_id: Pattern.parse(text, dialect) for rule_id, text in texts.items()}, dialect)

    @classmethod
    def from_patterns(cls, patterns: dict[str, Pattern], dialect: Dialect = Dialect.EVENT_BUS) -> RuleSet:
        """Build a set of rules from patterns that were parsed before, in the same dialect."""
        numbers = {rule_id: number for number, rule_id in enumerate(patterns)}
        deciders: dict[Conjunction, list[int]] = {}
        for rule_id, pattern in patterns.items():
            for branch in pattern.branches:
                deciders.setdefault(branch, []).append(numbers[rule_id])
        items = [Item(tuple(rules), branch, branch.fields) for branch, rules in deciders.items()]
        usage: Counter[str] = Counter()
        for item in items:
            usage.update(field.path for field in item.fields)
        fields = [field for item in items for field in item.fields]
        raw = frozenset(field.path for field in fields if is_numeric(field))
        schema = Schema((path for path, _ in usage.most_common()), raw)
        fast, general = _split(items, schema)
        return cls(
            _Parts(
                patterns=patterns,
                numbers=numbers,
                schema=schema,
                index=build(fast, schema),
                general=build(general, None),
                tree=path_tree(usage),
                general_tree=_tree_of(general),
                dialect=dialect,
            )
        )

    def with_rule(self, rule_id: str, text: str) -> RuleSet:
        """Give a set that also holds this rule; one of the same id is replaced and keeps its place.

        Raises   PatternError.
        Promise  this set is unchanged and goes on matching; the cost hardly depends on the number of rules.
        """
        parts = self._parts
        pattern = Pattern.parse(text, parts.dialect)
        number = parts.numbers.get(rule_id, max(parts.numbers.values(), default=-1) + 1)
        old = parts.patterns.get(rule_id)
        index, general = _without_pattern(parts, old, number) if old is not None else (parts.index, parts.general)
        items = [Item((number,), branch, branch.fields) for branch in dict.fromkeys(pattern.branches)]
        new_paths = [path for path in pattern.paths if path not in parts.schema.paths]
        schema = parts.schema
        if new_paths:
            fields = [field for item in items for field in item.fields if field.path in new_paths]
            schema = schema.extended(new_paths, frozenset(field.path for field in fields if is_numeric(field)))
        fast, others = _split(items, schema)
        for item in fast:
            index = added(index, item, schema)
        for item in others:
            general = added(general, item, None)
        patterns = {**parts.patterns, rule_id: pattern}
        return RuleSet(
            _Parts(
                patterns=patterns,
                numbers={**parts.numbers, rule_id: number},
                schema=schema,
                index=index,
                general=general,
                tree=path_tree(_paths(patterns.values())) if new_paths else parts.tree,
                general_tree=_tree_of(general.items()) if others else parts.general_tree,
                dialect=parts.dialect,
            )
        )

    def without(self, rule_id: str) -> RuleSet:
        """Give a set that does not hold this rule; the same set when it never did."""
        parts = self._parts
        pattern = parts.patterns.get(rule_id)
        if pattern is None:
            return self
        index, general = _without_pattern(parts, pattern, parts.numbers[rule_id])
        return RuleSet(
            msgspec.structs.replace(
                parts,
                patterns={key: value for key, value in parts.patterns.items() if key != rule_id},
                numbers={key: value for key, value in parts.numbers.items() if key != rule_id},
                index=index,
                general=general,
            )
        )

    def __len__(self) -> int:
        return len(self._parts.patterns)

    def __contains__(self, rule_id: str) -> bool:
        return rule_id in self._parts.patterns

    def pattern(self, rule_id: str) -> Pattern:
        """Give the parsed pattern of a rule, to explain an event with; KeyError when there is no such rule."""
        return self._parts.patterns[rule_id]


def _split(items: list[Item], schema: Schema) -> tuple[list[Item], list[Item]]:
    """Separate what the schema and the expressions can hold from what only the general path can."""
    fast: list[Item] = []
    general: list[Item] = []
    for item in items:
        is_fast = all(field.path in schema.paths and is_compilable(field) for field in item.fields)
        (fast if is_fast else general).append(item)
    return fast, general


def _without_pattern(parts: _Parts, pattern: Pattern, number: int) -> tuple[Index, Index]:
    index, general = parts.index, parts.general
    for branch in dict.fromkeys(pattern.branches):
        index = removed(index, number, branch)
        general = removed(general, number, branch)
    return index, general


def _paths(patterns: Iterable[Pattern]) -> set[str]:
    return {path for pattern in patterns for path in pattern.paths}


def _tree_of(items: list[Item]) -> PathNode:
    return path_tree({field.path for item in items for field in item.fields})


def _hand_on(owner: weakref.ref[RuleSet], careful: Match) -> Match:
    """Give what the quick match function does with an event that is too much for it.

    Events with arrays where the quick form expects single values cost a wasted attempt each; when they keep coming, the careful
    form takes the place of the quick one. Both give the same answers.
    """
    failures_left = QUICK_FAILURES_MAX

    def hand_on(data: bytes) -> list[str]:
        nonlocal failures_left
        failures_left -= 1
        rules = owner()
        if failures_left == 0 and rules is not None:
            rules.match = careful
        return careful(data)

    return hand_on


class _General:
    """The general path over a whole set."""

    def __init__(self, parts: _Parts, ids: dict[int, str]) -> None:
        self.parts = parts
        self.ids = ids
        self.keeps_tokens = parts.dialect.value.compares_number_text

    def decide(self, data: bytes) -> list[str]:
        """Match every rule by the definition."""
        event = read_event(data, self.parts.tree, keeps_tokens=self.keeps_tokens)
        numbers: set[int] = set()
        if event is not None:
            self.parts.index.collect_general(event, numbers)
            self.parts.general.collect_general(event, numbers)
        return [self.ids[number] for number in sorted(numbers)]

    def match_others(self, data: bytes) -> tuple[int, ...]:
        """Match the rules that the schema cannot hold."""
        event = read_event(data, self.parts.general_tree, keeps_tokens=self.keeps_tokens)
        numbers: set[int] = set()
        if event is not None:
            self.parts.general.collect_general(event, numbers)
        return tuple(numbers)

    def finish(self, numbers: tuple[int, ...], data: bytes) -> list[str]:
        """Turn the numbers of matching rules into ids, each once, in order."""
        if not data.isascii() and not _is_utf8(data):
            return []  # the decoder skips what no rule mentions without looking at its encoding
        return [self.ids[number] for number in sorted(set(numbers))]


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
