"""JSON filter patterns: ``{ ($.a.b = "x*" || $.n >= 3) && $.list[0] IS NULL && $.e EXISTS }``."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from fnmatch import translate
from typing import Any

from bascule.services.logs.errors import InvalidParameter
from bascule.services.logs.regular_expression import regex_test

Test = Callable[[Any], bool]

#: Parentheses may be nested this deep. count
DEPTH_MAX = 50

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<selector>\$(?:\.[\w-]+|\[\d+\]|\[\s*(?:'[^']*'|"[^"]*")\s*\]|\.\*)*)
      | (?P<operator>&&|\|\||!=|<=|>=|=|<|>|\(|\)|\{|\})
      | (?P<string>"(?:[^"\\]|\\.)*")
      | %(?P<regex>[^%]+)%
      | (?P<word>[^\s()&|{}=<>!"]+)
    )""",
    re.VERBOSE,
)
_STEP = re.compile(r"""\.([\w-]+|\*)|\[(\d+)\]|\[\s*['"]([^'"]*)['"]\s*\]""")

_ABSENT = object()


def _invalid() -> InvalidParameter:
    return InvalidParameter("Invalid filter pattern")


def compile_json(text: str) -> Callable[[str], bool]:
    """A test for messages that are JSON; any other message does not match.

    Raises   InvalidParameter.
    """
    parser = _Parser(text)
    test = parser.whole()

    def matches(message: str) -> bool:
        try:
            return test(json.loads(message))
        except (ValueError, RecursionError):
            return False

    return matches


class _Parser:
    """Recursive descent over the tokens of one pattern: ``||`` binds looser than ``&&``."""

    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        position = 0
        text = text.rstrip()
        while position < len(text):
            found = _TOKEN.match(text, position)
            if found is None or found.lastgroup is None:
                raise _invalid()
            self._tokens.append((found.lastgroup, found[found.lastgroup]))
            position = found.end()
        self._at = 0
        self._depth = 0

    def whole(self) -> Test:
        self._expect("{")
        test = self._either()
        self._expect("}")
        if self._at != len(self._tokens):
            raise _invalid()
        return test

    def _next(self) -> tuple[str, str]:
        if self._at >= len(self._tokens):
            raise _invalid()
        self._at += 1
        return self._tokens[self._at - 1]

    def _accept(self, operator: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at] == ("operator", operator):
            self._at += 1
            return True
        return False

    def _expect(self, operator: str) -> None:
        if not self._accept(operator):
            raise _invalid()

    def _either(self) -> Test:
        tests = [self._both()]
        while self._accept("||"):
            tests.append(self._both())
        return tests[0] if len(tests) == 1 else lambda value: any(test(value) for test in tests)

    def _both(self) -> Test:
        tests = [self._condition()]
        while self._accept("&&"):
            tests.append(self._condition())
        return tests[0] if len(tests) == 1 else lambda value: all(test(value) for test in tests)

    def _condition(self) -> Test:
        if self._accept("("):
            self._depth += 1
            if self._depth > DEPTH_MAX:
                raise _invalid()
            test = self._either()
            self._expect(")")
            self._depth -= 1
            return test
        kind, selector = self._next()
        if kind != "selector":
            raise _invalid()
        select = _selection(selector)
        accepts = self._comparison()
        return lambda value: accepts(select(value))

    def _comparison(self) -> Test:
        kind, text = self._next()
        if kind == "word":
            return self._named_test(text.upper())
        if kind != "operator" or text not in ("=", "!=", "<", "<=", ">", ">="):
            raise _invalid()
        kind, operand = self._next()
        if text in ("=", "!="):
            equals = _equality(kind, operand)
            if text == "=":
                return equals
            return lambda found: found is not _ABSENT and not equals(found)
        return _ordering(text, kind, operand)

    def _named_test(self, word: str) -> Test:
        if word == "EXISTS":
            return lambda found: found is not _ABSENT
        kind, text = self._next()
        follow = text.upper() if kind == "word" else ""
        if word == "NOT" and follow == "EXISTS":
            return lambda found: found is _ABSENT
        wanted = {"NULL": None, "TRUE": True, "FALSE": False}
        if word != "IS" or follow not in wanted:
            raise _invalid()
        return lambda found: found is wanted[follow]


def _selection(selector: str) -> Callable[[Any], Any]:
    steps: list[str | int] = []
    for name, index, quoted in _STEP.findall(selector):
        if name == "*":
            raise InvalidParameter("Bascule does not implement wildcard selectors ($.*) in filter patterns yet.")
        steps.append(int(index) if index else name or quoted)

    def select(value: Any) -> Any:
        for step in steps:
            if isinstance(step, int):
                if not isinstance(value, list) or step >= len(value):
                    return _ABSENT
                value = value[step]
            else:
                if not isinstance(value, dict) or step not in value:
                    return _ABSENT
                value = value[step]
        return value

    return select


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _is_number(found: Any) -> bool:
    return isinstance(found, int | float) and not isinstance(found, bool)


def _equality(kind: str, operand: str) -> Test:
    if kind == "regex":
        test = regex_test(operand)
        return lambda found: isinstance(found, str) and test(found)
    if kind not in ("string", "word"):
        raise _invalid()
    if kind == "word" and (number := _number(operand)) is not None:
        return lambda found: _is_number(found) and found == number
    text = re.sub(r"\\(.)", r"\1", operand[1:-1]) if kind == "string" else operand
    if "*" in text:
        escaped = text.replace("[", "[[]").replace("?", "[?]")
        wanted = re.compile(translate(escaped)).match
        return lambda found: isinstance(found, str) and wanted(found) is not None
    return lambda found: isinstance(found, str) and found == text


def _ordering(operator: str, kind: str, operand: str) -> Test:
    number = _number(operand) if kind == "word" else None
    if number is None:
        raise _invalid()
    wanted = number
    compare: dict[str, Callable[[float], bool]] = {
        "<": lambda found: found < wanted,
        "<=": lambda found: found <= wanted,
        ">": lambda found: found > wanted,
        ">=": lambda found: found >= wanted,
    }
    accepts = compare[operator]
    return lambda found: _is_number(found) and accepts(found)
