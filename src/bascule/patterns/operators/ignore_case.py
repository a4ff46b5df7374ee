"""``equals-ignore-case``, alone and inside ``prefix`` and ``suffix``.

Each character of the pattern accepts its own lower-case or upper-case mapping in the root locale, also the ones that change the
length (``ß`` accepts ``SS``). This is not symmetric and is not Unicode case folding: ``k`` does not accept the Kelvin sign.
Text that is ASCII on both sides, the usual case, is compared through ``lower()``. Source: spec 6.3, cases 38-42.
"""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

from bascule.patterns.operators.condition import Leaf, quoted


def spelling_regex(text: str) -> str:
    """Give the expression for every spelling of a text.

    The two spellings of a character never start alike, so the expression cannot backtrack further than one character.
    """
    return "".join("(?:" + "|".join(re.escape(spelling) for spelling in _spellings(char)) + ")" for char in text)


def _spellings(char: str) -> list[str]:
    return sorted({char.lower(), char.upper()})


@lru_cache(maxsize=4_096)
def _regex(text: str) -> tuple[re.Pattern[str], int, int]:
    """Give the compiled expression, and the length of the shortest and longest string it can accept."""
    shortest = sum(min(map(len, _spellings(char))) for char in text)
    longest = sum(max(map(len, _spellings(char))) for char in text)
    return re.compile(spelling_regex(text)), shortest, longest


def equals(text: str, value: str) -> bool:
    """Say whether ``value`` is a spelling of the pattern text."""
    if text.isascii():
        return len(text) == len(value) and value.isascii() and value.lower() == text.lower()
    return _regex(text)[0].fullmatch(value) is not None


def starts(text: str, value: str) -> bool:
    """Say whether ``value`` starts with a spelling of the pattern text."""
    if text.isascii():
        return equals(text, value[: len(text)])
    return _regex(text)[0].match(value) is not None


def ends(text: str, value: str) -> bool:
    """Say whether ``value`` ends with a spelling of the pattern text."""
    if text.isascii():
        return text == "" or equals(text, value[-len(text) :])
    expression, shortest, longest = _regex(text)
    begins = range(max(0, len(value) - longest), len(value) - shortest + 1)
    return any(expression.fullmatch(value, begin) is not None for begin in begins)


class EqualsIgnoreCase(msgspec.Struct, frozen=True):
    """The leaf is a string equal to the text, ignoring case."""

    text: str
    operator: str = "equals-ignore-case"

    def holds(self, leaf: Leaf) -> bool:
        """Only strings can hold."""
        return isinstance(leaf, str) and equals(self.text, leaf)

    def wanted(self) -> str:
        """Words for explanations."""
        return f"equal {quoted(self.text)} ignoring case"


class PrefixIgnoreCase(msgspec.Struct, frozen=True):
    """The leaf is a string that starts with the text, ignoring case."""

    text: str
    operator: str = "prefix equals-ignore-case"

    def holds(self, leaf: Leaf) -> bool:
        """Only strings can hold."""
        return isinstance(leaf, str) and starts(self.text, leaf)

    def wanted(self) -> str:
        """Words for explanations."""
        return f"start with {quoted(self.text)} ignoring case"


class SuffixIgnoreCase(msgspec.Struct, frozen=True):
    """The leaf is a string that ends with the text, ignoring case."""

    text: str
    operator: str = "suffix equals-ignore-case"

    def holds(self, leaf: Leaf) -> bool:
        """Only strings can hold."""
        return isinstance(leaf, str) and ends(self.text, leaf)

    def wanted(self) -> str:
        """Words for explanations."""
        return f"end with {quoted(self.text)} ignoring case"
