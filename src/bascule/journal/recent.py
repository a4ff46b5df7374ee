"""Reads what flows through the journal now, for ``bascule tail`` and the console: new events and what happens to them.

A cursor says how far each of the last seconds was read, because a record joins the second of its event's birth and a slow
transaction may commit into a second that is over. Notes that come later than a few seconds are found in the late log.
A reader that has been away for longer than ``CATCH_UP_S`` misses what lies between: a live view is not an archive.
"""

from __future__ import annotations

import msgspec

from bascule.journal.layout import (
    LATE_LOG,
    BatchRecord,
    folded_notes,
    is_batch,
    place_of,
    read_batch,
    read_late,
    read_note,
    second_log,
)
from bascule.journal.limits import CATCH_UP_S, LATE_MS, WATCHED_S
from bascule.kernel.ids import event_id as event_id_of
from bascule.kernel.journal import Note
from bascule.kernel.store import Tx


class Happening(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that happened: an event came in (``note`` is None), or something happened to it."""

    at_ms: int
    event_id: str
    bus: str = ""
    event: bytes = b""
    matched: tuple[str, ...] = ()
    note: Note | None = None


class Recent(msgspec.Struct, frozen=True):
    """What is new since a cursor, in order of time, and the cursor for the next call."""

    happenings: list[Happening]
    cursor: str


class _Cursor(msgspec.Struct):
    """The first second that may still grow, the position in each second from there on, and in the late log."""

    base_s: int
    positions: list[int]
    late: int

    def __str__(self) -> str:
        while self.positions and self.positions[-1] == 0:
            self.positions.pop()
        return ".".join(map(str, [self.base_s, self.late, *self.positions]))


def recent(tx: Tx, after: str, *, now_ms: int, count_max: int = 500) -> Recent:
    """What happened since the cursor ``after``.

    Takes    after: a cursor given before, or empty to begin a few seconds ago; count_max: records, each of one call or one note.
    Gives    happenings by time; nothing twice. An unreadable cursor begins anew.
    """
    now_s = now_ms // 1000
    cursor = _parse(after) or _Cursor(now_s - WATCHED_S, [], _last(tx, LATE_LOG))
    if cursor.base_s < now_s - CATCH_UP_S:
        cursor = _Cursor(now_s - CATCH_UP_S, [], cursor.late)
    happenings: list[Happening] = []
    left = count_max
    done_s = cursor.base_s
    for second in range(cursor.base_s, now_s + 1):
        index = second - cursor.base_s
        if index >= len(cursor.positions):
            cursor.positions.append(0)
        for record in tx.logs.read(second_log(second), after=cursor.positions[index], count_max=left):
            cursor.positions[index] = record.sequence
            left -= 1
            happenings.extend(_happenings(record.body))
        if left <= 0:
            break
        done_s = second
    _advance(cursor, min(done_s, now_s - WATCHED_S))
    if left > 0:
        for record in tx.logs.read(LATE_LOG, after=cursor.late, count_max=left):
            cursor.late = record.sequence
            happenings.append(_of_note(read_late(record.body)))
    happenings.sort(key=_moment)
    return Recent(happenings, str(cursor))


def _moment(happening: Happening) -> tuple[int, bool]:
    """An event comes before what happened to it in the same millisecond, although its record is written last."""
    return happening.at_ms, happening.note is not None


def _last(tx: Tx, log: str) -> int:
    newest = tx.logs.read_back(log, count_max=1)
    return newest[0].sequence if newest else 0


def _advance(cursor: _Cursor, base_s: int) -> None:
    """Forget the seconds before ``base_s``: they have been read to the end and grow no more."""
    if base_s > cursor.base_s:
        del cursor.positions[: base_s - cursor.base_s]
        cursor.base_s = base_s


def _parse(text: str) -> _Cursor | None:
    parts = text.split(".")
    if len(parts) < 2 or len(parts) > CATCH_UP_S * 2 or not all(part.isdecimal() and len(part) < 19 for part in parts):
        return None
    base_s, late, *positions = map(int, parts)
    return _Cursor(base_s, positions, late)


def _happenings(body: bytes) -> list[Happening]:
    if is_batch(body):
        return _of_batch(read_batch(body))
    note = read_note(body)
    place = place_of(note.event_id)
    if place is not None and note.at_ms - place.born_ms >= LATE_MS:
        return []  # the late log has it, too
    return [_of_note(note)]


def _of_batch(record: BatchRecord) -> list[Happening]:
    batch = record.batch
    came = [
        Happening(batch.at_ms, event_id_of(batch.batch_id, index), entry.bus, entry.event, entry.matched)
        for index, entry in enumerate(batch.entries)
        if entry is not None
    ]
    return came + [_of_note(note) for note in folded_notes(record)]


def _of_note(note: Note) -> Happening:
    return Happening(note.at_ms, note.event_id, note=note)
