"""What the journal of an event's story holds. Written by ``bascule.journal``; read by ``bascule story`` and the console.

``Entry`` rows are compact because one is written per batch of events on the hottest path; notes are appended per event as
deliveries, attempts and invocations happen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

from bascule.kernel.scope import Scope

if TYPE_CHECKING:
    from bascule.kernel.store import Tx


class EventEntry(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """One event of a batch as it came in."""

    event: bytes
    bus: str
    #: Names of the rules that matched, in order.
    matched: tuple[str, ...] = ()
    #: The event this one was caused by (bus-to-bus, destinations), when known.
    caused_by: str = ""


class EventBatch(msgspec.Struct, frozen=True, array_like=True):
    """The events of one PutEvents call: entry ``n`` is the event whose id ends in ``n``."""

    batch_id: str
    scope: Scope
    at_ms: int
    entries: tuple[EventEntry | None, ...]


class Note(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something that happened to an event later.

    ``kind`` is one of: accepted, refused, retry, dead-letter, lost, invocation-started, invocation-succeeded,
    invocation-failed, invocation-retry, invocation-filtered, received, caused.
    """

    kind: str
    at_ms: int
    event_id: str
    target_arn: str = ""
    #: The delivery or invocation it belongs to.
    subject: str = ""
    attempt: int = 0
    duration_ms: float = 0.0
    code: str = ""
    message: str = ""
    #: Rule ARN, message id, caused event id, due time: what the kind needs.
    detail: dict[str, str | int | float] = {}


class Journal(Protocol):
    """The journal as writers see it. Bounded: old stories are trimmed by age and size."""

    def batch(self, tx: Tx, batch: EventBatch) -> None:
        """Record the events of one call."""

    def note(self, tx: Tx, note: Note) -> None:
        """Record what happened to an event; ignored when ``event_id`` is empty."""

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
        """Record that a target took an event: the note of kind ``accepted``, on the shortest way.

        Takes    reference: what the target calls it; subject: the delivery; attempt: 1 for the first try.
        """
