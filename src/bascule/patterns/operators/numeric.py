"""``numeric``: equality and ranges over comparable numbers. Source: spec 6.3, 6.4, cases 21-30."""

from __future__ import annotations

import msgspec

from bascule.patterns.decimals import shown
from bascule.patterns.operators.condition import Leaf

INFINITY = float("inf")


class Numeric(msgspec.Struct, frozen=True):
    """The leaf is a comparable number between two bounds."""

    low: float = -INFINITY
    high: float = INFINITY
    includes_low: bool = True
    includes_high: bool = True
    operator: str = "numeric"

    def holds(self, leaf: Leaf) -> bool:
        """Strings, booleans, null and literals that no double stands for never hold."""
        if not isinstance(leaf, float):
            return False
        above = leaf >= self.low if self.includes_low else leaf > self.low
        return above and (leaf <= self.high if self.includes_high else leaf < self.high)

    def wanted(self) -> str:
        """Words for explanations."""
        if self.low == self.high:
            return f"be a number equal to {shown(self.low)}"
        bounds = []
        if self.low != -INFINITY:
            bounds.append(f"{'>=' if self.includes_low else '>'} {shown(self.low)}")
        if self.high != INFINITY:
            bounds.append(f"{'<=' if self.includes_high else '<'} {shown(self.high)}")
        return "be a number " + " and ".join(bounds)
