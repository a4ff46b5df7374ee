"""PutLogEvents and GetLogEvents: the events of one stream."""

from __future__ import annotations

from collections.abc import Sequence

from bascule.api import logs as api
from bascule.kernel.context import Context
from bascule.kernel.logs import Record
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.services.logs import limits, tokens
from bascule.services.logs.errors import InvalidParameter
from bascule.services.logs.groups import found_group, named_group
from bascule.services.logs.model import LogEvent, LogGroup, LogStream
from bascule.services.logs.state import append_events, event_of, log_name
from bascule.services.logs.streams import found_stream

NOT_CHRONOLOGICAL = "Log events in a single PutLogEvents request must be in chronological order."
SPAN_TOO_LONG = "The batch of log events in a single PutLogEvents request cannot span more than 24 hours."

#: Records read by one statement. count
READ_COUNT = 1_000


@operation("PutLogEvents", refuses=("entity",))
def put_log_events(ctx: Context, tx: Tx, inp: api.PutLogEventsRequest) -> api.PutLogEventsResponse:
    """Append events to a stream. The sequence token is accepted and ignored, as on AWS since 2023.

    Gives    which events were too old, expired or too new to be taken; the others are taken.
    Raises   ResourceNotFound; InvalidParameter for disorder, a span over 24 hours, too many or too large events.
    """
    group = found_group(ctx, tx, inp.log_group_name)
    stream = found_stream(ctx, tx, group, inp.log_stream_name)
    events = [(event.timestamp, event.message) for event in inp.log_events]
    _check(events)
    rejected, first, end = _accepted_range(ctx, group, events)
    if first < end:
        append_events(tx, ctx.scope, group.name, stream, events[first:end], now_ms=ctx.now_ms)
        tx.notify(f"logs:{group.name}")
    return api.PutLogEventsResponse(next_sequence_token=f"{ctx.now_ms:056d}", rejected_log_events_info=rejected)


def _check(events: list[tuple[int, str]]) -> None:
    if len(events) > limits.EVENTS_PER_PUT_MAX:
        raise InvalidParameter(
            f"1 validation error detected: Value '{len(events)}' at 'logEvents' failed to satisfy constraint: "
            f"Member must have length less than or equal to {limits.EVENTS_PER_PUT_MAX}"
        )
    total = 0
    for (at_ms, message), (before_ms, _) in zip(events, [*events[:1], *events[:-1]], strict=True):
        if at_ms < before_ms:
            raise InvalidParameter(NOT_CHRONOLOGICAL)
        size = len(message.encode("utf-8", "replace")) + limits.EVENT_OVERHEAD_BYTES
        if size > limits.EVENT_BYTES_MAX:
            raise InvalidParameter(f"Log event too large: {size} bytes exceeds limit of {limits.EVENT_BYTES_MAX}")
        total += size
    if total > limits.BYTES_PER_PUT_MAX:
        raise InvalidParameter(f"Upload too large: {total} bytes exceeds limit of {limits.BYTES_PER_PUT_MAX}")
    if events and events[-1][0] - events[0][0] > limits.PUT_SPAN_MS_MAX:
        raise InvalidParameter(SPAN_TOO_LONG)


def _accepted_range(
    ctx: Context, group: LogGroup, events: Sequence[tuple[int, str]]
) -> tuple[api.RejectedLogEventsInfo | None, int, int]:
    """What is rejected, and the range of events that is taken."""
    oldest_ms = ctx.now_ms - limits.EVENT_AGE_MS_MAX
    kept_ms = 0 if group.retention_days is None else ctx.now_ms - group.retention_days * limits.DAY_MS
    newest_ms = ctx.now_ms + limits.EVENT_AHEAD_MS_MAX
    too_old = sum(1 for at_ms, _ in events if at_ms < oldest_ms)
    expired = sum(1 for at_ms, _ in events if at_ms < kept_ms)
    in_time = sum(1 for at_ms, _ in events if at_ms <= newest_ms)
    first = max(too_old, expired)
    if first == 0 and in_time == len(events):
        return None, 0, in_time
    rejected = api.RejectedLogEventsInfo(
        too_new_log_event_start_index=in_time if in_time < len(events) else None,
        too_old_log_event_end_index=too_old or None,
        expired_log_event_end_index=expired if expired > too_old else None,
    )
    return rejected, first, in_time


