"""Where the pattern language differs from place to place, as data.

The grammar, the matching model and the errors are one implementation; a dialect only says which operators may appear and how
bare numbers compare. Source: spec eventbridge.md 6.8, lambda.md 10.5, sources.md 2.4.
"""

from __future__ import annotations

import enum

import msgspec

BASIC = frozenset({"prefix", "suffix", "equals-ignore-case", "anything-but", "numeric", "exists", "exactly"})
BUTS = frozenset({"prefix", "suffix", "equals-ignore-case", "wildcard"})


class Rules(msgspec.Struct, frozen=True):
    """What one dialect allows."""

    operators: frozenset[str]
    anything_but: frozenset[str]  # operators allowed inside anything-but
    affix_ignore_case: bool = True  # {"prefix": {"equals-ignore-case": ...}}
    is_flat: bool = False  # no nested objects
    compares_number_text: bool = False  # bare numbers compare as written: 300 is not 300.0
    keys_max: int = 0  # distinct field paths; 0 is no limit
    combinations_max: int = 0  # product of the lengths of all lists, each weighted by its depth; 0 is no limit


class Dialect(enum.Enum):
    """The places event patterns are written for."""

    EVENT_BUS = Rules(BASIC | {"wildcard", "cidr"}, BUTS)
    PIPES = Rules(BASIC | {"cidr"}, frozenset())
    EVENT_SOURCE_MAPPING = Rules(BASIC, frozenset({"prefix"}), compares_number_text=True)
    SNS_ATTRIBUTES = Rules(
        BASIC | {"cidr"},
        frozenset({"prefix", "wildcard"}),
        affix_ignore_case=False,
        is_flat=True,
        keys_max=5,
        combinations_max=150,
    )
    SNS_BODY = Rules(
        BASIC | {"cidr"},
        frozenset({"prefix", "wildcard"}),
        affix_ignore_case=False,
        keys_max=5,
        combinations_max=150,
    )
