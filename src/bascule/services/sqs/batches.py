"""What all batch operations share: entry ids, and failures of single entries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bascule.api import sqs as api
from bascule.services.sqs import limits
from bascule.services.sqs.errors import (
    BatchEntryIdsNotDistinct,
    EmptyBatchRequest,
    InvalidBatchEntryId,
    SqsError,
    TooManyEntriesInBatchRequest,
)


class Entry(Protocol):
    """An entry of a batch, told from the others by its id."""

    @property
    def id(self) -> str:
        """Chosen by the caller."""


def check_entries(entries: Sequence[Entry], shape: str) -> None:
    """Refuse a batch that is empty, too long, or whose ids are malformed or not distinct.

    Takes    shape: the name of the entry's shape, for SQS's text.
    Raises   EmptyBatchRequest, TooManyEntriesInBatchRequest, InvalidBatchEntryId, BatchEntryIdsNotDistinct.
    """
    if not entries:
        raise EmptyBatchRequest(f"There should be at least one {shape} in the request.")
    if len(entries) > limits.BATCH_ENTRIES_MAX:
        raise TooManyEntriesInBatchRequest(
            f"Maximum number of entries per request are {limits.BATCH_ENTRIES_MAX}. You have sent {len(entries)}."
        )
    seen: set[str] = set()
    for entry in entries:
        if not limits.ENTRY_ID.fullmatch(entry.id):
            raise InvalidBatchEntryId
        if entry.id in seen:
            raise BatchEntryIdsNotDistinct(f"Id {entry.id} repeated.")
        seen.add(entry.id)


def failure(entry_id: str, error: SqsError) -> api.BatchResultErrorEntry:
    """The answer for an entry that was refused while others may have succeeded."""
    return api.BatchResultErrorEntry(id=entry_id, sender_fault=True, code=error.entry_code, message=error.message)
