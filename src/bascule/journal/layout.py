"""Where in the store a story lies, and how its records are encoded. The only file that knows either.

All that ever happens to an event is written to one log, named by the second in which the event was born. The birth is inside
the event's id, so every writer and every reader knows the log without an index and without a row per event: one record
holds a whole PutEvents call, and later notes join it. To find an event is to read one second of the journal.

A record starts with a letter and the raw bytes of the id it is about, so readers skip strangers without decoding them:
``B`` + 15 bytes of the batch id + the batch with the notes that came with it; ``N`` + 16 bytes of the event id + a note.

Ids that we did not make (their time is not near the present) have a log of their own. The queue ``journal/logs`` has messages
for each log that exists, due when the log is too old: a log's removal is work to be done later, like any other.
"""

from __future__ import annotations

import msgspec

from bascule.journal.limits import MESSAGE_MAX, STRANGER_ID_MAX
from bascule.kernel.ids import batch_of_event
from bascule.kernel.ids import event_id as event_id_of
from bascule.kernel.journal import EventBatch, Note

#: How the names of all logs of the journal begin.
PREFIX = "journal/"
_STRANGER = PREFIX + "id/"
LOGS_QUEUE = "journal/logs"
#: The signal of everything new in the journal.
SIGNAL = "journal"


class FoldedNote(msgspec.Struct, frozen=True, array_like=True):
    """An acceptance that came with its batch: which entry, which pair of ARNs, and the name the target gave it."""

    entry: int
    pair: int
    reference: str


class BatchRecord(msgspec.Struct, frozen=True, array_like=True):
    """One PutEvents call: its events, and what was accepted in the same transaction.

    ``pairs`` are the (source ARN, target ARN) of the folded notes, each spelled once.
    """

    batch: EventBatch
    pairs: list[tuple[str, str]] = []
    folded: list[FoldedNote] = []


class StoredNote(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """A ``Note`` without its event id, which the record's head holds."""

    kind: str
    at_ms: int
    target_arn: str = ""
    subject: str = ""
    attempt: int = 0
    duration_ms: float = 0.0
    code: str = ""
    message: str = ""
    detail: dict[str, str | int | float] = {}


encode = msgspec.msgpack.Encoder().encode
_batch_record = msgspec.msgpack.Decoder(BatchRecord).decode
_stored_note = msgspec.msgpack.Decoder(StoredNote).decode
_BATCH, _NOTE = b"B", b"N"
_BATCH_HEAD = 1 + 15
_NOTE_HEAD = 1 + 16


class Place(msgspec.Struct, frozen=True):
    """Where the story of an event with an id of ours lies."""

    log: str
    #: First bytes of the record of its call, and of each of its notes.
    batch_head: bytes
    note_head: bytes
    entry: int
    born_ms: int


def second_log(second: int) -> str:
    """The log of the events born in a second of the epoch."""
    return f"{PREFIX}{second}"


def log_of_batch(batch_id: str) -> str:
    """The log of the events of a call."""
    return second_log(int(batch_id[:12], 16) // 1000)


def place_of(event_id: str) -> Place | None:
    """Where an event of ours lies; None for an id that has not the shape of ours. Other systems' ids may have it, too."""
    found = batch_of_event(event_id)
    if found is None:
        return None
    batch_id, entry = found
    key = bytes.fromhex(batch_id)
    return Place(
        log=log_of_batch(batch_id),
        batch_head=_BATCH + key,
        note_head=_NOTE + key + bytes((entry,)),
        entry=entry,
        born_ms=int(batch_id[:12], 16),
    )


def stranger_log(event_id: str) -> str:
    """The log of an event whose id says nothing about its birth."""
    return _STRANGER + event_id[:STRANGER_ID_MAX]


def stranger_of(log: str) -> str:
    """The id of the stranger whose log this is; empty for the log of a second."""
    return log.removeprefix(_STRANGER) if log.startswith(_STRANGER) else ""


#: The head of notes in the log of a stranger, which holds nobody else's.
STRANGER_HEAD = _NOTE + bytes(16)


def batch_body(record: BatchRecord) -> bytes:
    """The record of a call."""
    return _BATCH + bytes.fromhex(record.batch.batch_id) + encode(record)


def note_body(head: bytes, note: Note) -> bytes:
    """The record of a note in the log of its event."""
    return head + encode(_stored(note))


def is_batch(body: bytes) -> bool:
    """True for the record of a call, False for a note."""
    return body.startswith(_BATCH)


def call_head(body: bytes) -> bytes:
    """What the record of the call begins with that a record, of that call or of a note, is about."""
    return _BATCH + body[1:_BATCH_HEAD]


def read_batch(body: bytes) -> BatchRecord:
    """The call in a record."""
    return _batch_record(body[_BATCH_HEAD:])


def read_note(body: bytes, stranger: str = "") -> Note:
    """The note in a record; the id is written as ours are, or is ``stranger``, which the record does not tell."""
    digits = body[1:_NOTE_HEAD].hex()
    return _note(_stored_note(body[_NOTE_HEAD:]), stranger or event_id_of(digits[:30], int(digits[30:], 16)))


def folded_notes(record: BatchRecord) -> list[Note]:
    """The acceptances that came with a call, as the notes they were."""
    batch = record.batch
    notes = []
    for folded in record.folded:
        source_arn, target_arn = record.pairs[folded.pair]
        notes.append(
            Note(
                kind="accepted",
                at_ms=batch.at_ms,
                event_id=event_id_of(batch.batch_id, folded.entry),
                target_arn=target_arn,
                attempt=1,
                detail={"source_arn": source_arn, "reference": folded.reference},
            )
        )
    return notes


def _stored(note: Note) -> StoredNote:
    return StoredNote(
        note.kind,
        note.at_ms,
        note.target_arn,
        note.subject,
        note.attempt,
        note.duration_ms,
        note.code,
        note.message[:MESSAGE_MAX],
        note.detail,
    )


def _note(stored: StoredNote, event_id: str) -> Note:
    return Note(
        stored.kind,
        stored.at_ms,
        event_id,
        stored.target_arn,
        stored.subject,
        stored.attempt,
        stored.duration_ms,
        stored.code,
        stored.message,
        stored.detail,
    )
