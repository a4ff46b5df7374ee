"""``exists``: presence or absence of a leaf; objects and empty arrays are not leaves. Source: spec 6.3, cases 61-71."""

from __future__ import annotations

import msgspec

from bascule.patterns.operators.condition import Leaf


class Exists(msgspec.Struct, frozen=True):
    """A leaf is present, or none is. Absence is judged by the matcher, since no leaf can show it."""

    is_present: bool
    operator: str = "exists"

    def holds(self, leaf: Leaf) -> bool:
        """Any leaf is present, even null."""
        return self.is_present

    def wanted(self) -> str:
        """Words for explanations."""
        return "be present" if self.is_present else "be absent"
