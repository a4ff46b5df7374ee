"""One mapping on its way through this process: what is gathered, what runs, what rests, how many batches may run at once.

On a standard queue a lane starts with five batches at once, gains five a second while messages wait and all are in use (AWS:
300 a minute), and goes down to two while batches fail, unless the function reports failures itself. On a FIFO queue the
groups set the limit, since none has two batches at once. Where a reservation of the function is used up, five batches are
received all the same and rest. A lane shares nothing with another, except room on the machine.
"""

from __future__ import annotations

from bascule.kernel.scope import Scope
from bascule.pollers.sqs_batches import Batch, Gathering, Held
from bascule.pollers.sqs_records import Record
from bascule.pollers.sqs_taking import View, Wanted
from bascule.services.lambda_.event_source_model import EventSourceMapping

#: Batches at once: at the start, while batches fail, and at most. count; developer guide, "Scaling behavior of SQS"
WIDTH_START = 5
WIDTH_FAILING = 2
WIDTH_MAX = 1_250
#: One batch more at once for each such time that messages wait. seconds; 300 a minute
WIDEN_AFTER_S = 0.2
#: Batches at once of one provisioned poller. count; developer guide, "Provisioned mode"
BATCHES_OF_POLLER = 10
#: Bytes and messages that one transaction leases, about. bytes, count
TAKE_BYTES = 8_388_608
TAKE_COUNT_MIN = 10
TAKE_FIFO_BATCHES = 10
#: What a record is taken to be long before any was seen. bytes
RECORD_BYTES_FIRST = 65_536


