"""JSON numbers as the pattern language sees them.

A number is *comparable* when the shortest decimal form of its double equals the literal; then it is that double, whatever its
notation (``300``, ``300.0``, ``3e2``). Any other literal (19-digit identifiers, 0.10000000000000001, 1e400) is only its own
text: it equals the identical token and takes part in no numeric comparison. Source: spec 6.4.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

import msgspec

SAFE_INTEGER_MAX = 2**53  # every integer up to here is its own double
TOKEN_CHARS_MAX = 1_100  # longer literals are text without trying; a double never needs more to be written exactly


class NumberText(msgspec.Struct, frozen=True):
    """A number literal that no double stands for; equal only to the same characters."""

    token: str


class WrittenNumber(float):
    """A comparable number that remembers its literal, for dialects that compare bare numbers as written."""

    __slots__ = ("token",)
    token: str


def written_number_of(token: str) -> WrittenNumber | NumberText:
    """Like ``number_of``, keeping the literal."""
    value = number_of(token)
    if isinstance(value, NumberText):
        return value
    number = WrittenNumber(value)
    number.token = token
    return number


def number_of(token: str) -> float | NumberText:
    """Give the comparable value of a JSON number literal, or its text when there is none."""
    if len(token) > TOKEN_CHARS_MAX:
        return NumberText(token)
    value = float(token)
    if len(token) <= 15 and "e" not in token and "E" not in token:
        return value + 0.0  # at most 15 digits: always exact; adding zero turns -0.0 into 0.0
    try:
        is_exact = Decimal(token) == Decimal(repr(value))
    except InvalidOperation:  # the exponent is beyond what Decimal can hold
        is_exact = False
    return value + 0.0 if is_exact and value - value == 0 else NumberText(token)


def number_of_int(value: int) -> float | NumberText:
    """Give the comparable value of an integer literal already decoded to ``int``."""
    if -SAFE_INTEGER_MAX <= value <= SAFE_INTEGER_MAX:
        return float(value)
    try:
        nearest = float(value)
    except OverflowError:
        return NumberText(str(value))
    return nearest if int(Decimal(repr(nearest))) == value else NumberText(str(value))


def shown(value: float | NumberText) -> str:
    """Write a number the way a person would, without a needless ``.0``."""
    if isinstance(value, NumberText):
        return value.token
    return str(int(value)) if value == int(value) and abs(value) < 1e16 else repr(value)
