"""The filter pattern language of CloudWatch Logs: from a text to a test of a message.

Three forms: terms (``ERROR -timeout ?warn ?fatal "two words" %regex%``), JSON (``{ $.status = 500 && $.path = "/a*" }``) and
space-delimited fields (``[ip, user, status = 5*, ...]``). A pattern that cannot be is refused, never read as
something else.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from bascule.services.logs.errors import InvalidParameter
from bascule.services.logs.json_pattern import compile_json
from bascule.services.logs.regular_expression import regex_test
from bascule.services.logs.space_pattern import compile_fields

Matches = Callable[[str], bool]

#: Longer patterns are refused by the model; Logs allows two regular expressions in one. count
REGEXES_MAX = 2

_TERM = re.compile(r'\s*(?P<sign>[?-]?)(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|%(?P<regex>[^%]+)%|(?P<plain>[^\s"]+))')


def compile_pattern(pattern: str) -> Matches:
    """A test for messages.

    Takes    the pattern as the caller wrote it; empty matches every message.
    Raises   InvalidParameter for a pattern that cannot be read.
    Source   CloudWatch Logs user guide, filter pattern syntax.
    """
    text = pattern.strip()
    if not text:
        return _matches_all
    if text.startswith("{"):
        return compile_json(text)
    if text.startswith("["):
        return compile_fields(text)
    return _compile_terms(text)


def _matches_all(message: str) -> bool:
    return True


def _compile_terms(text: str) -> Matches:
    required: list[Matches] = []
    optional: list[Matches] = []
    excluded: list[Matches] = []
    position = regex_count = 0
    while position < len(text):
        term = _TERM.match(text, position)
        if term is None:
            raise InvalidParameter("Invalid filter pattern")
        position = term.end()
        regex_count += term["regex"] is not None
        kind = {"": required, "?": optional, "-": excluded}[term["sign"]]
        kind.append(_test(term))
    if regex_count > REGEXES_MAX:
        raise InvalidParameter(f"A filter pattern can have at most {REGEXES_MAX} regular expressions.")

    def matches(message: str) -> bool:
        if any(test(message) for test in excluded):
            return False
        if required:
            return all(test(message) for test in required)
        return not optional or any(test(message) for test in optional)

    return matches


def _test(term: re.Match[str]) -> Matches:
    if term["regex"] is not None:
        return regex_test(term["regex"])
    quoted = term["quoted"]
    wanted = term["plain"] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
    return lambda message: wanted in message
