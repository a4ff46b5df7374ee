"""Row 2: the journal. It keeps the story of each event for a day and answers "where did my event go?".

``EventJournal`` is the ``Journal`` of every ``Context`` and owns the loop that bounds what is kept. ``find_story``,
``find_event``, ``notes_of``, ``notes_of_each`` and ``recent`` read it. See docs/decisions/0004-journal-one-row-per-call.md.
"""

from bascule.journal.recent import Happening, Recent, recent
from bascule.journal.stories import FoundEvent, FoundStory, find_event, find_story, notes_of, notes_of_each
from bascule.journal.writer import EventJournal

__all__ = [
    "EventJournal",
    "FoundEvent",
    "FoundStory",
    "Happening",
    "Recent",
    "find_event",
    "find_story",
    "notes_of",
    "notes_of_each",
    "recent",
]
