"""Reads operator objects such as ``{"prefix": "x"}``: which operators there are, what they take, how they fail.

One function per operator; each starts with its name as the current token and ends on the last token of its value.
Source: spec 6.3, 6.8, 6.9.
"""

from __future__ import annotations

from collections.abc import Callable

from bascule.patterns.decimals import NumberText, number_of
from bascule.patterns.dialects import Rules
from bascule.patterns.errors import PatternError
from bascule.patterns.operators.addresses import cidr_of
from bascule.patterns.operators.affixes import Prefix, Suffix
from bascule.patterns.operators.anything_but import AnythingBut, Excluded
from bascule.patterns.operators.condition import Condition
from bascule.patterns.operators.exact import Exact
from bascule.patterns.operators.exists import Exists
from bascule.patterns.operators.ignore_case import EqualsIgnoreCase, PrefixIgnoreCase, SuffixIgnoreCase
from bascule.patterns.operators.numeric import Numeric
from bascule.patterns.operators.wildcard import Wildcard, wildcard_of
from bascule.patterns.tokens import Tokens

ONLY_ONE_KEY = "Only one key allowed in match expression"
TOO_MANY_ELEMENTS = "Too many elements in numeric expression"
BUT_VALUE = "Value of anything-but must be an array or single string/number value."
BUT_MIXED = "Inside anything but list, either all values are number or string, mixed type is not supported"
BUT_MEMBER = "Inside anything but list, start|null|boolean is not supported."
BUT_TEXT_MEMBER = {
    "prefix": "prefix/suffix match pattern must be a string",
    "suffix": "prefix/suffix match pattern must be a string",
    "wildcard": "wildcard match pattern must be a string",
    "equals-ignore-case": "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported.",
}


def read_operator(tokens: Tokens, rules: Rules) -> Condition:
    """Read one operator object; its opening brace is the current token."""
    if tokens.next() == "}":
        tokens.fail("Match expression name not found")
    name = tokens.name()
    read = _READERS.get(name)
    if read is None or name not in rules.operators:
        tokens.fail(f"Unrecognized match type {name}")
    condition = read(tokens, rules)
    if tokens.next() != "}":
        tokens.fail(TOO_MANY_ELEMENTS if name in ("numeric", "anything-but") else ONLY_ONE_KEY)
    return condition


def _text(tokens: Tokens, name: str) -> str:
    if tokens.next() != "string":
        tokens.fail(f"{name} match pattern must be a string")
    return tokens.text()


def _read_affix(tokens: Tokens, rules: Rules) -> Condition:
    name = tokens.name()
    kind = tokens.next()
    if kind == "string":
        return Prefix(tokens.text()) if name == "prefix" else Suffix(tokens.text())
    if kind != "{" or not rules.affix_ignore_case:
        tokens.fail(f"{name} match pattern must be a string")
    if tokens.next() == "}":
        tokens.fail(f"{name.capitalize()} expression name not found")
    if tokens.name() != "equals-ignore-case":
        tokens.fail(f"Unsupported {name} pattern: {tokens.name()}")
    text = _text(tokens, "equals-ignore-case")
    if tokens.next() != "}":
        tokens.fail(ONLY_ONE_KEY)
    return PrefixIgnoreCase(text) if name == "prefix" else SuffixIgnoreCase(text)


def _read_exactly(tokens: Tokens, rules: Rules) -> Condition:
    return Exact(_text(tokens, "exact"))


def _read_ignore_case(tokens: Tokens, rules: Rules) -> Condition:
    return EqualsIgnoreCase(_text(tokens, "equals-ignore-case"))


def _read_wildcard(tokens: Tokens, rules: Rules) -> Condition:
    return _wildcard(tokens, _text(tokens, "wildcard"))


def _wildcard(tokens: Tokens, text: str) -> Wildcard:
    wildcard = wildcard_of(text)
    if isinstance(wildcard, str):
        tokens.fail(wildcard)
    return wildcard


def _read_cidr(tokens: Tokens, rules: Rules) -> Condition:
    return cidr_of(_text(tokens, "prefix"))  # the service says "prefix" here too


def _read_exists(tokens: Tokens, rules: Rules) -> Condition:
    kind = tokens.next()
    if kind not in ("true", "false"):
        tokens.fail("exists match pattern must be either true or false.")
    return Exists(kind == "true")


