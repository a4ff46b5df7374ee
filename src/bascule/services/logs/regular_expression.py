"""Regular expressions of filter patterns. Groups are refused, as on AWS: without them no expression can take for ever."""

from __future__ import annotations

import re
from collections.abc import Callable

from bascule.services.logs.errors import InvalidParameter


def regex_test(text: str) -> Callable[[str], bool]:
    """A test by regular expression, anywhere in the text.

    Raises   InvalidParameter for an expression that cannot be.
    """
    if "(" in text:
        raise InvalidParameter("Invalid filter pattern")
    try:
        found = re.compile(text).search
    except re.error as error:
        raise InvalidParameter("Invalid filter pattern") from error
    return lambda message: found(message) is not None
