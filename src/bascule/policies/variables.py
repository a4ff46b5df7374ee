"""Policy variables: ``${aws:username}``, with a default ``${key, 'text'}``, and ``${*}``, ``${?}``, ``${$}`` for the signs.

Only documents of version 2012-10-17 have them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from bascule.policies.wildcards import protected

_VARIABLE = re.compile(r"\$\{([^},]*)(?:,\s*'([^']*)'\s*)?\}")


def filled(text: str, values: Mapping[str, Sequence[str]]) -> str | None:
    """The pattern with its variables replaced; what they put in has no wildcards.

    Takes    values: by key in lower case.
    Gives    None when a variable has neither exactly one value nor a default: such a pattern fits nothing.
    """
    if "${" not in text:
        return text
    is_complete = True

    def replacement(found: re.Match[str]) -> str:
        nonlocal is_complete
        name: str = found[1].strip()
        if name in ("*", "?", "$"):
            return protected(name)
        given = values.get(name.lower(), ())
        if len(given) == 1:
            return protected(given[0])
        is_complete = is_complete and found[2] is not None
        return protected(found[2] or "")

    text = _VARIABLE.sub(replacement, text)
    return text if is_complete else None
