"""The one error of the pattern language, worded as EventBridge words it.

Every message has the shape ``Event pattern is not valid. Reason: <reason>[<location>]``. The location is a second line written
by the JSON parser of the real service; clients should read the first line only, tools that compare answers read both.
"""

from __future__ import annotations

PREFIX = "Event pattern is not valid. Reason: "
SOURCE_SHOWN_MAX = 500  # characters of the pattern repeated in a location; longer text is cut, as the service does


class PatternError(ValueError):
    """The event pattern is not valid.

    ``str(error)`` is the full wire message, ``reason`` its middle part without prefix and location, ``line`` and ``column``
    (1-based, one past the last character consumed) are 0 when AWS gives no location.
    """

    def __init__(self, reason: str, *, location: str = "", line: int = 0, column: int = 0) -> None:
        super().__init__(PREFIX + reason + location)
        self.reason = reason
        self.location = location
        self.line = line
        self.column = column

    @property
    def message(self) -> str:
        """The full text a client of EventBridge receives."""
        return str(self)


def located(reason: str, text: str, offset: int, *, times: int = 1) -> PatternError:
    """Build the error for ``reason`` found when ``offset`` characters of ``text`` had been consumed.

    Takes    times: how often the location is repeated; 2 for members of an anything-but list (recorded so).
    Source   spec 6.9; line ends are LF, CR or CR LF.
    """
    consumed = text[:offset].replace("\r\n", "\n").replace("\r", "\n")
    line = consumed.count("\n") + 1
    column = len(consumed) - (consumed.rfind("\n") + 1) + 1
    shown = (
        text
        if len(text) <= SOURCE_SHOWN_MAX
        else text[:SOURCE_SHOWN_MAX] + f"[truncated {len(text) - SOURCE_SHOWN_MAX} chars]"
    )
    location = f'\n at [Source: (String)"{shown}"; line: {line}, column: {column}]'
    return PatternError(reason, location=location * times, line=line, column=column)
