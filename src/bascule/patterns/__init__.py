"""The event pattern language: parse, test, explain, and match many rules at once.

Used by rules, archives, event source filters, pipe filters and SNS filter policies; dialects are data. No I/O, no clock.
"""

from bascule.patterns.dialects import Dialect
from bascule.patterns.errors import PatternError
from bascule.patterns.explaining import Explanation
from bascule.patterns.pattern import Pattern
from bascule.patterns.ruleset import RuleSet

__all__ = ["Dialect", "Explanation", "Pattern", "PatternError", "RuleSet"]
