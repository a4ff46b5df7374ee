"""Says in one sentence why an event does not match, or that it does.

The first field, in path order, that no leaf satisfies is named with its operator, the value wanted and the value seen. With
``$or`` every branch is explained and the nearest one, the one with the most satisfied fields, speaks for the pattern. When each
field is satisfied by itself but never inside the same array element, that is what the sentence says.
"""

from __future__ import annotations

import msgspec

from bascule.patterns.events import Event
from bascule.patterns.matching import Conjunction, Field, is_numeric
from bascule.patterns.operators.condition import Leaf, listed, quoted

SEEN_MAX = 5  # values of one path that a sentence repeats


class Branch(msgspec.Struct, frozen=True):
    """How one conjunction fared; a pattern without ``$or`` has exactly one."""

    matched: bool
    path: str | None
    operator: str | None
    wanted: str | None
    seen: str | None
    sentence: str
    satisfied_count: int
    field_count: int


class Explanation(msgspec.Struct, frozen=True):
    """The verdict and its reason. ``path``, ``operator``, ``wanted`` and ``seen`` are None when it matched.

    ``branch`` is the index in ``branches`` of the branch that matched or came nearest; None when there was no event to read.
    """

    matched: bool
    path: str | None
    operator: str | None
    wanted: str | None
    seen: str | None
    sentence: str
    branches: tuple[Branch, ...] = ()
    branch: int | None = None


def explain_event(conjunctions: tuple[Conjunction, ...], event: Event | None) -> Explanation:
    """Explain the verdict on one event; None stands for bytes that are not a JSON object."""
    if event is None:
        sentence = "The event is not a JSON object, so no pattern can match it."
        return Explanation(False, "", "json", "a JSON object", "other bytes", sentence)
    branches = tuple(_explain_branch(conjunction, event) for conjunction in conjunctions)
    nearest = max(
        range(len(branches)),
        key=lambda index: (
            branches[index].matched,
            branches[index].satisfied_count / branches[index].field_count,
            -index,
        ),
    )
    best = branches[nearest]
    sentence = best.sentence
    if len(branches) > 1:
        lead = f"Branch {nearest + 1} of {len(branches)} of $or"
        sentence = f"{lead} matched." if best.matched else f"{lead} came nearest: {sentence}"
    return Explanation(best.matched, best.path, best.operator, best.wanted, best.seen, sentence, branches, nearest)


def _explain_branch(conjunction: Conjunction, event: Event) -> Branch:
    fields = conjunction.fields
    failed = [field for field in fields if not _is_satisfied_alone(field, event)]
    satisfied_count = len(fields) - len(failed)
    if failed:
        return _failed_field(failed[0], event, satisfied_count, len(fields))
    if conjunction.holds(event):
        names = ", ".join(field.path for field in fields)
        return Branch(True, None, None, None, None, f"The event matches: {names}.", satisfied_count, len(fields))
    paths = [field.path for field in fields if any(field.path in context.leaves for context in event.contexts[1:])]
    where = listed(paths).replace(" or ", " and ")
    sentence = f"Each of {where} is satisfied by some array element, but no single element satisfies all of them."
    return Branch(
        False,
        paths[0],
        "array",
        "one array element that satisfies all fields",
        "different elements",
        sentence,
        satisfied_count - 1,
        len(fields),
    )


def _is_satisfied_alone(field: Field, event: Event) -> bool:
    leaves = event.leaves(field.path)
    return field.accepts_any(leaves) or (field.can_be_absent and (not leaves or len(event.contexts) > 1))


def _failed_field(field: Field, event: Event, satisfied_count: int, field_count: int) -> Branch:
    leaves = event.leaves(field.path)
    wishes = [condition.wanted() for condition in field.conditions] + (["be absent"] if field.can_be_absent else [])
    operators = list(
        dict.fromkeys([one.operator for one in field.conditions] + (["exists"] if field.can_be_absent else []))
    )
    wanted = listed(wishes)
    seen = _seen(leaves)
    name = field.path or "(the empty key)"
    if not leaves:
        sentence = f"{name} is missing (absent, empty or an object), but it should {wanted}."
    else:
        sentence = f"{name} is {seen}, but it should {wanted}."
        if is_numeric(field) and all(isinstance(leaf, str) for leaf in leaves):
            sentence = sentence[:-1] + " (text is never a number)."
    return Branch(False, field.path, " or ".join(operators), wanted, seen, sentence, satisfied_count, field_count)


def _seen(leaves: list[Leaf]) -> str | None:
    if not leaves:
        return None
    shown = [quoted(leaf) for leaf in leaves[:SEEN_MAX]]
    more = f" and {len(leaves) - SEEN_MAX} more" if len(leaves) > SEEN_MAX else ""
    return (shown[0] if len(leaves) == 1 else "[" + ", ".join(shown) + "]") + more
