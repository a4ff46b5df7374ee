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
from bascule.patterns.operators.any_of import AnyOf
from bascule.patterns.operators.condition import Condition, Leaf
from bascule.patterns.operators.exact import Exact
from bascule.patterns.operators.exists import Exists
from bascule.patterns.operators.numeric import Numeric

SEARCH_STEPS_MAX = 20_000  # per conjunction and event
NOTHING_CHOSEN = 1 << 30
IMPOSSIBLE = -1
MANY = 64  # leaves times alternatives from which preparing the alternatives pays


class Field(msgspec.Struct, frozen=True):
    """One path of a conjunction and what its leaf may be."""

    path: str
    conditions: tuple[Condition, ...]  # alternatives for a present leaf
    can_be_absent: bool

    def accepts(self, leaf: Leaf) -> bool:
        """Say whether some alternative holds for a present leaf."""
        return any(condition.holds(leaf) for condition in self.conditions)

    def accepts_any(self, leaves: list[Leaf]) -> bool:
        """Say whether some leaf satisfies some alternative; many leaves and many alternatives are prepared for each other."""
        if len(leaves) * len(self.conditions) <= MANY:
            return any(self.accepts(leaf) for leaf in leaves)
        alternatives = AnyOf(self.conditions)
        return any(alternatives.holds(leaf) for leaf in leaves)


class Conjunction(msgspec.Struct, frozen=True):
    """Fields that must all hold, sorted by path: one branch of a pattern."""

    fields: tuple[Field, ...]
    has_absent: bool  # some field may be absent

    def holds(self, event: Event) -> bool:
        """Say whether the event satisfies every field consistently."""
        if len(event.contexts) > 1:
            return _holds_in_tree(self.fields, event)
        leaves = event.root.leaves
        for field in self.fields:
            values = leaves.get(field.path)
            if not (field.can_be_absent if values is None else field.accepts_any(values)):
                return False
        return True


def is_numeric(field: Field) -> bool:
    """Say whether only numbers can satisfy the field."""
    return bool(field.conditions) and all(
        isinstance(one, Numeric) or (isinstance(one, Exact) and isinstance(one.value, float))
        for one in field.conditions
    )


def conjunction(fields: dict[str, tuple[Condition, ...]]) -> Conjunction:
    """Build a conjunction from a map of path to alternatives."""
    built = []
    for path, conditions in sorted(fields.items()):
        present = tuple([one for one in conditions if one.__class__ is not Exists or one.holds(None)])
        built.append(Field(path, present, len(present) < len(conditions)))
    return Conjunction(tuple(built), any(field.can_be_absent for field in built))


def _holds_in_tree(fields: tuple[Field, ...], event: Event) -> bool:
    accepted: list[set[int]] = []  # per field, the contexts with a leaf that satisfies it
    for field in fields:
        places = event.places.get(field.path, ())
        good = {id(context) for context in places if field.accepts_any(context.leaves[field.path])}
        if not good and not field.can_be_absent:
            return False  # no leaf anywhere: decides without any search
        accepted.append(good)
    verdict = _decide_by_contexts(fields, accepted, event)
    return _Search(fields, accepted, event).run() if verdict is None else verdict


def _decide_by_contexts(fields: tuple[Field, ...], accepted: list[set[int]], event: Event) -> bool | None:
    """Decide children first; None when some path can come from two places of one context.

    Sets of fields are bit masks. Per context: which fields have leaves in or below it, and the smallest index of a field chosen
    there (NOTHING_CHOSEN when it has none, IMPOSSIBLE when they cannot be satisfied). Smaller is better: an array counts as
    entered for every later path, and absence is then judged in the chosen element alone.
    """
    own: dict[int, int] = {}
    refused: set[int] = set()
    for index, field in enumerate(fields):
        for context in event.places.get(field.path, ()):
            own[id(context)] = own.get(id(context), 0) | 1 << index
            if id(context) not in accepted[index]:
                refused.add(id(context))
    optional = sum(1 << index for index, field in enumerate(fields) if field.can_be_absent)
    below: dict[int, int] = {}
    first_of: dict[int, int] = {}
    for context in reversed(event.contexts):
        taken = own.get(id(context), 0)
        first = _lowest(taken)
        for array in context.arrays:
            inside = 0
            for element in array.elements:
                inside |= below[id(element)]
            if inside & taken:
                return None
            taken |= inside
            if inside:
                best = _best_element(array, inside, optional, below, first_of)
                first = IMPOSSIBLE if IMPOSSIBLE in (best, first) else min(first, best)
        below[id(context)] = taken
        first_of[id(context)] = IMPOSSIBLE if id(context) in refused else first
    missing = (1 << len(fields)) - 1 & ~below[id(event.root)]
    return first_of[id(event.root)] != IMPOSSIBLE and missing & ~optional == 0


def _best_element(array: Array, inside: int, optional: int, below: dict[int, int], first_of: dict[int, int]) -> int:
    """Give the smallest first chosen field over the elements that can be chosen, or IMPOSSIBLE."""
    best = NOTHING_CHOSEN
    for element in array.elements:
        first = first_of[id(element)]
        if first != IMPOSSIBLE and first < best:
            missing = inside & ~below[id(element)]
            if missing & ~optional == 0 and first < _lowest(missing):
                best = first
    return IMPOSSIBLE if best == NOTHING_CHOSEN else best


def _lowest(mask: int) -> int:
    """Give the index of the lowest bit, NOTHING_CHOSEN for an empty mask."""
    return (mask & -mask).bit_length() - 1 if mask else NOTHING_CHOSEN


class _Search:
    """Depth-first choice of one context per field, with a budget shared with the other conjunctions of the event."""

    def __init__(self, fields: tuple[Field, ...], accepted: list[set[int]], event: Event) -> None:
        self.fields = fields
        self.accepted = accepted
        self.event = event
        self.steps_left = min(SEARCH_STEPS_MAX, event.steps_left)
        self.budget = self.steps_left

    def run(self) -> bool:
        """Give the verdict; False when the budget runs out."""
        try:
            return self._search([self._places(index) for index in range(len(self.fields))])
        except _OutOfSteps:
            return False
        finally:
            self.event.steps_left -= self.budget - max(self.steps_left, 0)

    def _spend(self, steps: int) -> None:
        self.steps_left -= steps
        if self.steps_left < 0:
            raise _OutOfSteps

    def _places(self, index: int) -> list[tuple[dict[int, int], bool]]:
        """Give where leaves of a field stand: the element chosen in each array above, and whether a leaf there is accepted."""
        places = self.event.places.get(self.fields[index].path, ())
        return [(self._route(context), id(context) in self.accepted[index]) for context in places]

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
