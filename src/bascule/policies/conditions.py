"""Condition operators: one table of what each compares, and the modifiers around them.

A condition holds when any of its values fits; a negated one (``StringNotEquals``) when none does. A key that the request does
not have fails a condition, except a negated one, one with ``...IfExists``, ``ForAllValues:`` and ``Null``.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from bascule.policies.document import Condition
from bascule.policies.wildcards import arn_matches, matches, plain

#: (value of the policy, value of the request) -> whether they fit
Compare = Callable[[str, str], bool]


class Operator(NamedTuple):
    """``compare`` is the positive question; ``is_negated`` turns its answer around."""

    compare: Compare
    is_negated: bool = False


def _number(compare: Callable[[float, float], bool]) -> Compare:
    def fits(wanted: str, given: str) -> bool:
        try:
            return compare(float(given), float(wanted))
        except ValueError:
            return False

    return fits


def _moment(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=found.tzinfo or UTC).timestamp()


def _date(compare: Callable[[float, float], bool]) -> Compare:
    def fits(wanted: str, given: str) -> bool:
        try:
            return compare(_moment(given), _moment(wanted))
        except ValueError:
            return False

    return fits


def _address(wanted: str, given: str) -> bool:
    try:
        return ipaddress.ip_address(given) in ipaddress.ip_network(wanted, strict=False)
    except ValueError:
        return False


def _same(wanted: str, given: str) -> bool:
    return plain(wanted) == given


def _same_ignoring_case(wanted: str, given: str) -> bool:
    return plain(wanted).lower() == given.lower()


_ORDER: dict[str, Callable[[float, float], bool]] = {
    "LessThan": lambda given, wanted: given < wanted,
    "LessThanEquals": lambda given, wanted: given <= wanted,
    "GreaterThan": lambda given, wanted: given > wanted,
    "GreaterThanEquals": lambda given, wanted: given >= wanted,
}


def _equal(given: float, wanted: float) -> bool:
    return given == wanted


OPERATORS: Mapping[str, Operator] = {
    "StringEquals": Operator(_same),
    "StringNotEquals": Operator(_same, is_negated=True),
    "StringEqualsIgnoreCase": Operator(_same_ignoring_case),
    "StringNotEqualsIgnoreCase": Operator(_same_ignoring_case, is_negated=True),
    "StringLike": Operator(matches),
    "StringNotLike": Operator(matches, is_negated=True),
    "ArnEquals": Operator(arn_matches),
    "ArnLike": Operator(arn_matches),
    "ArnNotEquals": Operator(arn_matches, is_negated=True),
    "ArnNotLike": Operator(arn_matches, is_negated=True),
    "Bool": Operator(_same_ignoring_case),
    "BinaryEquals": Operator(_same),
    "IpAddress": Operator(_address),
    "NotIpAddress": Operator(_address, is_negated=True),
    "NumericEquals": Operator(_number(_equal)),
    "NumericNotEquals": Operator(_number(_equal), is_negated=True),
    **{f"Numeric{name}": Operator(_number(compare)) for name, compare in _ORDER.items()},
    "DateEquals": Operator(_date(_equal)),
    "DateNotEquals": Operator(_date(_equal), is_negated=True),
    **{f"Date{name}": Operator(_date(compare)) for name, compare in _ORDER.items()},
}

_ANY = "ForAnyValue:"
_ALL = "ForAllValues:"
_IF_EXISTS = "IfExists"
NULL = "Null"


class Parts(NamedTuple):
    """An operator's name taken apart: ``ForAnyValue:``, the operator, ``IfExists``."""

    quantifier: str
    operator: Operator
    is_if_exists: bool


def parts_of(name: str) -> Parts | None:
    """The parts of an operator's name; None for an unknown one (``Null`` is none of these)."""
    quantifier = next((prefix for prefix in (_ANY, _ALL) if name.startswith(prefix)), "")
    rest = name[len(quantifier) :]
    operator = OPERATORS.get(rest.removesuffix(_IF_EXISTS))
    return None if operator is None else Parts(quantifier, operator, rest.endswith(_IF_EXISTS))


def holds(condition: Condition, wanted: Sequence[str], given: Sequence[str] | None) -> bool | None:
    """Whether a condition holds.

    Takes    wanted: the condition's values, variables filled in; given: the request's values of the key, None for none.
    Gives    None for an operator that is not known: the caller must then decide for safety.
    """
    if condition.operator == NULL:
        return any((value.lower() == "true") == (given is None) for value in wanted)
    parts = parts_of(condition.operator)
    if parts is None:
        return None
    quantifier, operator, is_if_exists = parts
    if given is None:
        return is_if_exists or quantifier == _ALL or (operator.is_negated and quantifier != _ANY)

    def fits(value: str) -> bool:
        return any(operator.compare(pattern, value) for pattern in wanted)

    if quantifier == _ANY:
        return any(fits(value) != operator.is_negated for value in given)
    if quantifier == _ALL:
        return all(fits(value) != operator.is_negated for value in given)
    return any(fits(value) for value in given) != operator.is_negated