class Lane:
    """Bookkeeping of one mapping; the poller decides and acts."""

    def __init__(self, scope: Scope, uuid: str, held: Held) -> None:
        self.scope = scope
        self.uuid = uuid
        self.view = View()
        #: Something happened since ``view`` was read.
        self.is_stale = True
        self.is_taking = False
        #: When the queue is next due; None when it was empty.
        self.due_ms: int | None = None
        self.gathering = Gathering(held)
        #: Batches that were throttled, and when each is tried again.
        self.resting: list[tuple[int, Batch]] = []
        self.running: set[Batch] = set()
        self.width = 0
        self.widened_s = 0.0
        self._record_bytes = RECORD_BYTES_FIRST
        #: The problem that was last written down; None: not known.
        self.problem: str | None = None

    @property
    def mapping(self) -> EventSourceMapping:
        """The mapping as it was last seen; ask only a lane that is open."""
        assert self.view.mapping is not None
        return self.view.mapping

    @property
    def is_open(self) -> bool:
        """Whether records are to be read and functions called."""
        return self.view.is_read

    @property
    def is_fifo(self) -> bool:
        """Whether the queue is a FIFO queue."""
        return self.view.queue is not None and self.view.queue.is_fifo

    def see(self, view: View) -> None:
        """A new look at the mapping."""
        self.view = view
        self.is_stale = False
        if view.is_read:
            self.width = min(max(self.width, self._width_start), self._width_max)

    @property
    def _width_start(self) -> int:
        mapping = self.mapping
        if mapping.pollers is not None:
            return mapping.pollers[0] * BATCHES_OF_POLLER
        return self._width_max if self.is_fifo else min(WIDTH_START, self._width_max)

    @property
    def _width_max(self) -> int:
        mapping = self.mapping
        if mapping.pollers is not None:
            return mapping.pollers[1] * BATCHES_OF_POLLER
        return WIDTH_MAX if mapping.concurrency_max is None else mapping.concurrency_max

    @property
    def room(self) -> int:
        """How many more batches the mapping may have running; resting ones keep their place.

        Messages for a function whose reserved concurrency is 0 are received and come back, as on AWS, but few at once.
        """
        is_stopped = self.view.function is not None and self.view.function.reserved_concurrency == 0
        width = min(self.width, WIDTH_FAILING) if is_stopped else self.width
        room = width - len(self.running) - len(self.resting)
        return min(room, rest_room(self)) if _is_reserved(self.view) else room

    def __str__(self) -> str:
        return self.uuid

    @property
    def is_busy(self) -> bool:
        """Whether a complete batch waits for nothing but room on the machine. What runs is a task of the poller."""
        return bool(self.gathering.complete) and (self.room > 0 or bool(self.running))

    def widen(self, now_s: float) -> None:
        """Messages wait: allow one more batch, not too often, and not while batches fail or are throttled."""
        if (
            self.room <= 0
            and not self.resting
            and self.width >= self._width_start
            and now_s - self.widened_s >= WIDEN_AFTER_S
        ):
            self.width = min(self._width_max, self.width + 1)
            self.widened_s = now_s

    def narrow(self) -> None:
        """Nothing waits: start small with the next burst."""
        if self.is_open:
            self.width = self._width_start

    def ended(self, now_ms: int, *, is_failed: bool, has_run: bool) -> None:
        """A batch ended; failing functions are called less often at once.

        After a run there may be a place in the function's reservation: the batch that has rested longest is tried now.
        """
        if has_run and self.resting and _is_reserved(self.view):
            self.resting[0] = (now_ms, self.resting[0][1])
        if not self.is_open or self.is_fifo or self.mapping.reports_failures or self.mapping.pollers is not None:
            return
        if is_failed:
            self.width = max(min(WIDTH_FAILING, self._width_max), self.width - 1)
        elif self.width < self._width_start:
            self.width += 1

    def wanted(self, room: int) -> Wanted:
        """How much to take for ``room`` more batches."""
        assert self.view.function is not None
        fill = room * self.mapping.batch_size - self.gathering.open_count
        most = max(TAKE_COUNT_MIN, TAKE_BYTES // self._record_bytes)
        timeout_ms = self.view.function.timeout_s * 1000
        return Wanted(max(1, min(fill, most)), min(room, TAKE_FIFO_BATCHES), timeout_ms)

    def took(self, records: list[Record], now_ms: int) -> None:
        """Gather records that were just leased."""
        if not records:
            return
        mean = sum(len(record.json) for record in records) // len(records)
        self._record_bytes = max(1, (self._record_bytes + 3 * mean) // 4)
        window_ms = self.mapping.window_s * 1000
        if window_ms and self.gathering.open is not None:
            # A message whose visibility timeout ended while it was gathered may be among the new ones.
            anew = {record.sequence for record in records if record.attempt > 1}
            self.gathering.open.keep(lambda record: record.sequence not in anew)
        self.gathering.add(records, now_ms=now_ms, count_max=self.mapping.batch_size, window_ms=window_ms)

    def pass_time(self, now_ms: int) -> None:
        """Batches whose window is over, or that have rested long enough, are complete; the latter go first."""
        self.gathering.close_if_over(now_ms)
        rested = [batch for due_ms, batch in self.resting if due_ms <= now_ms]
        if rested:
            self.resting = [(due_ms, batch) for due_ms, batch in self.resting if due_ms > now_ms]
            self.gathering.complete[:0] = rested

    def next_batch(self, now_ms: int) -> Batch | None:
        """A batch that may start now.

        Messages whose lease has ended while they waited are left out: they are visible, and will be received anew.
        """
        while self.gathering.complete:
            batch = self.gathering.complete.pop(0)
            batch.keep(lambda record: record.until_ms > now_ms)
            if batch.records:
                return batch
        return None

    def take_out_waiting(self) -> list[Record]:
        """The records of all batches that do not run; they are gathered no longer."""
        self.gathering.close()
        waiting = [*self.gathering.complete, *(batch for _, batch in self.resting)]
        self.gathering.complete.clear()
        self.resting.clear()
        for batch in waiting:
            batch.let_go()
        return [record for batch in waiting for record in batch.records]

    def next_due_ms(self) -> int | None:
        """The earliest moment this lane waits for."""
        if not self.is_open:
            return None
        dues = [due_ms for due_ms, _ in self.resting]
        if self.due_ms is not None and (self.room > 0 or self.running):
            dues.append(self.due_ms)
        if self.gathering.open is not None:
            dues.append(self.gathering.open.closes_ms)
        return min(dues, default=None)


def _is_reserved(view: View) -> bool:
    return view.function is not None and view.function.reserved_concurrency is not None


def rest_room(lane: Lane) -> int:
    """How many more batches may rest because a reservation is used up: no more than a lane starts with."""
    return WIDTH_START - len(lane.resting)
