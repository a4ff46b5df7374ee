"""Space-delimited filter patterns: ``[ip, user, ..., status = 4*, bytes > 1000]``.

A message is cut into fields at spaces; text in double quotes or square brackets is one field. Each term of the pattern names
a field and may say what it must be; ``...`` stands for any number of fields and may occur once. Without it the message must
have exactly as many fields as the pattern has terms.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from fnmatch import translate

from bascule.services.logs.errors import InvalidParameter
from bascule.services.logs.regular_expression import regex_test

Test = Callable[[str], bool]

ELLIPSIS = "..."

_FIELD = re.compile(r'"((?:[^"\\]|\\.)*)"|\[([^\]]*)\]|(\S+)')
_TERM = re.compile(r"\w+")
_CONDITION = re.compile(
    r"(?P<name>\w+)\s*(?P<operator>!=|<=|>=|=|<|>)\s*"
    r'(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|%(?P<regex>[^%]+)%|(?P<plain>[^\s&|=<>]+))'
)


def _invalid() -> InvalidParameter:
    return InvalidParameter("Invalid filter pattern")


def compile_fields(text: str) -> Callable[[str], bool]:
    """A test for messages of fields.

    Takes    the pattern with its brackets.
    Raises   InvalidParameter.
    """
    if not text.endswith("]"):
        raise _invalid()
    terms = [term.strip() for term in re.split(r',(?=(?:[^"]*"[^"]*")*[^"]*$)', text[1:-1])]
    if terms.count(ELLIPSIS) > 1:
        raise _invalid()
    has_gap = ELLIPSIS in terms
    gap = terms.index(ELLIPSIS) if has_gap else len(terms)
    head = [_test(term) for term in terms[:gap]]
    tail = [_test(term) for term in terms[gap + 1 :]]

    def matches(message: str) -> bool:
        fields = [quoted or bracketed or plain for quoted, bracketed, plain in _FIELD.findall(message)]
        wanted = len(head) + len(tail)
        if len(fields) < wanted or (not has_gap and len(fields) != wanted):
            return False
        ends = fields[len(fields) - len(tail) :]
        return all(test(field) for test, field in zip(head, fields, strict=False)) and all(
            test(field) for test, field in zip(tail, ends, strict=True)
        )

    return matches


def _test(term: str) -> Test:
    if _TERM.fullmatch(term):
        return lambda field: True
    alternatives = [[_condition(part) for part in either.split("&&")] for either in term.split("||")]
    return lambda field: any(all(test(field) for test in tests) for tests in alternatives)


def _condition(text: str) -> Test:
    found = _CONDITION.fullmatch(text.strip())
    if found is None:
        raise _invalid()
    operator = found["operator"]
    if operator in ("=", "!="):
        equals = _equality(found)
        return equals if operator == "=" else lambda field: not equals(field)
    wanted = _number(found["plain"] or "")
    if wanted is None:
        raise _invalid()
    return lambda field: (number := _number(field)) is not None and _ordered(operator, number, wanted)


def _equality(found: re.Match[str]) -> Test:
    if found["regex"] is not None:
        return regex_test(found["regex"])
    text = found["plain"] if found["quoted"] is None else re.sub(r"\\(.)", r"\1", found["quoted"])
    if "*" in text:
        pattern = re.compile(translate(text.replace("[", "[[]").replace("?", "[?]")))
        return lambda field: pattern.match(field) is not None
    number = _number(text)
    return lambda field: field == text or (number is not None and _number(field) == number)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _ordered(operator: str, number: float, wanted: float) -> bool:
    match operator:
        case "<":
            return number < wanted
        case "<=":
            return number <= wanted
        case ">":
            return number > wanted
    return number >= wanted
