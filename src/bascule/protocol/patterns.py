"""The regular expressions of the models, which are written for Java, as Python's.

Rules of the file: a pattern must match the whole value, as Java's ``matches``. Where Python lacks a Java class the nearest
larger one is taken, and a pattern that Python cannot read at all is not checked: a wrong refusal would be worse than a
missing one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from bascule.protocol.limits import MATCHED_TEXT_MAX

#: Java -> Python. ``\\w`` holds letters and digits, ``\\s`` the separators and a few more.
_CLASSES = (
    (r"\p{IsAlphabetic}", r"\w"),
    (r"\p{Alnum}", r"a-zA-Z0-9"),
    (r"\p{Alpha}", r"a-zA-Z"),
    (r"\p{ASCII}", r"\x00-\x7F"),
    (r"\p{Graph}", r"\x21-\x7E"),
    (r"\p{Print}", r"\x20-\x7E"),
    (r"\p{L}", r"\w"),
    (r"\p{M}", r"\w"),
    (r"\p{N}", r"\w"),
    (r"\p{Nd}", r"\d"),
    (r"\p{Z}", r"\s"),
    (r"\p{Zs}", r"\s"),
    (r"\p{S}", r"$+<->^`|~\u00A2-\u00A9\u2044-\u2BFF"),
    (r"\p{P}", r"!-#%-*,-/:;?@\[-\]_{}\u00A1-\u00BF\u2010-\u2027"),
    (r"\uD800\uDC00-\uDBFF\uDFFF", "\U00010000-\U0010ffff"),
    (r"\w-_", r"\w\-_"),
)


@lru_cache(maxsize=2048)
def matcher(pattern: str) -> Callable[[str], bool] | None:
    """A test for whole values; None when the pattern cannot be checked here."""
    for java, python in _CLASSES:
        pattern = pattern.replace(java, python)
    try:
        fullmatch = re.compile(pattern).fullmatch
    except re.error:
        return None
    return lambda value: len(value) > MATCHED_TEXT_MAX or fullmatch(value) is not None
