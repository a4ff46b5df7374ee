"""Reads the text of an event pattern into flat conjunctions.

The result is a list of maps ``dotted.path -> alternatives``; the pattern matches when any of them does. Nested objects become
dotted paths, each ``$or`` multiplies the maps by its branches, a path given again replaces the earlier one.
Checks happen in the order of AWS's parser, because the position in the message depends on it. Source: spec 6.1, 6.2, 6.6, 6.9.
"""

from __future__ import annotations

from typing import TypeAlias

from bascule.patterns.decimals import number_of
from bascule.patterns.dialects import Dialect, Rules
from bascule.patterns.errors import PatternError
from bascule.patterns.operator_syntax import read_operator
from bascule.patterns.operators.anything_but import AnythingBut
from bascule.patterns.operators.condition import Condition
from bascule.patterns.operators.exact import Exact, ExactToken, bare_string
from bascule.patterns.operators.wildcard import Wildcard, refuse_complex
from bascule.patterns.tokens import Tokens

Alternatives: TypeAlias = tuple[Condition, ...]
Fields: TypeAlias = dict[str, Alternatives]

COMBINATIONS_MAX = 1_000  # $or combinations of one pattern
NESTING_MAX = 200  # objects inside objects in a pattern; the text limit of 4,096 characters leaves sense for far fewer
RESERVED_IN_OR = frozenset(
    {"exactly", "equals-ignore-case", "prefix", "suffix", "anything-but", "exists", "wildcard", "numeric", "cidr"}
    | {"=", "<", "<=", ">", ">=", "regex", "not-wildcard", "not-equals-ignore-case"}
    | {"date-after", "date-on-or-after", "date-before", "date-on-or-before", "in-date-range"}
    | {"ip-address-in-range", "ip-address-not-in-range"}
)


def read_pattern(text: str, dialect: Dialect) -> list[Fields]:
    """Give the conjunctions of a pattern, at least one, each with at least one field.

    Raises   PatternError. Text after the closing brace is ignored.
    """
    tokens = Tokens(text)
    if tokens.next() != "{":
        tokens.fail("Filter is not an object")
    maps = _Reader(tokens, dialect.value).read_object("", depth=1, is_in_or=False)
    for fields in maps:
        for alternatives in fields.values():
            refuse_complex([wildcard for condition in alternatives for wildcard in _wildcards(condition)])
    _refuse_over_limit(maps, dialect.value)
    return maps


def _wildcards(condition: Condition) -> list[Wildcard]:
    inner = condition.excluded if isinstance(condition, AnythingBut) else (condition,)
    return [one for one in inner if isinstance(one, Wildcard)]


def _refuse_over_limit(maps: list[Fields], rules: Rules) -> None:
    if rules.keys_max and len({path for fields in maps for path in fields}) > rules.keys_max:
        raise PatternError(f"Filter policy can not have more than {rules.keys_max} keys")
    if rules.combinations_max:
        total = 0
        for fields in maps:
            product = 1
            for path, alternatives in fields.items():
                product *= len(alternatives) * (path.count(".") + 1)
            total += product
        if total > rules.combinations_max:
            raise PatternError("Filter policy is too complex")


class _Reader:
    """One pass over the tokens of one pattern."""

    def __init__(self, tokens: Tokens, rules: Rules) -> None:
        self.tokens = tokens
        self.rules = rules

    def read_object(self, prefix: str, *, depth: int, is_in_or: bool) -> list[Fields]:
        """Read the fields up to the closing brace; the opening one is the current token."""
        tokens = self.tokens
        if depth > NESTING_MAX:
            tokens.fail(f"Document nesting depth ({depth}) exceeds the maximum allowed ({NESTING_MAX})")
        maps: list[Fields] = [{}]
        is_empty = True
        while tokens.next() != "}":
            is_empty = False
            name = tokens.name()
            if is_in_or and name in RESERVED_IN_OR:
                tokens.fail(f"{name} is Ruler reserved fieldName which cannot be used inside $or.")
            kind = tokens.next()
            if name == "$or":
                maps = self._multiply(maps, self._read_or(prefix, kind, depth))
            elif kind == "[":
                alternatives = self._read_alternatives()
                for fields in maps:
                    fields[prefix + name] = alternatives
            elif kind == "{":
                if self.rules.is_flat:
                    tokens.fail("Filter policy scope MessageAttributes does not support nested filter policy")
                inner = self.read_object(prefix + name + ".", depth=depth + 1, is_in_or=is_in_or)
                maps = self._multiply(maps, inner)
            else:
                tokens.fail(f'"{name}" must be an object or an array')
        if is_empty:
            tokens.fail("Empty objects are not allowed")
        return maps

    def _multiply(self, maps: list[Fields], branches: list[Fields]) -> list[Fields]:
        if len(maps) * len(branches) > COMBINATIONS_MAX:
            raise PatternError(f"$or has more than {COMBINATIONS_MAX} combinations of branches")
        return [{**fields, **branch} for fields in maps for branch in branches]

    def _read_or(self, prefix: str, kind: str, depth: int) -> list[Fields]:
        tokens = self.tokens
        if kind != "[":
            tokens.fail("It must be an Array followed with $or.")
        branches: list[Fields] = []
        count = 0
        while (kind := tokens.next()) != "]":
            if kind != "{":
                tokens.fail("Only JSON object is allowed in array of $or relationship.")
            branches += self.read_object(prefix, depth=depth + 1, is_in_or=True)
            count += 1
            if len(branches) > COMBINATIONS_MAX:
                raise PatternError(f"$or has more than {COMBINATIONS_MAX} combinations of branches")
        if count < 2:
            tokens.fail("There must have at least 2 Objects in $or relationship.")
        return branches

    def _read_alternatives(self) -> Alternatives:
        tokens = self.tokens
        alternatives: list[Condition] = []
        while (kind := tokens.next()) != "]":
            if kind == "{":
                alternatives.append(read_operator(tokens, self.rules))
            elif kind == "string":
                alternatives.append(bare_string(tokens.text()))
            elif kind == "number":
                token = tokens.text()
                alternatives.append(ExactToken(token) if self.rules.compares_number_text else Exact(number_of(token)))
            elif kind == "[":
                tokens.fail("Match value must be String, number, true, false, or null")
            else:
                alternatives.append(Exact({"true": True, "false": False, "null": None}[kind]))
        if not alternatives:
            tokens.fail("Empty arrays are not allowed")
        return tuple(alternatives)
