"""Writes stories, on the hottest path of the platform: one row for a PutEvents call, whatever its events set off at once.

Rules of the file. An acceptance that happens in the transaction of the call it belongs to costs no row: it is held until
``batch`` records the call and then folded into that record (docs/decisions/0004-journal-one-row-per-call.md). So
a caller sends first and records the batch last; the other order is also right and costs a row for each acceptance. What
is held belongs to a transaction that is running; when that rolls back, its batch id never comes again and the oldest
held calls are forgotten.
"""

from __future__ import annotations

from bascule.journal.layout import (
    LATE_LOG,
    SIGNAL,
    STRANGER_HEAD,
    BatchRecord,
    FoldedNote,
    batch_body,
    late_body,
    log_of_batch,
    note_body,
    place_of,
    stranger_log,
)
from bascule.journal.limits import AHEAD_MS_MAX, HELD_MAX, LATE_MS, RECORDED_MAX
from bascule.journal.retention import Retention, kept_ms
from bascule.kernel.journal import EventBatch, Note
from bascule.kernel.settings import Settings
from bascule.kernel.store import Tx

_FOLDABLE = {"source_arn", "reference"}


class EventJournal:
    """The ``Journal`` of every context, and the owner of the loop ``journal.retention``."""

    def __init__(self, settings: Settings) -> None:
        self._retention = Retention(settings)
        self._kept_ms = kept_ms(settings)
        self._held: dict[str, list[Note]] = {}
        self._recorded: dict[str, None] = {}
        self.loops = (self._retention.loop,)

    def batch(self, tx: Tx, batch: EventBatch) -> None:
        """Record the events of one call, with the acceptances noted for them in this transaction; see ``Journal.batch``.

        Promise  one log record, found from any of the event ids.
        """
        batch_id = batch.batch_id
        held = self._held.pop(batch_id, None)
        record = BatchRecord(batch) if held is None else _fold(batch, held)
        self._append(tx, log_of_batch(batch_id), batch.at_ms, batch_body(record))
        if len(self._recorded) >= RECORDED_MAX:
            del self._recorded[next(iter(self._recorded))]
        self._recorded[batch_id] = None

    def note(self, tx: Tx, note: Note) -> None:
        """Record what happened to an event; ignored when ``event_id`` is empty; see ``Journal.note``."""
        if not note.event_id or self._hold(note):
            return
        place = place_of(note.event_id)
        if place is None or not -AHEAD_MS_MAX <= note.at_ms - place.born_ms <= self._kept_ms:
            self._append(tx, stranger_log(note.event_id), note.at_ms, note_body(STRANGER_HEAD, note))
            is_late = True
        else:
            self._append(tx, place.log, note.at_ms, note_body(place.note_head, note))
            is_late = note.at_ms - place.born_ms >= LATE_MS
        if is_late:
            tx.logs.append(LATE_LOG, ((note.at_ms, late_body(note)),))

    def _hold(self, note: Note) -> bool:
        """Keep an acceptance for the batch record that will follow in this transaction; False when none can."""
        if note.kind != "accepted" or note.attempt != 1 or note.detail.keys() != _FOLDABLE:
            return False
        batch_id = note.event_id.replace("-", "")[:30]
        held = self._held.get(batch_id)
        if held is not None:
            held.append(note)
            return True
        place = place_of(note.event_id)
        if place is None or place.born_ms != note.at_ms or batch_id in self._recorded:
            return False
        if len(self._held) >= HELD_MAX:
            del self._held[next(iter(self._held))]
        self._held[batch_id] = [note]
        return True

    def _append(self, tx: Tx, log: str, at_ms: int, body: bytes) -> None:
        tx.logs.append(log, ((at_ms, body),))
        self._retention.grew(tx, log, at_ms, len(body))
        tx.notify(SIGNAL)


def _fold(batch: EventBatch, held: list[Note]) -> BatchRecord:
    pairs: dict[tuple[str, str], int] = {}
    folded = []
    for note in held:
        pair = pairs.setdefault((str(note.detail["source_arn"]), note.target_arn), len(pairs))
        folded.append(FoldedNote(int(note.event_id[-2:], 16), pair, str(note.detail["reference"])))
    return BatchRecord(batch, list(pairs), folded)
