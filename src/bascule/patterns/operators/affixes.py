"""``prefix`` and ``suffix``, exact case. Source: spec 6.3, cases 31-37."""

from __future__ import annotations

import msgspec

from bascule.patterns.operators.condition import Leaf, quoted


class Prefix(msgspec.Struct, frozen=True):
    """The leaf is a string that starts with the text; the empty text means any string."""

    text: str
    operator: str = "prefix"

    def holds(self, leaf: Leaf) -> bool:
        """Only strings can hold."""
        return isinstance(leaf, str) and leaf.startswith(self.text)

    def wanted(self) -> str:
        """Words for explanations."""
        return f"start with {quoted(self.text)}" if self.text else "be a string"


class Suffix(msgspec.Struct, frozen=True):
    """The leaf is a string that ends with the text; the empty text means any string."""

    text: str
    operator: str = "suffix"

    def holds(self, leaf: Leaf) -> bool:
        """Only strings can hold."""
        return isinstance(leaf, str) and leaf.endswith(self.text)

    def wanted(self) -> str:
        """Words for explanations."""
        return f"end with {quoted(self.text)}" if self.text else "be a string"
