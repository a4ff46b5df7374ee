"""Where tables are printed: on a terminal in its width, elsewhere in lines as long as they need, for ``grep`` and ``cut``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

#: Longer than any row: messages in it are cut at 1,024 characters. characters
PIPE_WIDTH = 8_000


def screen() -> Console:
    """The console for tables. Not on a terminal a row is one line and nothing in it is cut."""
    from rich.console import Console

    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PIPE_WIDTH)
