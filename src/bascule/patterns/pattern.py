"""One parsed event pattern: test it against an event, or ask why it does not match."""

from __future__ import annotations

from bascule.patterns.dialects import Dialect
from bascule.patterns.events import Event, PathNode, path_tree, read_event
from bascule.patterns.explaining import Explanation, explain_event
from bascule.patterns.matching import Conjunction, conjunction
from bascule.patterns.syntax import read_pattern


class Pattern:
    """An immutable event pattern."""

    __slots__ = ("_tree", "branches", "dialect", "paths", "text")

    def __init__(self, text: str, dialect: Dialect, branches: tuple[Conjunction, ...]) -> None:
        self.text = text
        self.dialect = dialect
        self.branches = branches
        self.paths = tuple(sorted({field.path for branch in branches for field in branch.fields}))
        self._tree: PathNode | None = None

    @classmethod
    def parse(cls, text: str, dialect: Dialect = Dialect.EVENT_BUS) -> Pattern:
        """Read a pattern.

        Takes    the JSON text; what follows the closing brace is ignored.
        Raises   PatternError with the message AWS gives.
        Source   spec eventbridge.md section 6.
        """
        return cls(text, dialect, tuple(conjunction(fields) for fields in read_pattern(text, dialect)))

    def matches(self, event: bytes) -> bool:
        """Say whether the event matches. Bytes that are not a JSON object match nothing; never raises."""
        read = self.read(event)
        return read is not None and any(branch.holds(read) for branch in self.branches)

    def explain(self, event: bytes) -> Explanation:
        """Say whether the event matches and, if not, what stood in the way. Never raises."""
        return explain_event(self.branches, self.read(event))

    def read(self, event: bytes) -> Event | None:
        """Collect the leaves this pattern mentions; None when the bytes are not a JSON object."""
        if self._tree is None:
            self._tree = path_tree(self.paths)
        return read_event(event, self._tree, keeps_tokens=self.dialect.value.compares_number_text)
