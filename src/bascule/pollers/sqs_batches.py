"""Batches: how records gather until a function is called with them. Pure bookkeeping.

A batch ends with the first of: as many records as the mapping allows, 6 MB of event, the end of the batching window. Without
a window it ends with what was there when it was begun. The window begins with the batch's first record.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bascule.pollers.sqs_records import ENVELOPE_BYTES, Record
from bascule.services.lambda_.limits import SYNC_PAYLOAD_BYTES_MAX

#: Wait before a batch that was throttled is tried again: first, and most. milliseconds
RETRY_MS_MIN = 1_000
RETRY_MS_MAX = 20_000


class Held:
    """Bytes of all records that a process holds."""

    def __init__(self) -> None:
        self.byte_count = 0


class Batch:
    """Records for one invocation."""

    def __init__(self, held: Held, *, closes_ms: int) -> None:
        self._held = held
        self.records: list[Record] = []
        self.byte_count = ENVELOPE_BYTES
        #: The end of the batching window.
        self.closes_ms = closes_ms
        self.throttle_count = 0
        #: Its leases were made longer while it ran; until when.
        self.held_until_ms = 0

    def fits(self, record: Record, count_max: int) -> bool:
        """Whether one more record may be added."""
        if not self.records:
            return True
        return len(self.records) < count_max and self.byte_count + len(record.json) + 1 <= SYNC_PAYLOAD_BYTES_MAX

    def add(self, record: Record) -> None:
        """Put a record at the end."""
        self.records.append(record)
        self._weigh(len(record.json) + 1)

    def keep(self, wanted: Callable[[Record], bool]) -> None:
        """Take out all records but those that are ``wanted``."""
        dropped = [record for record in self.records if not wanted(record)]
        if dropped:
            self.records = [record for record in self.records if wanted(record)]
            self._weigh(-sum(len(record.json) + 1 for record in dropped))

    def let_go(self) -> None:
        """The batch is over: its bytes are held no longer."""
        self._held.byte_count -= self.byte_count - ENVELOPE_BYTES

    def _weigh(self, byte_count: int) -> None:
        self.byte_count += byte_count
        self._held.byte_count += byte_count

    @property
    def until_ms(self) -> int:
        """When the first of its leases ends."""
        return max(self.held_until_ms, min(record.until_ms for record in self.records))

    @property
    def visible_ms(self) -> int:
        """When the first of its messages becomes visible again."""
        return min(record.visible_ms for record in self.records)

    def retry_ms(self, now_ms: int) -> int:
        """When to try again after it was throttled once more."""
        self.throttle_count += 1
        return now_ms + min(RETRY_MS_MIN << min(self.throttle_count - 1, 10), RETRY_MS_MAX)


class Gathering:
    """The batch that is open, and those that are complete, in order."""

    def __init__(self, held: Held) -> None:
        self._held = held
        self.open: Batch | None = None
        self.complete: list[Batch] = []

    def add(self, records: Sequence[Record], *, now_ms: int, count_max: int, window_ms: int) -> None:
        """Put records into batches. Without a window all batches are complete afterwards."""
        for record in records:
            if self.open is None or not self.open.fits(record, count_max):
                self.close()
                self.open = Batch(self._held, closes_ms=now_ms + window_ms)
            self.open.add(record)
            if len(self.open.records) >= count_max:
                self.close()
        if window_ms == 0:
            self.close()

    def close(self) -> None:
        """The open batch is complete."""
        if self.open is not None and self.open.records:
            self.complete.append(self.open)
        self.open = None

    def close_if_over(self, now_ms: int) -> None:
        """Close the open batch when its window is over."""
        if self.open is not None and now_ms >= self.open.closes_ms:
            self.close()

    @property
    def open_count(self) -> int:
        """Records of the open batch."""
        return 0 if self.open is None else len(self.open.records)
