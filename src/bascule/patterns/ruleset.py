"""A set of named patterns, matched together and replaced whole."""

from __future__ import annotations

from collections.abc import Mapping

from bascule.patterns.dialects import Dialect
from bascule.patterns.pattern import Pattern


class RuleSet:
    """An immutable set of patterns by id."""

    __slots__ = ("_patterns", "dialect")

    def __init__(self, patterns: dict[str, Pattern], dialect: Dialect) -> None:
        self._patterns = patterns
        self.dialect = dialect

    @classmethod
    def compile(cls, texts: Mapping[str, str], dialect: Dialect = Dialect.EVENT_BUS) -> RuleSet:
        """Parse every pattern; raises PatternError for the first that is not valid."""
        return cls({rule_id: Pattern.parse(text, dialect) for rule_id, text in texts.items()}, dialect)

    def with_rule(self, rule_id: str, text: str) -> RuleSet:
        """Give a set that also holds this rule; one of the same id is replaced and keeps its place."""
        return RuleSet({**self._patterns, rule_id: Pattern.parse(text, self.dialect)}, self.dialect)

    def without(self, rule_id: str) -> RuleSet:
        """Give a set that does not hold this rule."""
        return RuleSet({key: value for key, value in self._patterns.items() if key != rule_id}, self.dialect)

    def match(self, event: bytes) -> list[str]:
        """Give the ids of the matching rules, in the order the rules were added."""
        return [rule_id for rule_id, pattern in self._patterns.items() if pattern.matches(event)]
