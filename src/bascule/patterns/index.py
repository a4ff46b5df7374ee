"""Finds the few rules that an event can match: every rule waits in one table, under its most selective field.

An index is built from items (the fields of one conjunction that are still to be decided, and the numbers of the rules that are
decided by them). Each item goes into the table where it shares its bucket with the fewest others; a bucket that stays large
becomes an index of its own over the remaining fields. Items that no table can hold are tested one by one.

The same index serves compiled events (``collect``) and events on the general path (``collect_general``), where the whole
conjunction is judged again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from operator import attrgetter
from typing import Any, TypeAlias

from msgspec import UNSET, Raw

from bascule.patterns.decimals import number_of_int
from bascule.patterns.events import Event, decode
from bascule.patterns.expressions import compile_test, decode_number, flat, is_comparable
from bascule.patterns.matching import Conjunction, Field
from bascule.patterns.schema import Schema
from bascule.patterns.tables import CIDR, EQUAL, FOLD, NUMERIC, TABLES, EqualTable, Hit, KeyTable, access

BUCKET_MAX = 8  # hits tested one after the other before a bucket becomes an index
GROUP_MIN = {EQUAL: 3, FOLD: 3, CIDR: 3}  # items that make a table cheaper than tests
OTHER_GROUP_MIN = 8  # of the other kinds of table
SCANS_MAX = 64  # items tested one by one before they become tables
ROUNDS_MAX = 12  # tables of equal values chosen for their small buckets

Place: TypeAlias = tuple[str, str]  # kind of table, path
Way: TypeAlias = tuple[Place, tuple[Any, ...], Field, bool]  # place, keys, the field, whether being found satisfies it


class Item:
    """What is left to decide for one conjunction."""

    __slots__ = ("conjunction", "fields", "has_absent", "item_count", "numbers")

    def __init__(self, numbers: tuple[int, ...], conjunction: Conjunction, fields: tuple[Field, ...]) -> None:
        self.numbers = numbers
        self.conjunction = conjunction
        self.fields = fields
        self.has_absent = conjunction.has_absent  # it wants a field to be absent
        self.item_count = 1

    def places(self, schema: Schema | None) -> list[Way]:
        """Give the tables this item could wait in."""
        found = []
        for field in self.fields:
            way = access(field)
            if way is not None and (way[0] != NUMERIC or schema is None or field.path in schema.raw):
                found.append(((way[0], field.path), way[1], field, way[2]))
        return found

    def hit(self, schema: Schema | None, found_by: Field | None = None) -> Hit:
        """Compile the test for the fields that being found does not already satisfy; no test without a schema."""
        if schema is None:
            return (None, self.numbers, self)
        rest = [field for field in self.fields if field is not found_by]
        return (compile_test(rest, schema) if rest else None, self.numbers, self)


class Index:
    """Frozen tables by place, and the hits that are tested for every event."""

    __slots__ = ("getters", "groups", "has_absent", "item_count", "scans", "schema")

    def __init__(self, groups: dict[Place, KeyTable], scans: tuple[Hit, ...], schema: Schema | None) -> None:
        self.groups = groups
        self.scans = scans
        self.schema = schema
        self.has_absent: bool = any(table.has_absent for table in groups.values()) or any(
            hit[2].has_absent for hit in scans
        )
        self.item_count: int = sum(table.item_count for table in groups.values()) + sum(
            hit[2].item_count for hit in scans
        )
        self.getters = {path: attrgetter(".".join(schema.chain(path))) for _, path in groups} if schema else {}

    def hits(self) -> Iterator[Hit]:
        """Give every hit, those of many keys more than once."""
        yield from self.scans
        for table in self.groups.values():
            for bucket in table.buckets.values():
                yield from bucket

    def items(self) -> list[Item]:
        """Give every item once, whole."""
        found: dict[int, Item] = {}
        for _, _, behind in self.hits():
            for item in behind.items() if isinstance(behind, Index) else (behind,):
                found[id(item.conjunction)] = Item(item.numbers, item.conjunction, item.conjunction.fields)
        return list(found.values())

    def only_groups(self) -> Index:
        """Give the same index without its tested items."""
        return Index(self.groups, (), self.schema)

    def collect(self, event: Any) -> tuple[int, ...]:
        """Give the numbers of the rules that a decoded event matches; raises Odd when it cannot tell."""
        numbers: tuple[int, ...] = ()
        for (_, path), table in self.groups.items():
            value = self.getters[path](event)
            hits = table.find(value) if value.__class__ is str else find_any(table, value)
            if hits:
                numbers += run_hits(hits, event)
        return numbers + run_hits(self.scans, event)

    def collect_general(self, event: Event, numbers: set[int]) -> None:
        """Add the numbers of the rules that an event matches by the definition."""
        for (_, path), table in self.groups.items():
            for leaf in event.distinct_leaves(path):
                _judge_hits(table.find(leaf), event, numbers)
        _judge_hits(self.scans, event, numbers)


def added(index: Index, item: Item, schema: Schema | None) -> Index:
    """Give an index that also holds the item: in a table that exists, else among the tested, which become tables when many."""
    best: tuple[int, Way] | None = None
    for way in item.places(schema):
        place, keys, field, satisfies = way
        table = index.groups.get(place)
        if table is not None and satisfies and place[0] == EQUAL:
            crowd = max(len(table.buckets.get(key, ())) for key in keys)
            if crowd < 4 * BUCKET_MAX and (best is None or crowd < best[0]):
                best = crowd, way
    if best is not None:
        place, keys, field, _ = best[1]
        buckets = dict(index.groups[place].buckets)
        hit = item.hit(schema, field)
        for key in keys:
            buckets[key] = (*buckets.get(key, ()), hit)
        return Index({**index.groups, place: TABLES[place[0]](buckets)}, index.scans, schema)
    return Index(index.groups, _regrouped((*index.scans, item.hit(schema)), schema), schema)


def _regrouped(scans: tuple[Hit, ...], schema: Schema | None) -> tuple[Hit, ...]:
    """Turn many tested items, and earlier small layers of such, into one layer with tables of its own."""
    if sum(isinstance(behind, Item) for *_, behind in scans) <= SCANS_MAX:
        return scans
    items: list[Item] = []
    kept: list[Hit] = []
    for hit in sorted(scans, key=lambda hit: 1 if isinstance(hit[2], Item) else hit[2].item_count):
        behind = hit[2]
        if isinstance(behind, Item):
            items.append(behind)
        elif behind.item_count <= 2 * len(items):
            items += behind.items()
        else:
            kept.append(hit)
    layer = build(items, schema)
    return (*kept, *layer.scans, (layer.only_groups().collect, (), layer.only_groups())) if layer.groups else scans


def removed(index: Index, number: int, conjunction: Conjunction) -> Index:
    """Give an index in which the conjunction no longer decides the rule of this number."""
    groups = dict(index.groups)
    paths = {field.path for field in conjunction.fields}
    for place, table in index.groups.items():
        if place[1] not in paths:
            continue
        keys = {
            key for way in Item((), conjunction, conjunction.fields).places(None) if way[0] == place for key in way[1]
        }
        if keys:
            buckets = dict(table.buckets)
            for key in keys & buckets.keys():
                buckets[key] = _hits_without(buckets[key], number, conjunction)
                if not buckets[key]:
                    del buckets[key]
            groups[place] = TABLES[place[0]](buckets)
            if not buckets:
                del groups[place]
    return Index(groups, _hits_without(index.scans, number, conjunction), index.schema)


def _hits_without(hits: tuple[Hit, ...], number: int, conjunction: Conjunction) -> tuple[Hit, ...]:
    left: list[Hit] = []
    for test, numbers, behind in hits:
        if isinstance(behind, Index):
            inner = removed(behind, number, conjunction)
            if inner.groups or inner.scans:
                left.append((inner.collect, (), inner))
        elif number not in numbers or behind.conjunction != conjunction:
            left.append((test, numbers, behind))
        elif len(numbers) > 1:
            rest = tuple(one for one in numbers if one != number)
            left.append((test, rest, Item(rest, conjunction, behind.fields)))
    return tuple(left)


def run_hits(hits: Iterable[Hit], event: Any) -> tuple[int, ...]:
    """Give the numbers of the hits whose tests hold."""
    numbers: tuple[int, ...] = ()
    for test, hit_numbers, _ in hits:
        if test is None:
            numbers += hit_numbers
        else:
            outcome = test(event)
            if outcome is True:
                numbers += hit_numbers
            elif outcome:
                numbers += outcome
    return numbers


def _judge_hits(hits: Iterable[Hit], event: Event, numbers: set[int]) -> None:
    for _, hit_numbers, behind in hits:
        if isinstance(behind, Index):
            behind.collect_general(event, numbers)
        elif not numbers.issuperset(hit_numbers) and behind.conjunction.holds(event):
            numbers.update(hit_numbers)


def find_any(table: KeyTable, value: Any) -> Iterable[Hit]:
    """Look up a decoded value that is not a string, or a value that was left undecoded."""
    if value is UNSET or value.__class__ is dict:
        return ()
    if value.__class__ is Raw:
        number = decode_number(value)
        if number.__class__ is float:
            hits = table.find(number)
            return hits if hits and is_comparable(value) else ()
        value = decode(bytes(value))
    elif value.__class__ is int or value.__class__ is float:
        return ()  # tables over decoded values never hold numbers
    if value.__class__ is not list:
        return table.find(value)
    if isinstance(table, EqualTable) and table.is_simple:
        try:
            return [hit for hits in map(table.buckets.get, value) if hits is not None for hit in hits]
        except TypeError:  # arrays or objects inside
            pass
    found: dict[int, Hit] = {}
    for leaf in flat(value):
        for hit in table.find(number_of_int(leaf) if type(leaf) is int else leaf):
            found[id(hit)] = hit
    return list(found.values())


def build(items: list[Item], schema: Schema | None) -> Index:
    """Distribute the items over tables; without a schema, for the general path alone."""
    ways = [(item, item.places(schema)) for item in items]
    chosen = _choose_places(ways)
    members: dict[Place, list[tuple[Item, Way]]] = {}
    scanned: list[Item] = []
    for item, item_ways in ways:
        place = chosen.get(id(item))
        if place is None:
            scanned.append(item)
        else:
            members.setdefault(place, []).append((item, next(way for way in item_ways if way[0] == place)))
    groups: dict[Place, KeyTable] = {}
    for place, group in members.items():
        if len(group) < GROUP_MIN.get(place[0], OTHER_GROUP_MIN):
            scanned += (item for item, _ in group)
            continue
        buckets: dict[Any, list[tuple[Item, Field | None]]] = {}
        for item, (_, keys, field, satisfies) in group:
            for key in keys:
                buckets.setdefault(key, []).append((item, field if satisfies else None))
        groups[place] = TABLES[place[0]]({key: _bucket(bucket, schema) for key, bucket in buckets.items()})
    return Index(groups, tuple(item.hit(schema) for item in scanned), schema)


def _bucket(bucket: list[tuple[Item, Field | None]], schema: Schema | None) -> tuple[Hit, ...]:
    if len(bucket) > BUCKET_MAX:
        rest = [
            Item(item.numbers, item.conjunction, tuple(field for field in item.fields if field is not found_by))
            for item, found_by in bucket
            if found_by is not None and len(item.fields) > 1
        ]
        if len(rest) > BUCKET_MAX:
            inner = build(rest, schema)
            if inner.groups:
                done = tuple(
                    item.hit(schema, field) for item, field in bucket if field is None or len(item.fields) == 1
                )
                return (*done, (inner.collect, (), inner))
    return tuple(item.hit(schema, field) for item, field in bucket)


def _choose_places(items: list[tuple[Item, list[Way]]]) -> dict[int, Place]:
    """Choose a table per item, as few tables as possible whose buckets stay small."""
    sizes: dict[Place, Counter[Any]] = {}
    for _, ways in items:
        for place, keys, _, _ in ways:
            sizes.setdefault(place, Counter()).update(keys)
    chosen: dict[int, Place] = {}
    open_items = [(item, ways) for item, ways in items if ways]
    for _ in range(ROUNDS_MAX):
        coverage: Counter[Place] = Counter()  # items that could wait there
        spread: dict[Place, float] = {}  # buckets they would take up: the more, the fewer share one
        for _, ways in open_items:
            for way in ways:
                if _is_telling(way, sizes):
                    coverage[way[0]] += 1
                    spread[way[0]] = spread.get(way[0], 0.0) + 1 / _crowd(way, sizes)
        if not coverage:
            break
        best = max(spread, key=lambda place: (spread[place], place))
        if coverage[best] < GROUP_MIN[EQUAL]:
            break
        still_open = []
        for item, ways in open_items:
            if any(way[0] == best and _is_telling(way, sizes) for way in ways):
                chosen[id(item)] = best
            else:
                still_open.append((item, ways))
        open_items = still_open
    for item, ways in open_items:
        chosen[id(item)] = min(ways, key=lambda way: _burden(way, sizes))[0]
    return chosen


def _crowd(way: Way, sizes: dict[Place, Counter[Any]]) -> int:
    """Give how many items would share the fullest of the buckets this item would wait in."""
    counts = sizes[way[0]]
    return max([counts[key] for key in way[1]])


def _is_telling(way: Way, sizes: dict[Place, Counter[Any]]) -> bool:
    """Say whether a look-up of equal values leaves few items, and fewer than there are."""
    crowd = _crowd(way, sizes)
    return way[0][0] == EQUAL and crowd <= BUCKET_MAX and (crowd == 1 or len(sizes[way[0]]) > 1)


def _burden(way: Way, sizes: dict[Place, Counter[Any]]) -> tuple[int, int, Place]:
    """Order the places of an item by how many others it would meet there; ranges overlap, so they come last."""
    crowd = _crowd(way, sizes)
    kind = way[0][0]
    rank = 4 if kind == NUMERIC else (0 if crowd <= 8 * BUCKET_MAX else 2) + (kind != EQUAL)
    return rank, crowd, way[0]
