"""Bare values: strings, numbers, ``true``, ``false``, ``null``, and the undocumented ``exactly``.

A bare string that is an IPv4 or IPv6 address literal is compared as an address, so every spelling of it matches; inside
``exactly`` and ``anything-but`` it is only text. Source: spec 6.3, cases 1-20, 43, 78, 79.
"""

from __future__ import annotations

import msgspec

from bascule.patterns.decimals import NumberText, WrittenNumber
from bascule.patterns.operators.addresses import address_of
from bascule.patterns.operators.condition import Leaf, quoted


class Exact(msgspec.Struct, frozen=True):
    """The leaf is this value and of this type."""

    value: Leaf
    operator: str = "equals"

    def holds(self, leaf: Leaf) -> bool:
        """Compare type and value; ``True`` is never ``1``."""
        if leaf.__class__ is self.value.__class__:
            return leaf == self.value
        return isinstance(leaf, WrittenNumber) and isinstance(self.value, float) and leaf == self.value

    def wanted(self) -> str:
        """Words for explanations."""
        return f"equal {quoted(self.value)}"


class ExactToken(msgspec.Struct, frozen=True):
    """The leaf is a number written with these very characters (300 is not 300.0)."""

    token: str
    operator: str = "equals"

    def holds(self, leaf: Leaf) -> bool:
        """Compare the literals."""
        return isinstance(leaf, (WrittenNumber, NumberText)) and leaf.token == self.token

    def wanted(self) -> str:
        """Words for explanations."""
        return f"be the number written {self.token}"


class ExactAddress(msgspec.Struct, frozen=True):
    """The leaf is a spelling of this IP address."""

    text: str
    address: tuple[int, int]
    operator: str = "equals"

    def holds(self, leaf: Leaf) -> bool:
        """Compare as addresses."""
        return isinstance(leaf, str) and (leaf == self.text or address_of(leaf) == self.address)

    def wanted(self) -> str:
        """Words for explanations."""
        return f"equal the address {quoted(self.text)}"


def bare_string(text: str) -> Exact | ExactAddress:
    """Give the condition for a string standing alone in a list of alternatives."""
    address = address_of(text)
    return Exact(text) if address is None else ExactAddress(text, address)
