"""What every operator of the pattern language is: a frozen condition on one leaf of an event.

A leaf is a ``str``, a ``float`` (comparable number), a ``NumberText`` (any other number), ``True``, ``False`` or ``None``.
``holds`` is the definition of correct; compiled matchers may be faster but never different.
"""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any, Protocol, TypeAlias

from bascule.patterns.decimals import NumberText, shown

Leaf: TypeAlias = "str | float | bool | NumberText | None"


class Condition(Protocol):
    """One alternative in the array under a field."""

    @property
    def operator(self) -> str:
        """The operator's name as written in patterns; ``equals`` for a bare value."""

    def holds(self, leaf: Leaf) -> bool:
        """Say whether a present leaf satisfies the condition. Total: no leaf makes it raise."""

    def wanted(self) -> str:
        """Say in words what the leaf should be, to stand after "it should"."""


def quoted(leaf: Any) -> str:
    """Write a leaf as JSON would, at most 200 characters, for sentences meant for people."""
    if isinstance(leaf, (float, NumberText)):
        text = shown(leaf)
    else:
        text = json.dumps(leaf, ensure_ascii=False)
    return text if len(text) <= 200 else text[:199] + "…"


VERBS = ("equal ", "start with ", "end with ", "match the wildcard ", "be an IP address inside ", "be a number ")


def listed(phrases: list[str]) -> str:
    """Join phrases with commas and a last "or", not repeating the verb they start with."""
    words = phrases[:1]
    for before, phrase in pairwise(phrases):
        verb = next((verb for verb in VERBS if phrase.startswith(verb) and before.startswith(verb)), "")
        words.append(phrase.removeprefix(verb))
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " or " + words[-1]
