"""Decides whether one conjunction holds for one event: the definition of correct.

One leaf per path must be chosen so that all chosen leaves are array-consistent; ``exists: false`` holds when no leaf of its path
is consistent with the leaves chosen for paths that sort before it. Searching choices naively is exponential, so:

- when each path can come from one place only (all JSON without dotted keys or arrays that mix scalars with arrays), what is
  chosen inside one array does not touch the others, and one pass over the contexts, children first, decides;
- otherwise a search over choices runs with a budget of steps. A conjunction that exhausts it does not match. Reaching it takes an
  event built for the purpose; the bound is what keeps such an event from stalling the process.

Source: spec 6.2, cases 91-102.
"""

from __future__ import annotations

import msgspec

from bascule.patterns.events import Array, Context, Event
from bascule.patterns.operators.condition import Condition, Leaf
from bascule.patterns.operators.exists import Exists

SEARCH_STEPS_MAX = 20_000  # per conjunction and event
NOTHING_CHOSEN = 1 << 30
IMPOSSIBLE = -1


class Field(msgspec.Struct, frozen=True):
    """One path of a conjunction and what its leaf may be."""

    path: str
    conditions: tuple[Condition, ...]  # alternatives for a present leaf
    can_be_absent: bool

    def accepts(self, leaf: Leaf) -> bool:
        """Say whether some alternative holds for a present leaf."""
        return any(condition.holds(leaf) for condition in self.conditions)


class Conjunction(msgspec.Struct, frozen=True):
    """Fields that must all hold, sorted by path: one branch of a pattern."""

    fields: tuple[Field, ...]

    def holds(self, event: Event) -> bool:
        """Say whether the event satisfies every field consistently."""
        if len(event.contexts) == 1:
            leaves = event.root.leaves
            for field in self.fields:
                values = leaves.get(field.path)
                if values is None:
                    if not field.can_be_absent:
                        return False
                elif not any(field.accepts(leaf) for leaf in values):
                    return False
            return True
        return _holds_in_tree(self.fields, event)


def conjunction(fields: dict[str, tuple[Condition, ...]]) -> Conjunction:
    """Build a conjunction from a map of path to alternatives."""
    return Conjunction(
        tuple(
            Field(
                path,
                tuple(one for one in conditions if not (isinstance(one, Exists) and not one.is_present)),
                any(isinstance(one, Exists) and not one.is_present for one in conditions),
            )
            for path, conditions in sorted(fields.items())
        )
    )


def _holds_in_tree(fields: tuple[Field, ...], event: Event) -> bool:
    for field in fields:  # a field that no leaf anywhere satisfies decides without any search
        if not field.can_be_absent and not any(
            field.accepts(leaf) for context in event.contexts for leaf in context.leaves.get(field.path, ())
        ):
            return False
    verdict = _decide_by_contexts(fields, event)
    return _Search(fields, event).run() if verdict is None else verdict


def _decide_by_contexts(fields: tuple[Field, ...], event: Event) -> bool | None:
    """Decide children first; None when some path can come from two places of one context.

    Per context: the smallest index of a chosen field (NOTHING_CHOSEN when it holds none of the paths), or IMPOSSIBLE. Smaller is
    better: an array counts as entered for every later path, and absence is then judged in the chosen element alone.
    """
    index_of = {field.path: index for index, field in enumerate(fields)}
    first_of: dict[int, int] = {}
    for context in reversed(event.contexts):
        taken = {index_of[path] for path in context.leaves if path in index_of}
        first = min(taken, default=NOTHING_CHOSEN)
        is_possible = all(
            any(fields[index].accepts(leaf) for leaf in context.leaves[fields[index].path]) for index in taken
        )
        for array in context.arrays:
            inside = {index_of[path] for path in array.paths if path in index_of}
            if not inside:
                continue
            if inside & taken:
                return None
            taken |= inside
            best = _best_element(fields, array, inside, first_of)
            is_possible = is_possible and best != IMPOSSIBLE
            first = min(first, best)
        first_of[id(context)] = first if is_possible else IMPOSSIBLE
    present = {index_of[path] for path in _paths_below(event.root) if path in index_of}
    return first_of[id(event.root)] != IMPOSSIBLE and all(
        field.can_be_absent for index, field in enumerate(fields) if index not in present
    )


def _best_element(fields: tuple[Field, ...], array: Array, inside: set[int], first_of: dict[int, int]) -> int:
    """Give the smallest first chosen index over the elements that can be chosen, or IMPOSSIBLE."""
    best = NOTHING_CHOSEN
    for element in array.elements:
        first = first_of[id(element)]
        if first in (IMPOSSIBLE, NOTHING_CHOSEN) or first >= best:
            continue
        below = _paths_below(element)
        missing = (index for index in inside if fields[index].path not in below)
        if all(fields[index].can_be_absent and first < index for index in missing):
            best = first
    return IMPOSSIBLE if best == NOTHING_CHOSEN else best


def _paths_below(context: Context) -> set[str]:
    paths = set(context.leaves)
    for array in context.arrays:
        paths |= array.paths
    return paths


class _Search:
    """Depth-first choice of one context per field, with a budget shared with the other conjunctions of the event."""

    def __init__(self, fields: tuple[Field, ...], event: Event) -> None:
        self.fields = fields
        self.event = event
        self.steps_left = min(SEARCH_STEPS_MAX, event.steps_left)
        self.budget = self.steps_left

    def run(self) -> bool:
        """Give the verdict; False when the budget runs out."""
        try:
            return self._search([self._places(field) for field in self.fields])
        except _OutOfSteps:
            return False
        finally:
            self.event.steps_left -= self.budget - max(self.steps_left, 0)

    def _spend(self, steps: int) -> None:
        self.steps_left -= steps
        if self.steps_left < 0:
            raise _OutOfSteps

    def _places(self, field: Field) -> list[tuple[dict[int, int], bool]]:
        """Give where leaves of a field stand: the element chosen in each array above, and whether a leaf there is accepted."""
        places = []
        for context in self.event.contexts:
            leaves = context.leaves.get(field.path)
            if leaves is not None:
                places.append((self._route(context), any(field.accepts(leaf) for leaf in leaves)))
        return places

    def _route(self, context: Context) -> dict[int, int]:
        route: dict[int, int] = {}
        while (array := context.array) is not None:
            route[id(array)] = id(context)
            context = array.parent
        self._spend(1 + len(route))
        return route

    def _search(self, places: list[list[tuple[dict[int, int], bool]]]) -> bool:
        stack: list[tuple[int, dict[int, int]]] = [(0, {})]
        seen: set[tuple[int, frozenset[tuple[int, int]]]] = set()
        while stack:
            index, chosen = stack.pop()
            if index == len(self.fields):
                return True
            self._spend(1 + len(chosen))
            key = (index, frozenset(chosen.items()))
            if key in seen:
                continue
            seen.add(key)
            consistent = []
            for route, is_accepted in places[index]:
                self._spend(1 + len(route))
                if all(chosen.get(array, element) == element for array, element in route.items()):
                    consistent.append((route, is_accepted))
            if self.fields[index].can_be_absent and not consistent:
                stack.append((index + 1, chosen))
            for route, is_accepted in reversed(consistent):
                if is_accepted:
                    self._spend(1 + len(chosen))
                    stack.append((index + 1, {**chosen, **route}))
        return False


class _OutOfSteps(Exception):
    """The search took more steps than an event may cost."""
