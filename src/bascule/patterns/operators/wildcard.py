"""``wildcard``: ``*`` stands for any run of characters, ``\\*`` and ``\\\\`` for themselves, nothing else is special.

Matching finds the fixed pieces from left to right and never goes back, so its time is linear in the value. The complexity limit
is AWS's own: how many positions of the pattern can be active at once. Source: spec 6.3, 6.7, cases 80-90.
"""

from __future__ import annotations

import msgspec

from bascule.patterns.errors import PatternError
from bascule.patterns.operators.condition import Leaf, quoted

COMPLEXITY_MAX = 10  # active positions per field and rule; 11 is recorded as rejected, 8 as accepted
TOO_COMPLEX = (
    "Rule is too complex - try using fewer wildcard characters or fewer repeating character sequences"
    " after a wildcard character"
)


class Wildcard(msgspec.Struct, frozen=True):
    """The leaf is a string made of the pieces in order, with anything between two pieces."""

    text: str
    pieces: tuple[str, ...]  # one piece: no star at all
    operator: str = "wildcard"

    def holds(self, leaf: Leaf) -> bool:
        """Only strings can hold."""
        return isinstance(leaf, str) and glob(self.pieces, leaf)

    def wanted(self) -> str:
        """Words for explanations."""
        return f"match the wildcard {quoted(self.text)}"


def glob(pieces: tuple[str, ...], value: str) -> bool:
    """Match first piece at the start, last at the end, the others leftmost in between."""
    if len(pieces) == 1:
        return value == pieces[0]
    first, last = pieces[0], pieces[-1]
    if len(value) < len(first) + len(last) or not value.startswith(first) or not value.endswith(last):
        return False
    position, end = len(first), len(value) - len(last)
    for piece in pieces[1:-1]:
        found = value.find(piece, position, end)
        if found < 0:
            return False
        position = found + len(piece)
    return True


def wildcard_of(text: str) -> Wildcard | str:
    """Split the text at its stars, or give the reason why it is not valid (positions count UTF-8 bytes from 0)."""
    pieces: list[str] = []
    piece: list[str] = []
    position = 0
    was_star = False
    while position < len(text):
        char = text[position]
        if char == "*":
            if was_star:
                return f"Consecutive wildcard characters at pos {_byte_position(text, position)}"
            pieces.append("".join(piece))
            piece = []
        elif char == "\\":
            position += 1
            if text[position : position + 1] not in ("*", "\\"):
                return f"Invalid escape character at pos {_byte_position(text, position)}"
            piece.append(text[position])
        else:
            piece.append(char)
        was_star = char == "*"
        position += 1
    pieces.append("".join(piece))
    return Wildcard(text, tuple(pieces))


def _byte_position(text: str, position: int) -> int:
    return len(text[:position].encode("utf-8", "surrogatepass"))


def complexity(pieces: tuple[str, ...]) -> int:
    """Give the largest number of pattern positions that some input keeps active at once.

    Every star, once reached, stays active. Behind the stars, the active literal positions are the prefixes of pieces that are
    suffixes of what was read; they all are suffixes of the longest one, so the answer is the best node of a suffix automaton
    over the pieces (the closing quote counts as a character).
    """
    behind_stars = [*pieces[1:-1], pieces[-1] + '"'] if len(pieces) > 1 else []
    children: list[dict[str, int]] = [{}]
    passes = [0]
    order: list[tuple[int, str, int]] = []
    for piece in behind_stars:
        node = 0
        for char in piece:
            if char not in children[node]:
                children[node][char] = len(children)
                children.append({})
                passes.append(0)
            node = children[node][char]
            passes[node] += 1
    fallback = [0] * len(children)
    active = [0] * len(children)
    order = [(0, char, child) for char, child in children[0].items()]
    for parent, char, node in order:
        back = fallback[parent]
        while parent and back and char not in children[back]:
            back = fallback[back]
        fallback[node] = children[back].get(char, 0) if parent else 0
        active[node] = passes[node] + active[fallback[node]]
        order.extend((node, next_char, child) for next_char, child in children[node].items())
    return len(pieces) - 1 + max(max(active), 1)


def refuse_complex(wildcards: list[Wildcard]) -> None:
    """Raise PatternError when the wildcards of one field exceed the limit together."""
    if sum(complexity(wildcard.pieces) for wildcard in wildcards) > COMPLEXITY_MAX:
        raise PatternError(TOO_COMPLEX)
