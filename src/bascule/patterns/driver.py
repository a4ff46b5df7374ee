"""Writes the function that matches an event: straight-line code over the decoded struct, made for one index.

The function decodes, looks up each table, runs the tests of what was found and of what no table holds, and hands everything it
cannot tell (``Odd``, a decoding failure, a value of an unexpected kind) on. The *quick* form takes values for scalars and objects
for single and hands on to the *careful* form, which knows arrays and hands on to the general path. The text contains attribute
names and constants' names only, never anything from a pattern.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from operator import attrgetter
from typing import Any, TypeAlias

import msgspec
from msgspec import structs

from bascule.patterns.expressions import (
    NAMESPACE,
    Odd,
    Source,
    compile_test,
    number_text,
    numbers_text,
    string_text,
)
from bascule.patterns.index import Index, Item, find_any, run_hits
from bascule.patterns.matching import Field, is_numeric
from bascule.patterns.operators.affixes import Prefix, Suffix
from bascule.patterns.operators.exact import Exact
from bascule.patterns.operators.wildcard import Wildcard
from bascule.patterns.schema import Schema
from bascule.patterns.tables import CIDR, FOLD, EqualTable, Hit, KeyTable

Match: TypeAlias = Callable[[bytes], list[str]]

INLINE_MAX = 64  # hits without a table whose tests are written into the function; more are called
ADDRESSES_KEPT = 4_096  # finds remembered for a table of address blocks: parsing is slow, clients and hosts come back
FILTER_MIN = 3  # tests on the start (or end) of one value that are worth one test for all of them


class Driver:
    """Builds the text of one match function."""

    def __init__(self, index: Index, schema: Schema, *, is_quick: bool) -> None:
        self.schema = schema
        self.is_quick = is_quick
        self.source = Source()
        self.lines: list[str] = []
        self.tables: dict[str, list[tuple[str, KeyTable]]] = {}  # parent chain -> (path, table)
        self.leads: dict[
            str, dict[str, list[tuple[Item, Field]]]
        ] = {}  # parent chain -> path -> tests that start there
        self.called: list[Hit] = []
        for (kind, path), table in index.groups.items():
            self.tables.setdefault(self._parent(path), []).append((path, table))
            assert kind
        shared = Counter(field for hit in index.scans if isinstance(hit[2], Item) for field in hit[2].fields)
        for hit in index.scans:
            item = hit[2]
            if not isinstance(item, Item) or len(index.scans) > INLINE_MAX:
                self.called.append(hit)
                continue
            lead = min(item.fields, key=lambda field: _lead_order(field, shared[field]))
            self.leads.setdefault(self._parent(lead.path), {}).setdefault(lead.path, []).append((item, lead))

    def build(
        self,
        decide: Callable[[bytes], list[str]],
        finish: Callable[[tuple[int, ...], bytes], list[str]],
        also: Callable[[bytes], tuple[int, ...]] | None,
        ids: dict[int, str],
    ) -> Match:
        """Give the function.

        Takes    decide: where to hand on what this form cannot tell; finish: turns rule numbers into ids; also: gives the
                 numbers of matching rules that are not in the index, when there are such rules; ids: by rule number.
        """
        self._emit(1, "try:")
        self._emit(2, f"e = {self._constant(self.schema.decode)}(data)")
        if self._is_all_simple() and also is None:
            self._emit_simple()
        else:
            self._emit(2, "out = ()")
            self._emit_object("e", "", 2)
        if self.called:
            self._emit(2, f"out += run_hits({self._constant(tuple(self.called))}, e)")
        self._emit(1, "except Undecided:")
        self._emit(2, f"return {self._constant(decide)}(data)")
        if also is not None:
            self._emit(1, f"out += {self._constant(also)}(data)")
        self._emit(1, "if out:")
        self._emit(2, f"if len(out) == 1 and data.isascii(): return [{self._constant(ids)}[out[0]]]")
        self._emit(2, f"return {self._constant(finish)}(out, data)")
        self._emit(1, "return []")
        namespace: dict[str, Any] = dict(DRIVER_NAMESPACE)
        namespace |= {f"c{index}": value for index, value in enumerate(self.source.constants)}
        exec("def match(data):\n" + "\n".join(self.lines), namespace)  # constants as globals: no cost per call
        match: Match = namespace.pop("match")  # without the cycle, a replaced set is freed at once
        return match

    def _emit(self, depth: int, line: str) -> None:
        self.lines.append(" " * depth + line)

    def _constant(self, value: Any) -> str:
        return self.source.constant(value)

    def _parent(self, path: str) -> str:
        return ".".join(self.schema.chain(path)[:-1])

    def _emit_object(self, variable: str, chain: str, depth: int) -> None:
        """Write everything about one object and the objects inside it."""
        tables, leads = self.tables.get(chain, []), self.leads.get(chain, {})
        for path, table in tables:
            self._emit_table(variable, path, table, depth)
        for path, tests in leads.items():
            self._emit_tests(variable, path, tests, depth)
        prefix = chain + "." if chain else ""
        chains = {*self.tables, *self.leads}
        inner = {one[len(prefix) :].split(".")[0] for one in chains if one.startswith(prefix) and one != chain}
        for attribute in sorted(inner):
            child = prefix + attribute
            self._emit(depth, f"{attribute} = {variable}.{attribute}")
            is_plain = (
                child in self.tables
                and child not in self.leads
                and not any(one.startswith(child + ".") for one in chains)
            )
            if is_plain and not self.is_quick:
                specs = tuple((attrgetter(self.schema.chain(path)[-1]), table) for path, table in self.tables[child])
                self._emit(depth, f"if {attribute}.__class__ is list:")
                self._emit(depth + 1, f"out += spread({variable}, {attribute!r}, {self._constant(specs)}, e)")
                self._emit(depth, "else:")
                self._emit_object(attribute, child, depth + 1)
            else:
                self._emit_object(attribute, child, depth)

    def _is_all_simple(self) -> bool:
        """Say whether bare look-ups are all there is to do."""
        tables = [table for group in self.tables.values() for _, table in group]
        is_simple = all(isinstance(table, EqualTable) and table.is_simple for table in tables)
        return self.is_quick and is_simple and bool(tables) and not self.leads and not self.called

    def _emit_simple(self) -> None:
        """Write all look-ups first, because for most events they find nothing."""
        pairs = [pair for group in self.tables.values() for pair in group]
        for number, (path, table) in enumerate(pairs):
            value = ".".join(["e", *self.schema.chain(path)])
            self._emit(2, f"h{number} = {self._constant(table.buckets.get)}({value})")
        nothing = " and ".join(f"h{number} is None" for number in range(len(pairs)))
        self._emit(2, f"if {nothing}: return []")
        self._emit(2, "out = ()")
        for number in range(len(pairs)):
            self._emit_hits(f"h{number} is not None", 2, f"h{number}")

    def _emit_table(self, variable: str, path: str, table: KeyTable, depth: int) -> None:
        value = f"{variable}.{self.schema.chain(path)[-1]}"
        constant = self._constant(table)
        is_simple = isinstance(table, EqualTable) and table.is_simple
        if path in self.schema.raw:
            self._emit(depth, f"v = {value}")
            self._emit(depth, f"if v is not U: out += run_hits(find_any({constant}, v), e)")
        elif is_simple and self.is_quick:
            self._emit(depth, f"h = {self._constant(table.buckets.get)}({value})")
            self._emit_hits("h is not None", depth)
        else:
            self._emit(depth, f"v = {value}")
            self._emit(depth, "if v.__class__ is str:")
            if is_simple or table.kind == FOLD:
                get = self._constant(table.buckets.get)
                self._emit(depth + 1, f"h = {get}(v)" if is_simple else f"h = {get}(v.lower())")
                self._emit_hits("h is not None" if is_simple else "h is not None and v.isascii()", depth + 1)
            else:
                find = lru_cache(maxsize=ADDRESSES_KEPT)(table.find) if table.kind == CIDR else table.find
                self._emit(depth + 1, f"h = {self._constant(find)}(v)")
                self._emit_hits("h", depth + 1)
            self._emit(depth, f"elif v is not U: out += run_hits(find_any({constant}, v), e)")

    def _emit_hits(self, condition: str, depth: int, hits: str = "h") -> None:
        self._emit(depth, f"if {condition}:")
        self._emit(depth + 1, f"for t, n, _ in {hits}:")
        self._emit(depth + 2, "if t is None: out += n")
        self._emit(depth + 2, "else:")
        self._emit(depth + 3, "o = t(e)")
        self._emit(depth + 3, "if o is True: out += n")
        self._emit(depth + 3, "elif o: out += o")

    def _emit_tests(self, variable: str, path: str, tests: list[tuple[Item, Field]], depth: int) -> None:
        attribute = self.schema.chain(path)[-1]
        if path in self.schema.raw:
            self._emit_raw_tests(variable, attribute, tests, depth)
            return
        self._emit(depth, f"v = {variable}.{attribute}")
        self._emit(depth, "if v.__class__ is str:")
        self._emit_string_tests(tests, depth + 1)
        self._emit(depth, "else:" if any(field.can_be_absent for _, field in tests) else "elif v is not U:")
        for item, field in tests:
            self._emit_one(f"judge(v, {self._constant(field)})", item, field, depth + 1)

    def _emit_raw_tests(self, variable: str, attribute: str, tests: list[tuple[Item, Field]], depth: int) -> None:
        numeric = [(item, field) for item, field in tests if is_numeric(field)]
        self._emit(depth, f"r = {variable}.{attribute}")
        self._emit(depth, "if r is not U:")
        for item, field in tests:
            if (item, field) not in numeric:
                self._emit_one(f"judge_exactly(r, {self._constant(field)})", item, field, depth + 1)
        if numeric:
            self._emit(depth + 1, "v = NUMBER(r)")
            self._emit(depth + 1, "if v.__class__ is float:")
            for item, field in numeric:
                self._emit_one(number_text(field, self.source, "v", "r"), item, field, depth + 2)
            self._emit(depth + 1, "elif v.__class__ is list and (w := numbers_of(v)) is not None:")
            for item, field in numeric:
                test = f"(({numbers_text(field, self.source, 'w')}) and judge_exactly(r, {self._constant(field)}))"
                self._emit_one(test, item, field, depth + 2)
            self._emit(depth + 1, "else:")
            for item, field in numeric:
                self._emit_one(f"judge_exactly(r, {self._constant(field)})", item, field, depth + 2)
        absent = [(item, field) for item, field in tests if field.can_be_absent]
        if absent:
            self._emit(depth, "else:")
        for item, field in absent:
            self._emit_one("True", item, field, depth + 1)

    def _emit_string_tests(self, tests: list[tuple[Item, Field]], depth: int) -> None:
        rest = tests
        for method, affixes_of in (("startswith", _starts), ("endswith", _ends)):
            filtered = [(item, field) for item, field in rest if affixes_of(field)]
            if len(filtered) >= FILTER_MIN:
                rest = [pair for pair in rest if pair not in filtered]
                affixes = tuple(sorted({affix for _, field in filtered for affix in affixes_of(field)}))
                self._emit(depth, f"if v.{method}({self._constant(affixes)}):")
                for item, field in filtered:
                    self._emit_one(string_text(field.conditions, self.source, "v"), item, field, depth + 1)
        for item, field in rest:
            self._emit_one(string_text(field.conditions, self.source, "v"), item, field, depth)
        if not tests:
            self._emit(depth, "pass")

    def _emit_one(self, test: str, item: Item, lead: Field, depth: int) -> None:
        rest = [field for field in item.fields if field is not lead]
        more = f" and {self._constant(compile_test(rest, self.schema))}(e)" if rest else ""
        self._emit(depth, f"if {test}{more}: out += {self._constant(item.numbers)}")


def _lead_order(field: Field, shared_count: int) -> tuple[bool, int, int, int, str]:
    """Prefer the field that tells most: not one that many rules share, exact before others, deep before shallow."""
    cost = 0 if all(isinstance(one, Exact) for one in field.conditions) else 1 + is_numeric(field)
    return field.can_be_absent, shared_count, cost, -field.path.count("."), field.path


def _starts(field: Field) -> list[str]:
    """Give texts of which one starts every string the field accepts; empty when there are none."""
    starts = [_piece(one, 0) if isinstance(one, (Prefix, Wildcard)) else "" for one in field.conditions]
    return starts if all(starts) else []


def _ends(field: Field) -> list[str]:
    ends = [_piece(one, -1) if isinstance(one, (Suffix, Wildcard)) else "" for one in field.conditions]
    return ends if all(ends) else []


def _piece(condition: Prefix | Suffix | Wildcard, index: int) -> str:
    return condition.pieces[index] if isinstance(condition, Wildcard) else condition.text


def spread(parent: Any, name: str, specs: tuple[tuple[Any, KeyTable], ...], event: Any) -> tuple[int, ...]:
    """Look up every object of an array; a find is tested on the event as if that object stood alone.

    The event was decoded for this call alone, so standing alone is done in place and undone.
    """
    numbers: tuple[int, ...] = ()
    elements = getattr(parent, name)
    for element in elements:
        for getter, table in specs:
            value = getter(element)
            hits = table.find(value) if value.__class__ is str else find_any(table, value)
            if hits:
                if table.has_absent:
                    raise Odd
                structs.force_setattr(parent, name, element)
                numbers += run_hits(hits, event)
    structs.force_setattr(parent, name, elements)
    return numbers


DRIVER_NAMESPACE = {
    **NAMESPACE,
    "Undecided": (msgspec.DecodeError, RecursionError, AttributeError, TypeError, ValueError, Odd),
    "find_any": find_any,
    "run_hits": run_hits,
    "spread": spread,
}