def _read_numeric(tokens: Tokens, rules: Rules) -> Condition:
    if tokens.next() != "[":
        tokens.fail("Value of numeric must be an array.")
    if tokens.next() != "string":
        tokens.fail(f"Invalid member in numeric match: {tokens.text()}")
    operator = tokens.text()
    kind = tokens.next()
    if operator not in ("=", "<", "<=", ">", ">="):
        tokens.fail(f"Unrecognized numeric range operator: {operator}")
    if kind != "number":
        tokens.fail(f"Value of {'equals' if operator == '=' else operator} must be numeric")
    literal = tokens.text()
    kind = tokens.next()
    if operator in (">", ">=") and kind != "]":
        return _read_range(tokens, operator, literal, kind)
    if kind != "]":
        tokens.fail(TOO_MANY_ELEMENTS)
    value = _comparable(tokens, literal)
    if operator == "=":
        return Numeric(low=value, high=value)
    if operator in ("<", "<="):
        return Numeric(high=value, includes_high=operator == "<=")
    return Numeric(low=value, includes_low=operator == ">=")


def _read_range(tokens: Tokens, low_operator: str, low_literal: str, kind: str) -> Numeric:
    if kind != "string":
        tokens.fail(f"Bad value in numeric range: {tokens.text()}")
    operator = tokens.text()
    if operator not in ("<", "<="):
        tokens.fail(f"Bad numeric range operator: {operator}")
    if tokens.next() != "number":
        tokens.fail(f"Value of {operator} must be numeric")
    high_literal = tokens.text()
    if tokens.next() != "]":
        tokens.fail("Too many terms in numeric range expression")
    low, high = _comparable(tokens, low_literal), _comparable(tokens, high_literal)
    if low >= high:
        tokens.fail("Bottom must be less than top")
    return Numeric(low=low, high=high, includes_low=low_operator == ">=", includes_high=operator == "<=")


def _comparable(tokens: Tokens, literal: str) -> float:
    value = number_of(literal)
    if isinstance(value, NumberText):
        tokens.fail(f"Cannot compare number : {literal}")
    return value


def _read_anything_but(tokens: Tokens, rules: Rules) -> Condition:
    kind = tokens.next()
    if kind == "string":
        return AnythingBut((Exact(tokens.text()),))
    if kind == "number":
        value = number_of(tokens.text())
        if isinstance(value, NumberText):
            raise PatternError(f"Cannot compare number : {value.token}")
        return AnythingBut((Exact(value),))
    if kind == "[":
        return AnythingBut(_read_but_list(tokens))
    if kind != "{":
        tokens.fail(BUT_VALUE)
    if tokens.next() == "}":
        tokens.fail("Anything-But expression name not found")
    name = tokens.name()
    if name not in rules.anything_but:
        tokens.fail(f"Unsupported anything-but pattern: {name}")
    excluded = _read_but_texts(tokens, name)
    if tokens.next() != "}":
        tokens.fail(TOO_MANY_ELEMENTS)
    return AnythingBut(excluded)


def _read_but_list(tokens: Tokens) -> tuple[Excluded, ...]:
    texts: list[str] = []
    literals: list[str] = []
    while (kind := tokens.next()) != "]":
        if kind not in ("string", "number"):
            tokens.fail(BUT_MEMBER, times=2)
        (texts if kind == "string" else literals).append(tokens.text())
    if bool(texts) == bool(literals):
        tokens.fail(BUT_MIXED)
    values: list[str | float] = [*texts, *(_comparable(tokens, literal) for literal in literals)]
    return tuple(Exact(value) for value in dict.fromkeys(values))


def _read_but_texts(tokens: Tokens, name: str) -> tuple[Excluded, ...]:
    kind = tokens.next()
    if kind == "string":
        return (_but_text(tokens, name, times=1),)
    if kind == "number":
        tokens.fail(BUT_TEXT_MEMBER[name])
    if kind != "[":
        tokens.fail(BUT_VALUE)
    excluded: list[Excluded] = []
    while (kind := tokens.next()) != "]":
        if kind != "string":
            tokens.fail(BUT_TEXT_MEMBER[name], times=2)
        excluded.append(_but_text(tokens, name, times=2))
    if not excluded:
        tokens.fail("Empty arrays are not allowed")
    return tuple(dict.fromkeys(excluded))


def _but_text(tokens: Tokens, name: str, *, times: int) -> Excluded:
    text = tokens.text()
    if name == "wildcard":
        return _wildcard(tokens, text)
    if name == "equals-ignore-case":
        return EqualsIgnoreCase(text)
    if not text:
        tokens.fail("Null prefix/suffix not allowed", times=times)
    return Prefix(text) if name == "prefix" else Suffix(text)


_READERS: dict[str, Callable[[Tokens, Rules], Condition]] = {
    "prefix": _read_affix,
    "suffix": _read_affix,
    "exactly": _read_exactly,
    "equals-ignore-case": _read_ignore_case,
    "wildcard": _read_wildcard,
    "cidr": _read_cidr,
    "exists": _read_exists,
    "numeric": _read_numeric,
    "anything-but": _read_anything_but,
}
