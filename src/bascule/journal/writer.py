"""Writes stories, on the hottest path of the platform: one row for a PutEvents call, whatever its events set off at once.

Rules of the file. An acceptance that happens in the transaction of the call it belongs to costs no row: it is held until
``batch`` records the call and then folded into that record (docs/decisions/0004-journal-one-row-per-call.md). So
a caller sends first and records the batch last; the other order is also right and costs a row for each acceptance. What
is held belongs to a transaction that is running; when that rolls back, its batch id never comes again and the oldest
held calls are forgotten.
"""

from __future__ import annotations

from bascule.journal.layout import (
    SIGNAL,
    STRANGER_HEAD,
    BatchRecord,
    FoldedNote,
    batch_body,
    log_of_batch,
    note_body,
    place_of,
    stranger_log,
)
from bascule.journal.limits import AHEAD_MS_MAX, HELD_MAX, RECORDED_MAX
from bascule.journal.retention import Retention, kept_ms
from bascule.kernel.ids import event_id as event_id_of
from bascule.kernel.journal import EventBatch, Note
from bascule.kernel.settings import Settings
from bascule.kernel.store import Tx

#: An acceptance that is held: event id, source ARN, target ARN, reference.
_Acceptance = tuple[str, str, str, str]


class EventJournal:
    """The ``Journal`` of every context, and the owner of the loop ``journal.retention``."""

    def __init__(self, settings: Settings) -> None:
        self._retention = Retention(settings)
        self._kept_ms = kept_ms(settings)
        #: By all of an event id but its last two digits, which count the entries of a call.
        self._held: dict[str, list[_Acceptance]] = {}
        self._recorded: dict[str, None] = {}
        self.loops = (self._retention.loop,)

    def batch(self, tx: Tx, batch: EventBatch) -> None:
        """Record the events of one call, with the acceptances noted for them in this transaction; see ``Journal.batch``.

        Promise  one log record, found from any of the event ids.
        """
        batch_id = batch.batch_id
        stem = event_id_of(batch_id, 0)[:-2]
        held = self._held.pop(stem, None)
        record = BatchRecord(batch) if held is None else _fold(batch, held)
        self._append(tx, log_of_batch(batch_id), batch.at_ms, batch_body(record))
        if len(self._recorded) >= RECORDED_MAX:
            del self._recorded[next(iter(self._recorded))]
        self._recorded[stem] = None

    def accepted(
        self,
        tx: Tx,
        at_ms: int,
        event_id: str,
        source_arn: str,
        target_arn: str,
        reference: str,
        subject: str,
        attempt: int,
    ) -> None:
        """Record that a target took an event; see ``Journal.accepted``."""
        if attempt == 1:
            acceptance = (event_id, source_arn, target_arn, reference)
            held = self._held.get(event_id[:-2])
            if held is not None:
                held.append(acceptance)
                return
            if self._hold(at_ms, acceptance):
                return
        detail: dict[str, str | int | float] = {"source_arn": source_arn, "reference": reference}
        self.note(tx, Note("accepted", at_ms, event_id, target_arn, subject, attempt, detail=detail))

    def note(self, tx: Tx, note: Note) -> None:
        """Record what happened to an event; ignored when ``event_id`` is empty; see ``Journal.note``."""
        if not note.event_id:
            return
        place = place_of(note.event_id)
        if place is None or not -AHEAD_MS_MAX <= note.at_ms - place.born_ms <= self._kept_ms:
            self._append(tx, stranger_log(note.event_id), note.at_ms, note_body(STRANGER_HEAD, note))
        else:
            self._append(tx, place.log, note.at_ms, note_body(place.note_head, note))

    def _hold(self, at_ms: int, acceptance: _Acceptance) -> bool:
        """Keep the first acceptance of a call for the batch record that will follow in this transaction, if it can."""
        event_id = acceptance[0]
        place = place_of(event_id)
        stem = event_id[:-2]
        if place is None or place.born_ms != at_ms or stem in self._recorded:
            return False
        if len(self._held) >= HELD_MAX:
            del self._held[next(iter(self._held))]
        self._held[stem] = [acceptance]
        return True

    def _append(self, tx: Tx, log: str, at_ms: int, body: bytes) -> None:
        tx.logs.append(log, ((at_ms, body),))
        self._retention.grew(tx, log, at_ms, len(body))
        tx.notify(SIGNAL)


def _fold(batch: EventBatch, held: list[_Acceptance]) -> BatchRecord:
    pairs: dict[tuple[str, str], int] = {}
    folded = []
    for event_id, source_arn, target_arn, reference in held:
        pair = pairs.setdefault((source_arn, target_arn), len(pairs))
        folded.append(FoldedNote(int(event_id[-2:], 16), pair, reference))
    return BatchRecord(batch, list(pairs), folded)
