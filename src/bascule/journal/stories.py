"""Reads the story of one event. One pass over the second in which the event was born; nothing else is touched."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from bascule.journal.layout import (
    STRANGER_HEAD,
    Place,
    call_head,
    folded_notes,
    place_of,
    read_batch,
    read_note,
    stranger_log,
)
from bascule.journal.limits import PAGE_MAX
from bascule.kernel.ids import event_id as event_id_of
from bascule.kernel.journal import Note
from bascule.kernel.logs import Record
from bascule.kernel.scope import Scope
from bascule.kernel.store import Tx


class FoundEvent(msgspec.Struct, frozen=True):
    """An event as it came in."""

    event_id: str
    scope: Scope
    bus: str
    at_ms: int
    event: bytes
    #: Names of the rules that matched.
    matched: tuple[str, ...]
    #: The event that caused this one; empty when unknown.
    caused_by: str


class FoundStory(msgspec.Struct, frozen=True):
    """All that the journal knows of an event: the event, unless only notes of it are left, and its notes in order."""

    event: FoundEvent | None
    notes: tuple[Note, ...]


def find_story(tx: Tx, event_id: str) -> FoundStory | None:
    """The event and its notes, oldest first; None when the journal knows nothing of the id (never seen, or trimmed)."""
    event: FoundEvent | None = None
    notes: list[Note] = []
    place = place_of(event_id)
    if place is not None:
        for record in _records(tx, place.log):
            notes += _notes_in(record.body, place)
            if record.body.startswith(place.batch_head):
                call = read_batch(record.body)
                own_id = event_id_of(call.batch.batch_id, place.entry)
                entry = call.batch.entries[place.entry] if place.entry < len(call.batch.entries) else None
                if entry is not None:
                    batch = call.batch
                    event = FoundEvent(
                        own_id, batch.scope, entry.bus, batch.at_ms, entry.event, entry.matched, entry.caused_by
                    )
    notes.extend(_strangers_notes(tx, event_id))
    if event is None and not notes:
        return None
    return FoundStory(event, tuple(sorted(notes, key=lambda note: note.at_ms)))


def find_event(tx: Tx, event_id: str) -> FoundEvent | None:
    """The event as it came in; None when the journal does not hold it."""
    story = find_story(tx, event_id)
    return None if story is None else story.event


def notes_of(tx: Tx, event_id: str) -> tuple[Note, ...]:
    """What happened to an event, oldest first; notes of one millisecond in the order they were written."""
    story = find_story(tx, event_id)
    return () if story is None else story.notes


def notes_of_each(tx: Tx, event_ids: Iterable[str]) -> dict[str, tuple[Note, ...]]:
    """What ``notes_of`` gives for each of several events; a second that many of them were born in is read once."""
    found = {event_id: list(_strangers_notes(tx, event_id)) for event_id in event_ids}
    sought: dict[str, dict[bytes, list[tuple[Place, str]]]] = {}
    for event_id in found:
        place = place_of(event_id)
        if place is not None:
            sought.setdefault(place.log, {}).setdefault(place.batch_head, []).append((place, event_id))
    for log, calls in sought.items():
        for record in _records(tx, log):
            for place, event_id in calls.get(call_head(record.body), ()):
                found[event_id] += _notes_in(record.body, place)
    return {event_id: tuple(sorted(notes, key=lambda note: note.at_ms)) for event_id, notes in found.items()}


def _notes_in(body: bytes, place: Place) -> list[Note]:
    """The notes of one event in a record."""
    if body.startswith(place.note_head):
        return [read_note(body)]
    if not body.startswith(place.batch_head):
        return []
    call = read_batch(body)
    own_id = event_id_of(call.batch.batch_id, place.entry)
    return [note for note in folded_notes(call) if note.event_id == own_id]


def _strangers_notes(tx: Tx, event_id: str) -> Iterator[Note]:
    for record in _records(tx, stranger_log(event_id)):
        if record.body.startswith(STRANGER_HEAD):
            yield msgspec.structs.replace(read_note(record.body), event_id=event_id)


def _records(tx: Tx, log: str) -> Iterator[Record]:
    after = 0
    while True:
        page = tx.logs.read(log, after=after, count_max=PAGE_MAX)
        yield from page
        if len(page) < PAGE_MAX:
            return
        after = page[-1].sequence
