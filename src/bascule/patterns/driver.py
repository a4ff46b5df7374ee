"""Writes the function that matches an event: straight-line code over the decoded struct, made for one index.

The function decodes, looks up each table, runs the tests of what was found and of what no table holds, and hands everything it
cannot tell (``Odd``, a decoding failure, an array where a chain of attributes expects an object) to the general path. The text
contains attribute names and constants' names only, never anything from a pattern.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, TypeAlias

import msgspec
from msgspec import structs

from bascule.patterns.expressions import NAMESPACE, Odd, Source, compile_test, is_numeric, number_text, string_text
from bascule.patterns.index import Index, Item, find_any, run_hits
from bascule.patterns.matching import Field
from bascule.patterns.operators.affixes import Prefix, Suffix
from bascule.patterns.operators.exact import Exact
from bascule.patterns.operators.wildcard import Wildcard
from bascule.patterns.schema import Schema
from bascule.patterns.tables import EQUAL, FOLD, Hit, KeyTable

Match: TypeAlias = Callable[[bytes], list[str]]

INLINE_MAX = 64  # hits without a table whose tests are written into the function; more are called
FILTER_MIN = 3  # tests on the start (or end) of one value that are worth one test for all of them


class Driver:
    """Builds the text of one match function."""

    def __init__(self, index: Index, schema: Schema) -> None:
        self.schema = schema
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
        for hit in index.scans:
            item = hit[2]
            if not isinstance(item, Item) or len(index.scans) > INLINE_MAX:
                self.called.append(hit)
                continue
            lead = min(item.fields, key=_lead_order)
            self.leads.setdefault(self._parent(lead.path), {}).setdefault(lead.path, []).append((item, lead))

    def build(
        self,
        decide: Callable[[bytes], list[str]],
        finish: Callable[[list[int], bytes], list[str]],
        also: Callable[[bytes], list[int]] | None,
    ) -> Match:
        """Give the function.

        Takes    decide: the general path; finish: turns rule numbers into ids; also: gives the numbers of matching rules that
                 are not in the index, when there are such rules.
        """
        self._emit(1, "try:")
        self._emit(2, f"e = {self._constant(self.schema.decode)}(data)")
        self._emit(2, "out = []")
        self._emit_object("e", "", 2)
        if self.called:
            self._emit(2, f"run_hits({self._constant(tuple(self.called))}, e, out)")
        self._emit(1, "except Undecided:")
        self._emit(2, f"return {self._constant(decide)}(data)")
        if also is not None:
            self._emit(1, f"out += {self._constant(also)}(data)")
        self._emit(1, "if out:")
        self._emit(2, f"return {self._constant(finish)}(out, data)")
        self._emit(1, "return out")
        names = ", ".join(f"c{index}" for index in range(len(self.source.constants)))
        text = f"def make({names}):\n def match(data):\n" + "\n".join(self.lines) + "\n return match\n"
        namespace: dict[str, Any] = dict(DRIVER_NAMESPACE)
        exec(text, namespace)
        match: Match = namespace["make"](*self.source.constants)
        return match

    def _emit(self, depth: int, line: str) -> None:
        self.lines.append(" " * (depth + 1) + line)

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
            if is_plain:
                specs = tuple((attrgetter(self.schema.chain(path)[-1]), table) for path, table in self.tables[child])
                self._emit(depth, f"if {attribute}.__class__ is list:")
                self._emit(
                    depth + 1,
                    f"spread({attribute}, {self._constant(specs)}, {self._constant(tuple(child.split('.')))}, e, out)",
                )
                self._emit(depth, "else:")
            self._emit_object(attribute, child, depth + is_plain)

    def _emit_table(self, variable: str, path: str, table: KeyTable, depth: int) -> None:
        kind = table.kind
        self._emit(depth, f"v = {variable}.{self.schema.chain(path)[-1]}")
        constant = self._constant(table)
        if path in self.schema.raw:
            self._emit(depth, f"if v is not U: run_hits(find_any({constant}, v), e, out)")
            return
        self._emit(depth, "if v.__class__ is str:")
        if kind == FOLD or (kind == EQUAL and not any(key.__class__ is tuple for key in table.buckets)):
            get = self._constant(table.buckets.get)
            self._emit(depth + 1, f"h = {get}(v.lower())" if kind == FOLD else f"h = {get}(v)")
            self._emit(depth + 1, "if h is not None" + (" and v.isascii():" if kind == FOLD else ":"))
            self._emit(depth + 2, "for t, n, _ in h:")
            self._emit(depth + 3, "if t is None: out += n")
            self._emit(depth + 3, "else:")
            self._emit(depth + 4, "o = t(e)")
            self._emit(depth + 4, "if o is True: out += n")
            self._emit(depth + 4, "elif o: out += o")
        else:
            self._emit(depth + 1, f"h = {self._constant(table.find)}(v)")
            self._emit(depth + 1, "if h: run_hits(h, e, out)")
        self._emit(depth, f"elif v is not U: run_hits(find_any({constant}, v), e, out)")

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
            self._emit(depth + 1, "else:")
            for item, field in numeric:
                self._emit_one(f"judge_raw(r, {self._constant(field)})", item, field, depth + 2)
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


def _lead_order(field: Field) -> tuple[int, str]:
    if field.can_be_absent:
        return 3, field.path
    if all(isinstance(one, Exact) for one in field.conditions):
        return 0, field.path
    return 1 + is_numeric(field), field.path


def _starts(field: Field) -> list[str]:
    """Give texts of which one starts every string the field accepts; empty when there are none."""
    starts = [_piece(one, 0) if isinstance(one, (Prefix, Wildcard)) else "" for one in field.conditions]
    return starts if all(starts) else []


def _ends(field: Field) -> list[str]:
    ends = [_piece(one, -1) if isinstance(one, (Suffix, Wildcard)) else "" for one in field.conditions]
    return ends if all(ends) else []


def _piece(condition: Prefix | Suffix | Wildcard, index: int) -> str:
    return condition.pieces[index] if isinstance(condition, Wildcard) else condition.text


def spread(
    elements: list[Any], specs: tuple[tuple[Any, KeyTable], ...], chain: tuple[str, ...], event: Any, out: list[int]
) -> None:
    """Look up every object of an array; a find is tested on the event as if that object stood alone."""
    for element in elements:
        for getter, table in specs:
            value = getter(element)
            hits = table.find(value) if value.__class__ is str else find_any(table, value)
            if hits:
                if any(behind.has_absent for _, _, behind in hits):
                    raise Odd
                run_hits(hits, _with_element(event, chain, element), out)


def _with_element(event: Any, chain: tuple[str, ...], element: Any) -> Any:
    if not chain:
        return element
    inner = _with_element(getattr(event, chain[0]), chain[1:], element)
    return structs.replace(event, **{chain[0]: inner})


DRIVER_NAMESPACE = {
    **NAMESPACE,
    "Undecided": (msgspec.DecodeError, RecursionError, AttributeError, Odd),
    "find_any": find_any,
    "run_hits": run_hits,
    "spread": spread,
}
