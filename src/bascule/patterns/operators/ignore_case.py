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
def _regex(text: str) -> re.Pattern[str]:
    return re.compile(spelling_regex(text))


def equals(text: str, value: str) -> bool:
    """Say whether ``value`` is a spelling of the pattern text."""
    if text.isascii():
        return len(text) == len(value) and value.isascii() and value.lower() == text.lower()
    return _regex(text).fullmatch(value) is not None


def starts(text: str, value: str) -> bool:
    """Say whether ``value`` starts with a spelling of the pattern text."""
    if text.isascii():
        return equals(text, value[: len(text)])
    return _regex(text).match(value) is not None


def ends(text: str, value: str) -> bool:
    """Say whether ``value`` ends with a spelling of the pattern text."""
    if text.isascii():
        return text == "" or equals(text, value[-len(text) :])
    begins = {len(value)}  # where the spellings read so far, last character first, can begin
    for char in reversed(text):
        begins = {
            begin - len(spelling)
            for begin in begins
            for spelling in _spellings(char)
            if value.endswith(spelling, 0, begin)
        }
        if not begins:
            return False
    return True


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