def is_within(event: LogEvent, start_ms: int | None, end_ms: int | None) -> bool:
    """Whether an event lies in a time range; both ends belong to it, as in FilterLogEvents."""
    return (start_ms is None or event.at_ms >= start_ms) and (end_ms is None or event.at_ms <= end_ms)


@operation("GetLogEvents", reads=True)
def get_log_events(ctx: Context, tx: Tx, inp: api.GetLogEventsRequest) -> api.GetLogEventsResponse:
    """A page of one stream, oldest first: the newest page unless asked to start at the head. The end is not of the range.

    Gives    both tokens always; a page that is empty gives the token it was asked with, which is how a reader knows
             that it has reached the end.
    Raises   ResourceNotFound; InvalidParameter for a token that we did not make.
    """
    group = named_group(ctx, tx, inp.log_group_name, inp.log_group_identifier)
    stream = found_stream(ctx, tx, group, inp.log_stream_name)
    count = inp.limit or limits.PAGE_EVENTS_MAX
    if inp.next_token is not None:
        is_forward, position = tokens.event_position(inp.next_token)
    else:
        is_forward, position = bool(inp.start_from_head), 0
    start_ms, end_ms = inp.start_time, None if inp.end_time is None else inp.end_time - 1
    if is_forward:
        events = _forward(tx, stream, position, count, start_ms, end_ms)
    else:
        events = _backward(tx, stream, position if inp.next_token is not None else None, count, start_ms, end_ms)
    last = events[-1].sequence if events else (position if is_forward else max(position - 1, 0))
    first = events[0].sequence if events else (position + 1 if is_forward else position)
    shown = sorted(events, key=lambda event: event.at_ms)
    return api.GetLogEventsResponse(
        events=[
            api.OutputLogEvent(timestamp=event.at_ms, message=event.message, ingestion_time=event.ingested_ms)
            for event in shown
        ],
        next_forward_token=tokens.forward_token(last),
        next_backward_token=tokens.backward_token(first),
    )


def _taken(
    records: Sequence[Record], events: list[LogEvent], size: int, count: int, start_ms: int | None, end_ms: int | None
) -> int:
    """Move matching records to ``events`` until a limit is reached; gives the new size, negative when it was."""
    for record in records:
        event = event_of(record)
        if not is_within(event, start_ms, end_ms):
            continue
        size += len(event.message) + limits.EVENT_OVERHEAD_BYTES
        if len(events) >= count or (size > limits.PAGE_BYTES_MAX and events):
            return -1
        events.append(event)
    return size


def _forward(
    tx: Tx, stream: LogStream, after: int, count: int, start_ms: int | None, end_ms: int | None
) -> list[LogEvent]:
    events: list[LogEvent] = []
    size = 0
    while size >= 0 and (records := tx.logs.read(log_name(stream), after=after, count_max=READ_COUNT)):
        after = records[-1].sequence
        size = _taken(records, events, size, count, start_ms, end_ms)
    return events


def _backward(
    tx: Tx, stream: LogStream, before: int | None, count: int, start_ms: int | None, end_ms: int | None
) -> list[LogEvent]:
    events: list[LogEvent] = []
    size = 0
    while size >= 0 and (records := tx.logs.read_back(log_name(stream), before=before, count_max=READ_COUNT)):
        before = records[-1].sequence
        size = _taken(records, events, size, count, start_ms, end_ms)
    events.reverse()
    return events
