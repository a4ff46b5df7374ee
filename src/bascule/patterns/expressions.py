"""Turns the fields of a conjunction into one Python expression over a decoded event.

The text of an expression contains only operators and names of constants, never anything from a pattern, and expressions of the
same shape share one compiled factory. A string value is tested in line; every other kind of value goes to ``judge`` or
``judge_raw``, which follow the general path's definition. ``Odd`` means: decide this event on the general path.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import chain
from typing import Any, TypeAlias

import msgspec
from msgspec import UNSET, Raw

from bascule.patterns.decimals import NumberText, number_of, number_of_int
from bascule.patterns.events import decode
from bascule.patterns.matching import Field, is_numeric
from bascule.patterns.operators.addresses import Cidr
from bascule.patterns.operators.affixes import Prefix, Suffix
from bascule.patterns.operators.anything_but import AnythingBut
from bascule.patterns.operators.condition import Condition
from bascule.patterns.operators.exact import Exact, ExactAddress, ExactToken
from bascule.patterns.operators.exists import Exists
from bascule.patterns.operators.ignore_case import EqualsIgnoreCase, PrefixIgnoreCase, SuffixIgnoreCase
from bascule.patterns.operators.numeric import INFINITY, Numeric
from bascule.patterns.operators.wildcard import Wildcard, glob
from bascule.patterns.schema import Schema

Test: TypeAlias = Callable[[Any], Any]


class Odd(Exception):
    """The compiled tests cannot decide this event."""


class Source:
    """An expression under construction: its text and the constants it names."""

    def __init__(self) -> None:
        self.constants: list[Any] = []

    def constant(self, value: Any) -> str:
        """Give the name under which the expression sees ``value``."""
        self.constants.append(value)
        return f"c{len(self.constants) - 1}"


def is_compilable(field: Field) -> bool:
    """Say whether expressions can express the field at all; numbers compared as text cannot."""
    return not any(
        isinstance(one, ExactToken) or (isinstance(one, Exact) and isinstance(one.value, NumberText))
        for one in field.conditions
    )


def compile_test(fields: list[Field], schema: Schema) -> Test:
    """Give a function of the decoded event that says True when every field is satisfied."""
    source = Source()
    text = " and ".join(field_text(field, schema, source) for field in sorted(fields, key=_cost)) or "True"
    factory: Callable[..., Test] = _factory(text, len(source.constants))
    return factory(*source.constants)


@lru_cache(maxsize=4_096)
def _factory(text: str, constant_count: int) -> Any:
    names = ", ".join(f"c{index}" for index in range(constant_count))
    return eval(f"lambda {names}: lambda e: {text}", NAMESPACE)


def _cost(field: Field) -> int:
    return 0 if all(isinstance(one, Exact) for one in field.conditions) else 1 + is_numeric(field)


def field_text(field: Field, schema: Schema, source: Source) -> str:
    """Give the expression for one field, reading its value from the event ``e``."""
    reference = "e." + ".".join(schema.chain(field.path))
    name = source.constant(field)
    if field.path in schema.raw:
        if is_numeric(field):
            test = number_text(field, source, "v", "r")
            decided = f"({test} if (v := NUMBER(r)).__class__ is float else judge_raw(r, {name}))"
        else:
            decided = f"judge_exactly(r, {name})"
        return (
            f"((r := {reference}) is U or {decided})"
            if field.can_be_absent
            else f"((r := {reference}) is not U and {decided})"
        )
    test = string_text(field.conditions, source, "v")
    otherwise = f"judge(v, {name})" if field.can_be_absent else f"(v is not U and judge(v, {name}))"
    return f"({test} if (v := {reference}).__class__ is str else {otherwise})"


def number_text(field: Field, source: Source, value: str, raw: str) -> str:
    """Give the expression for a numeric field whose value is the float named ``value``."""
    parts = []
    for one in field.conditions:
        if isinstance(one, Exact):
            parts.append(f"{value} == {source.constant(one.value)}")
        elif isinstance(one, Numeric) and one.low == one.high:
            parts.append(f"{value} == {source.constant(one.low)}")
        elif isinstance(one, Numeric):
            low = f"{source.constant(one.low)} {'<=' if one.includes_low else '<'} " if one.low != -INFINITY else ""
            high = f" {'<=' if one.includes_high else '<'} {source.constant(one.high)}" if one.high != INFINITY else ""
            parts.append(f"{low}{value}{high}")
    return f"(({' or '.join(parts)}) and is_comparable({raw}))"


def numbers_text(field: Field, source: Source, numbers: str) -> str:
    """Give the expression that says whether one of the sorted numbers may satisfy a numeric field."""
    parts = [f"not {numbers}"] if field.can_be_absent else []
    for one in field.conditions:
        value = one.value if isinstance(one, Exact) else None
        low = one.low if isinstance(one, Numeric) else value
        high = one.high if isinstance(one, Numeric) else value
        bisect = "bisect_left" if not isinstance(one, Numeric) or one.includes_low else "bisect_right"
        limit = "<=" if not isinstance(one, Numeric) or one.includes_high else "<"
        first = f"(i := {bisect}({numbers}, {source.constant(low)}))"
        parts.append(f"({first} < len({numbers}) and {numbers}[i] {limit} {source.constant(high)})")
    return " or ".join(parts)


def numbers_of(value: list[Any]) -> list[Any] | None:
    """Give the numbers of a nest of arrays, sorted; None when it does not hold numbers alone.

    Only lists of lists of the same depth are flattened; anything else fails to sort or to chain and is left to others.
    """
    members: Iterable[Any] = value
    first: Any = value
    while first.__class__ is list and first and first[0].__class__ is list:
        members = chain.from_iterable(members)
        first = first[0]
    try:
        numbers = sorted(members)
    except TypeError:
        return None
    return numbers if not numbers or numbers[0].__class__ is float or numbers[0].__class__ is int else None


def string_text(conditions: tuple[Condition, ...], source: Source, value: str) -> str:
    """Give the expression that says whether the string named ``value`` satisfies one of the conditions."""
    parts: list[str] = []
    texts = [one.value for one in conditions if isinstance(one, Exact) and isinstance(one.value, str)]
    if len(texts) == 1:
        parts.append(f"{value} == {source.constant(texts[0])}")
    elif texts:
        parts.append(f"{value} in {source.constant(frozenset(texts))}")
    for kind, method in ((Prefix, "startswith"), (Suffix, "endswith")):
        affixes = [one.text for one in conditions if isinstance(one, kind)]
        if affixes:
            parts.append(f"{value}.{method}({source.constant(affixes[0] if len(affixes) == 1 else tuple(affixes))})")
    parts += [text for one in conditions if (text := _one_string_text(one, source, value))]
    return "(" + " or ".join(parts) + ")" if parts else "False"


def _one_string_text(one: Condition, source: Source, value: str) -> str:
    if isinstance(one, AnythingBut):
        return f"not {string_text(one.excluded, source, value)}"
    if isinstance(one, Exists):
        return str(one.is_present)
    if isinstance(one, Wildcard):
        return _wildcard_text(one, source, value)
    if isinstance(one, EqualsIgnoreCase) and one.text.isascii():
        return f"({value}.lower() == {source.constant(one.text.lower())} and {value}.isascii())"
    if isinstance(one, (EqualsIgnoreCase, PrefixIgnoreCase, SuffixIgnoreCase, Cidr, ExactAddress)):
        return f"{source.constant(one)}.holds({value})"
    return ""


def _wildcard_text(one: Wildcard, source: Source, value: str) -> str:
    first, *middle, last = one.pieces if len(one.pieces) > 1 else (one.text, "")
    if len(one.pieces) == 1:
        return f"{value} == {source.constant(one.pieces[0])}"
    parts = []
    if first:
        parts.append(f"{value}.startswith({source.constant(first)})")
    if last:
        parts.append(f"{value}.endswith({source.constant(last)})")
    if middle or (first and last):
        if len(middle) == 1 and not first and not last:
            return f"{source.constant(middle[0])} in {value}"
        parts.append(f"glob({source.constant(one.pieces)}, {value})")
    return "(" + " and ".join(parts) + ")" if parts else "True"


def judge(value: Any, field: Field) -> bool:
    """Decide a field whose decoded value is not a string."""
    if value is UNSET or value.__class__ is dict:
        return field.can_be_absent
    if value.__class__ is not list:
        return _judge_scalar(value, field)
    scalars = flat(value)
    if any(scalar.__class__ is float for scalar in scalars):
        _refuse_float(field)
    return field.accepts_any(_leaves(scalars)) if scalars else field.can_be_absent


def _judge_scalar(value: Any, field: Field) -> bool:
    if value.__class__ is int:
        return field.accepts(number_of_int(value))
    if value.__class__ is float:
        _refuse_float(field)
    return field.accepts(value)


def _leaves(scalars: list[Any]) -> list[Any]:
    return [number_of_int(scalar) if type(scalar) is int else scalar for scalar in scalars]


def _refuse_float(field: Field) -> None:
    """Raise Odd when it matters that the literal of a number is lost, and with it whether the number is comparable."""
    if any(_looks_at_numbers(one) for one in field.conditions):
        raise Odd


def _looks_at_numbers(one: Condition) -> bool:
    if isinstance(one, AnythingBut):
        return any(_looks_at_numbers(excluded) for excluded in one.excluded)
    return isinstance(one, Numeric) or (isinstance(one, Exact) and isinstance(one.value, float))


def flat(value: list[Any]) -> list[Any]:
    """Give the scalars of an array and of the arrays inside it."""
    scalars: list[Any] = []
    stack = [value]
    while stack:
        for member in stack.pop():
            if member.__class__ is list:
                stack.append(member)
            elif member.__class__ is not dict:
                scalars.append(member)
    return scalars


def judge_raw(raw: Raw, field: Field) -> bool:
    """Decide a numeric field whose undecoded value is not one number."""
    value = decode_number(raw)
    if value.__class__ is not list:
        return field.can_be_absent and value.__class__ is dict
    scalars = flat(value)
    if not scalars:
        return field.can_be_absent
    if not field.accepts_any([float(scalar) for scalar in scalars if scalar.__class__ in (int, float)]):
        return False  # the nearest doubles fail, so whatever the literals are, they fail too
    return any(
        field.accepts(number_of_int(scalar) if type(scalar) is int else scalar) for scalar in flat(decode(bytes(raw)))
    )


def judge_exactly(raw: Raw, field: Field) -> bool:
    """Decide any field whose value was left undecoded."""
    value = decode(bytes(raw))
    if value.__class__ is dict:
        return field.can_be_absent
    if value.__class__ is not list:
        return field.accepts(number_of_int(value) if type(value) is int else value)
    scalars = flat(value)
    if not scalars:
        return field.can_be_absent
    return field.accepts_any(_leaves(scalars))


def is_comparable(raw: Raw) -> bool:
    """Say whether an undecoded number is its own double, so that it takes part in comparisons."""
    token = bytes(raw)
    return (len(token) <= 15 and b"e" not in token and b"E" not in token) or not isinstance(
        number_of(token.decode()), NumberText
    )


decode_number = msgspec.json.Decoder(float | list | str | bool | dict | None).decode
NAMESPACE: dict[str, Any] = {
    "NUMBER": decode_number,
    "U": UNSET,
    "bisect_left": bisect_left,
    "bisect_right": bisect_right,
    "glob": glob,
    "is_comparable": is_comparable,
    "judge": judge,
    "len": len,
    "numbers_of": numbers_of,
    "judge_exactly": judge_exactly,
    "judge_raw": judge_raw,
    "__builtins__": {"str": str, "float": float, "list": list},
}
