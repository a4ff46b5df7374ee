"""Which records of a source go on to the function: event patterns, of which one has to match.

What a record holds is either JSON or plain text, and a pattern says with the form of its data part which of the two it is
for: an object is for JSON, a list for plain text. A record of the other kind is dropped without being compared (developer
guide, "Properly filtering messages").
"""

from __future__ import annotations

from functools import lru_cache

from bascule.patterns import Dialect, Pattern, PatternError
from bascule.services.lambda_.errors import InvalidParameterValue
from bascule.services.lambda_.limits import EVENT_SOURCE_FILTERS_MAX


class RecordFilter:
    """Compiled filters of a mapping. ``data_key`` is where its records hold their data: ``body``, ``data``, ``value``."""

    def __init__(self, texts: tuple[str, ...], data_key: str) -> None:
        patterns = [Pattern.parse(text, Dialect.EVENT_SOURCE_MAPPING) for text in texts]
        inside = f"{data_key}."
        self._for_json = [
            pattern
            for pattern in patterns
            if data_key not in pattern.paths or any(path.startswith(inside) for path in pattern.paths)
        ]
        self._for_text = [
            pattern
            for pattern in patterns
            if data_key in pattern.paths or not any(path.startswith(inside) for path in pattern.paths)
        ]

    def keeps(self, record: bytes, *, is_json: bool) -> bool:
        """Whether a record goes on.

        Takes    record: its JSON, in which the data stands as JSON when ``is_json`` and as a string otherwise.
        """
        return any(pattern.matches(record) for pattern in (self._for_json if is_json else self._for_text))


@lru_cache(maxsize=512)
def record_filter(texts: tuple[str, ...], data_key: str) -> RecordFilter:
    """The compiled filters for these patterns, which have been checked.

    Raises   PatternError for a pattern that has not.
    """
    return RecordFilter(texts, data_key)


def checked_filters(texts: tuple[str, ...], data_key: str) -> tuple[str, ...]:
    """The patterns, when all of them can be used.

    Raises   InvalidParameterValue.
    """
    if len(texts) > EVENT_SOURCE_FILTERS_MAX:
        raise InvalidParameterValue(f"The filter criteria may have at most {EVENT_SOURCE_FILTERS_MAX} filters.")
    try:
        record_filter(texts, data_key)
    except PatternError as error:
        raise InvalidParameterValue("Invalid filter pattern definition.") from error
    return texts
