"""Reads what flows through the journal now, for ``bascule tail`` and the console: new events and what happens to them.

A cursor is a position in the order of commits, which is the same for all logs: a record that joins the second of its event's
birth hours later, or is committed late, is new all the same. What other logs were given meanwhile is passed over.
"""

from __future__ import annotations

import msgspec

from bascule.journal.layout import (
    PREFIX,
    BatchRecord,
    folded_notes,
    is_batch,
    read_batch,
    read_note,
    second_log,
    stranger_of,
)
from bascule.journal.limits import BEGIN_S, STRANGERS_MAX
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
    #: Nothing newer was committed when this was read.
    is_end: bool


def recent(tx: Tx, after: str, *, now_ms: int, count_max: int = 500) -> Recent:
    """What was committed since the cursor ``after``.

    Takes    after: a cursor given before, or empty to begin a few seconds ago; count_max: records, each of one call or one note.
    Gives    happenings by time. An unreadable cursor begins anew.
    Promise  whoever goes on from each cursor sees everything that is still in the journal once, however late it was written.
    """
    position = _parse(after)
    if position is None:
        position = _some_seconds_ago(tx, now_ms // 1000)
    happenings: list[Happening] = []
    left = count_max
    is_end = False
    for _ in range(STRANGERS_MAX):
        found = tx.logs.follow(PREFIX, after=position, count_max=left)
        position = found.position
        left -= len(found.records)
        for log, record in found.records:
            happenings.extend(_happenings(log, record.body))
        is_end = found.is_end
        if is_end or left == 0:
            break
    happenings.sort(key=_moment)
    return Recent(happenings, str(position), is_end)


def _moment(happening: Happening) -> tuple[int, bool]:
    """An event comes before what happened to it in the same millisecond, although its record is written last."""
    return happening.at_ms, happening.note is not None


def _some_seconds_ago(tx: Tx, now_s: int) -> int:
    """The position before the first record of the last seconds' events."""
    for second in range(now_s - BEGIN_S, now_s + 1):
        if first := tx.logs.read(second_log(second), count_max=1):
            return first[0].sequence - 1
    return tx.logs.position()


def _parse(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None


def _happenings(log: str, body: bytes) -> list[Happening]:
    if is_batch(body):
        return _of_batch(read_batch(body))
    return [_of_note(read_note(body, stranger_of(log)))]


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
