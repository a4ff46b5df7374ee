"""Look-up tables from a value to the rules that wait for it: one kind of table per kind of condition.

A table answers ``find(leaf)`` with the hits whose keys the leaf satisfies; its cost depends on the leaf and on what is found, not
on the number of rules. Tables are frozen: ``changed`` gives a copy with one more or one fewer item.

A *hit* is what to do next: a test for the remaining fields (None when nothing remains), the numbers of the rules it decides, and
the item or inner index behind it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from typing import Any, ClassVar, TypeAlias

from bascule.patterns.expressions import Test
from bascule.patterns.matching import Field, is_numeric
from bascule.patterns.operators.addresses import Cidr, address_of
from bascule.patterns.operators.affixes import Prefix, Suffix
from bascule.patterns.operators.condition import Leaf
from bascule.patterns.operators.exact import Exact, ExactAddress
from bascule.patterns.operators.ignore_case import EqualsIgnoreCase
from bascule.patterns.operators.numeric import Numeric
from bascule.patterns.operators.wildcard import Wildcard

Hit: TypeAlias = "tuple[Test | None, tuple[int, ...], Any]"
Buckets: TypeAlias = "dict[Any, tuple[Hit, ...]]"

KEYS_MAX = 256  # alternatives of one field that are worth one bucket each
EQUAL, PREFIX, SUFFIX, FOLD, CIDR, NUMERIC = "equal", "prefix", "suffix", "fold", "cidr", "numeric"


def access(field: Field) -> tuple[str, tuple[Any, ...], bool] | None:
    """Say how a field can be looked up: kind of table, keys, and whether being found already satisfies the field."""
    conditions = field.conditions
    if field.can_be_absent or len(conditions) > KEYS_MAX:
        return None
    first = conditions[0].__class__
    if is_numeric(field):
        return NUMERIC, tuple(_interval(one) for one in conditions), True
    if first is Exact or first is ExactAddress:
        return _equal_access(field)
    if any(one.__class__ is not first for one in conditions):
        return None
    if first is Wildcard:
        return _wildcard_access([one.pieces for one in conditions if isinstance(one, Wildcard)])
    if first is Cidr:
        keys = tuple((one.version, one.shift, one.network) for one in conditions if isinstance(one, Cidr))
        return CIDR, keys, True
    texts = tuple(one.text for one in conditions if isinstance(one, (Prefix, Suffix, EqualsIgnoreCase)))
    if len(texts) != len(conditions) or not all(texts):
        return None
    if first is EqualsIgnoreCase:
        return (FOLD, tuple(text.lower() for text in texts), True) if all(text.isascii() for text in texts) else None
    return PREFIX if first is Prefix else SUFFIX, texts, True


def _equal_access(field: Field) -> tuple[str, tuple[Any, ...], bool] | None:
    keys: list[Any] = []
    for one in field.conditions:
        if isinstance(one, ExactAddress):
            keys.append(one.address)
        elif isinstance(one, Exact) and (one.value is None or isinstance(one.value, (str, bool))):
            keys.append(one.value)
        else:
            return None
    return EQUAL, tuple(dict.fromkeys(keys)), True


def _wildcard_access(patterns: list[tuple[str, ...]]) -> tuple[str, tuple[Any, ...], bool] | None:
    if all(len(pieces) == 1 for pieces in patterns):
        return EQUAL, tuple(dict.fromkeys(pieces[0] for pieces in patterns)), True
    if all(len(pieces) > 1 for pieces in patterns):
        if all(pieces[0] for pieces in patterns):
            return PREFIX, tuple(dict.fromkeys(pieces[0] for pieces in patterns)), False
        if all(pieces[-1] for pieces in patterns):
            return SUFFIX, tuple(dict.fromkeys(pieces[-1] for pieces in patterns)), False
    return None


def _interval(condition: Any) -> tuple[float, bool, float, bool]:
    if isinstance(condition, Numeric):
        return condition.low, condition.includes_low, condition.high, condition.includes_high
    return condition.value, True, condition.value, True


class KeyTable:
    """Buckets by key; subclasses say which keys a leaf satisfies."""

    __slots__ = ("buckets", "has_absent", "item_count")
    kind: ClassVar[str]

    def __init__(self, buckets: Buckets) -> None:
        self.buckets = buckets
        behinds = [hit[2] for hits in buckets.values() for hit in hits]
        self.has_absent = any(behind.has_absent for behind in behinds)  # some rule wants a field to be absent
        self.item_count = sum([behind.item_count for behind in behinds])  # those under several keys count for each

    def find(self, leaf: Leaf) -> Iterable[Hit]:
        """Give the hits that wait for this leaf; one hit may come more than once."""
        raise NotImplementedError


class EqualTable(KeyTable):
    """Strings, true, false, null, and addresses; never numbers."""

    __slots__ = ("has_addresses", "is_simple")
    kind = EQUAL

    def __init__(self, buckets: Buckets) -> None:
        super().__init__(buckets)
        self.has_addresses = any(key.__class__ is tuple for key in buckets)
        self.is_simple = all(key.__class__ is str for key in buckets)  # so that a bare look-up is enough

    def find(self, leaf: Leaf) -> Iterable[Hit]:
        """One look-up, and one more by address where addresses are wanted."""
        if leaf.__class__ is not str and leaf is not None and leaf.__class__ is not bool:
            return ()
        hits = self.buckets.get(leaf, ())
        if self.has_addresses and isinstance(leaf, str) and (address := address_of(leaf)) is not None:
            hits += self.buckets.get(address, ())
        return hits


class PrefixTable(KeyTable):
    """Strings by their start: one look-up per distinct length of prefix."""

    __slots__ = ("lengths",)
    kind = PREFIX

    def __init__(self, buckets: Buckets) -> None:
        super().__init__(buckets)
        self.lengths = sorted({len(key) for key in buckets})

    def find(self, leaf: Leaf) -> Iterable[Hit]:
        """Hits of every wanted prefix."""
        if not isinstance(leaf, str):
            return ()
        hits: tuple[Hit, ...] = ()
        for length in self.lengths:
            if length > len(leaf):
                break
            found = self.buckets.get(leaf[:length])
            if found is not None:
                hits += found
        return hits


class SuffixTable(PrefixTable):
    """Strings by their end."""

    __slots__ = ()
    kind = SUFFIX

    def find(self, leaf: Leaf) -> Iterable[Hit]:
        """Hits of every wanted suffix."""
        if not isinstance(leaf, str):
            return ()
        hits: tuple[Hit, ...] = ()
        for length in self.lengths:
            if length > len(leaf):
                break
            found = self.buckets.get(leaf[-length:])
            if found is not None:
                hits += found
        return hits


class FoldTable(KeyTable):
    """ASCII strings ignoring case."""

    __slots__ = ()
    kind = FOLD

    def find(self, leaf: Leaf) -> Iterable[Hit]:
        """A value that is not ASCII equals no ASCII text."""
        return self.buckets.get(leaf.lower(), ()) if isinstance(leaf, str) and leaf.isascii() else ()


class CidrTable(KeyTable):
    """Addresses by network: the space of addresses cut at the bounds of all networks, and the hits of every part."""

    __slots__ = ("parts", "starts")
    kind = CIDR

    def __init__(self, buckets: Buckets) -> None:
        super().__init__(buckets)
        self.starts: dict[int, list[int]] = {}
        self.parts: dict[int, list[tuple[Hit, ...]]] = {}
        for version in {key[0] for key in buckets}:
            networks = [
                (key[2] << key[1], key[2] + 1 << key[1], hits) for key, hits in buckets.items() if key[0] == version
            ]
            starts = sorted({0} | {bound for first, end, _ in networks for bound in (first, end)})
            parts: list[tuple[Hit, ...]] = [()] * len(starts)
            for first, end, hits in networks:
                for index in range(bisect_left(starts, first), bisect_left(starts, end)):
                    parts[index] += hits
            self.starts[version], self.parts[version] = starts, parts

    def find(self, leaf: Leaf) -> Iterable[Hit]:
        """Hits of every network the address is in."""
        address = address_of(leaf) if isinstance(leaf, str) else None
        if address is None or address[0] not in self.starts:
            return ()
        return self.parts[address[0]][bisect_right(self.starts[address[0]], address[1]) - 1]


class NumericTable(KeyTable):
    """Intervals in a segment tree over their sorted bounds: cost is logarithmic, plus what is found.

    Every bound is a cell of its own, and so is every gap between two bounds; a number's cell is the count of bounds below it plus
    the count of bounds not above it.
    """

    __slots__ = ("bounds", "size", "tree")
    kind = NUMERIC

    def __init__(self, buckets: Buckets) -> None:
        super().__init__(buckets)
        self.bounds = sorted({bound for low, _, high, _ in buckets for bound in (low, high)})
        self.size = 1 << (2 * len(self.bounds)).bit_length()
        self.tree: list[tuple[Hit, ...]] = [()] * (2 * self.size)
        for (low, includes_low, high, includes_high), hits in buckets.items():
            self._insert(
                2 * bisect_left(self.bounds, low) + (1 if includes_low else 2),
                2 * bisect_left(self.bounds, high) + (1 if includes_high else 0),
                hits,
            )

    def _insert(self, first: int, last: int, hits: tuple[Hit, ...]) -> None:
        left, right = first + self.size, last + self.size + 1
        while left < right:
            if left & 1:
                self.tree[left] += hits
                left += 1
            if right & 1:
                right -= 1
                self.tree[right] += hits
            left >>= 1
            right >>= 1

    def find(self, leaf: Leaf) -> Iterable[Hit]:
        """Hits of every interval around the number."""
        if not isinstance(leaf, float):
            return ()
        hits: tuple[Hit, ...] = ()
        node = bisect_left(self.bounds, leaf) + bisect_right(self.bounds, leaf) + self.size
        while node:
            found = self.tree[node]
            if found:
                hits += found
            node >>= 1
        return hits


TABLES: dict[str, type[KeyTable]] = {
    table.kind: table for table in (EqualTable, PrefixTable, SuffixTable, FoldTable, CidrTable, NumericTable)
}
