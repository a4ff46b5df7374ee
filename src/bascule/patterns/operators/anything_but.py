"""``anything-but``: the field is present and none of the excluded conditions holds.

Values of another type satisfy it, null included; several entries in one list of alternatives stay alternatives.
Source: spec 6.3, cases 44-60.
"""

from __future__ import annotations

import msgspec

from bascule.patterns.operators.affixes import Prefix, Suffix
from bascule.patterns.operators.condition import Leaf, listed
from bascule.patterns.operators.exact import Exact
from bascule.patterns.operators.ignore_case import EqualsIgnoreCase
from bascule.patterns.operators.wildcard import Wildcard

Excluded = Exact | Prefix | Suffix | EqualsIgnoreCase | Wildcard


class AnythingBut(msgspec.Struct, frozen=True):
    """The leaf satisfies none of the excluded conditions."""

    excluded: tuple[Excluded, ...]
    operator: str = "anything-but"

    def holds(self, leaf: Leaf) -> bool:
        """Any leaf that is not excluded."""
        return not any(condition.holds(leaf) for condition in self.excluded)

    def wanted(self) -> str:
        """Words for explanations."""
        return "be present and not " + listed([condition.wanted() for condition in self.excluded])
