"""Many alternatives at once: the same verdict as asking each, without asking each.

A pattern of the allowed size holds hundreds of alternatives and an event hundreds of thousands of leaves; their product is what
this module takes the sting out of. Texts become a set, a tuple for one call, or one regular expression; ranges become sorted,
disjoint ones; networks are grouped by mask. What is left (few by the limits of the language) is asked one by one.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable

from bascule.patterns.decimals import NumberText, WrittenNumber
from bascule.patterns.operators.addresses import Cidr, address_of
from bascule.patterns.operators.affixes import Prefix, Suffix
from bascule.patterns.operators.anything_but import AnythingBut
from bascule.patterns.operators.condition import Condition, Leaf
from bascule.patterns.operators.exact import Exact, ExactAddress, ExactToken
from bascule.patterns.operators.ignore_case import EqualsIgnoreCase, PrefixIgnoreCase, SuffixIgnoreCase, spelling_regex
from bascule.patterns.operators.numeric import Numeric


class AnyOf:
    """Holds when one of the conditions holds."""

    def __init__(self, conditions: Iterable[Condition]) -> None:
        self.values: set[tuple[type, Leaf]] = set()
        self.tokens: set[str] = set()
        self.addresses: set[tuple[int, int]] = set()
        self.folded_suffixes: dict[int, set[str]] = {}  # by length
        self.networks: dict[tuple[int, int], set[int]] = {}
        self.ranges: list[tuple[float, bool, float, bool]] = []
        self.exclusions: list[AnyOf] = []
        self.others: list[Condition] = []
        prefixes: list[str] = []
        suffixes: list[str] = []
        spellings: list[str] = []
        for one in conditions:
            if isinstance(one, Exact):
                self.values.add((one.value.__class__, one.value))
            elif isinstance(one, ExactToken):
                self.tokens.add(one.token)
            elif isinstance(one, ExactAddress):
                self.addresses.add(one.address)
            elif isinstance(one, Prefix):
                prefixes.append(one.text)
            elif isinstance(one, Suffix):
                suffixes.append(one.text)
            elif isinstance(one, Cidr):
                self.networks.setdefault((one.version, one.shift), set()).add(one.network)
            elif isinstance(one, Numeric):
                self.ranges.append((one.low, not one.includes_low, one.high, one.includes_high))
            elif isinstance(one, (EqualsIgnoreCase, PrefixIgnoreCase)):
                spellings.append(spelling_regex(one.text) + (r"\Z" if isinstance(one, EqualsIgnoreCase) else ""))
            elif isinstance(one, SuffixIgnoreCase) and one.text.isascii():
                self.folded_suffixes.setdefault(len(one.text), set()).add(one.text.lower())
            elif isinstance(one, AnythingBut):
                self.exclusions.append(AnyOf(one.excluded))
            else:
                self.others.append(one)
        self.prefixes = tuple(prefixes)
        self.suffixes = tuple(suffixes)
        self.spelling = re.compile("|".join(spellings)) if spellings else None
        self.ranges = _disjoint(self.ranges)
        self.lows = [low for low, _, _, _ in self.ranges]

    def holds(self, leaf: Leaf) -> bool:
        """Say whether one of the conditions holds."""
        if (float if isinstance(leaf, float) else leaf.__class__, leaf) in self.values:
            return True
        if isinstance(leaf, (WrittenNumber, NumberText)) and leaf.token in self.tokens:
            return True
        if isinstance(leaf, str):
            if self._holds_text(leaf):
                return True
        elif isinstance(leaf, float) and self.ranges and self._holds_number(leaf):
            return True
        if any(not exclusion.holds(leaf) for exclusion in self.exclusions):
            return True
        return any(one.holds(leaf) for one in self.others)

    def _holds_text(self, leaf: str) -> bool:
        if leaf.startswith(self.prefixes) or leaf.endswith(self.suffixes):
            return True
        if self.spelling is not None and self.spelling.match(leaf) is not None:
            return True
        for length, texts in self.folded_suffixes.items():
            tail = leaf[len(leaf) - length :] if length <= len(leaf) else None
            if tail is not None and tail.isascii() and tail.lower() in texts:
                return True
        if not self.addresses and not self.networks:
            return False
        address = address_of(leaf)
        if address is None:
            return False
        version, number = address
        return address in self.addresses or any(
            mask[0] == version and number >> mask[1] in networks for mask, networks in self.networks.items()
        )

    def _holds_number(self, leaf: float) -> bool:
        for index in (bisect_right(self.lows, leaf) - 1, bisect_right(self.lows, leaf) - 2):
            if index >= 0:
                low, excludes_low, high, includes_high = self.ranges[index]
                if (leaf > low or (leaf == low and not excludes_low)) and (
                    leaf < high or (leaf == high and includes_high)
                ):
                    return True
        return False


def _disjoint(ranges: list[tuple[float, bool, float, bool]]) -> list[tuple[float, bool, float, bool]]:
    """Join ranges that overlap; ``(low, excludes_low, high, includes_high)`` sorted by start."""
    joined: list[tuple[float, bool, float, bool]] = []
    for low, excludes_low, high, includes_high in sorted(ranges):
        if joined:
            last_low, last_excludes, last_high, last_includes = joined[-1]
            if low < last_high or (low == last_high and (last_includes or not excludes_low)):
                joined[-1] = (last_low, last_excludes, *max((last_high, last_includes), (high, includes_high)))
                continue
        joined.append((low, excludes_low, high, includes_high))
    return joined
