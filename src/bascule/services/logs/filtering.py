"""FilterLogEvents: the streams of a group merged by time, searched with a filter pattern.

A token names the streams that are not at their end and how far each was read, so a page costs what it reads and not what
came before it. A call looks at a bounded number of events; a page may be empty and still have a token.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence

from bascule.api import logs as api
from bascule.kernel.context import Context
from bascule.kernel.logs import Record
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.services.logs import limits, tokens
from bascule.services.logs.errors import InvalidParameter
from bascule.services.logs.events import READ_COUNT, is_within
from bascule.services.logs.filter_pattern import compile_pattern
from bascule.services.logs.groups import named_group
from bascule.services.logs.model import LogEvent, LogGroup, LogStream
from bascule.services.logs.state import event_of, log_name
from bascule.services.logs.streams import every_stream, found_stream

NAMES_AND_PREFIX = "logStreamNames and logStreamNamePrefix are mutually exclusive parameters."


@operation("FilterLogEvents", reads=True)
def filter_log_events(ctx: Context, tx: Tx, inp: api.FilterLogEventsRequest) -> api.FilterLogEventsResponse:
    """Events of a group in a time range that match a pattern, oldest first over all streams, or newest first.

    Raises   ResourceNotFound; InvalidParameter for a pattern or token that cannot be, or names together with a prefix.
    """
    group = named_group(ctx, tx, inp.log_group_name, inp.log_group_identifier)
    if inp.log_stream_names is not None and inp.log_stream_name_prefix is not None:
        raise InvalidParameter(NAMES_AND_PREFIX)
    matches = compile_pattern(inp.filter_pattern or "")
    count = inp.limit or limits.PAGE_EVENTS_MAX
    is_forward, positions = inp.start_from_head is not False, None
    if inp.next_token is not None:
        is_forward, positions = tokens.positions(inp.next_token)
    streams = _searched(ctx, tx, group, inp, positions)
    read_to = {stream.name: (positions or {}).get(stream.name, 0) for stream in streams}
    merged = heapq.merge(
        *(_events(tx, stream, read_to[stream.name], inp, is_forward=is_forward) for stream in streams),
        key=lambda found: found[1].at_ms,
        reverse=not is_forward,
    )
    shown: list[api.FilteredLogEvent] = []
    size = 0
    is_complete = True
    for seen, (stream, event) in enumerate(merged):
        size += len(event.message) + limits.EVENT_OVERHEAD_BYTES
        if len(shown) >= count or seen >= limits.SCANNED_EVENTS_MAX or (size > limits.PAGE_BYTES_MAX and shown):
            is_complete = False
            break
        read_to[stream.name] = event.sequence
        if matches(event.message):
            shown.append(_described(stream, event))
    return api.FilterLogEventsResponse(
        events=shown,
        searched_log_streams=[],
        next_token=None
        if is_complete
        else tokens.positions_token(is_forward, _unfinished(tx, streams, read_to, is_forward=is_forward)),
    )


def _searched(
    ctx: Context, tx: Tx, group: LogGroup, inp: api.FilterLogEventsRequest, positions: dict[str, int] | None
) -> list[LogStream]:
    if inp.log_stream_names is not None:
        streams = [found_stream(ctx, tx, group, name) for name in inp.log_stream_names]
    else:
        streams = every_stream(ctx, tx, group, prefix=inp.log_stream_name_prefix or "")
    if positions is not None:
        return [stream for stream in streams if stream.name in positions]
    return [
        stream
        for stream in streams
        if stream.last_event_ms is not None
        and stream.first_event_ms is not None
        and (inp.start_time is None or stream.last_event_ms >= inp.start_time)
        and (inp.end_time is None or stream.first_event_ms <= inp.end_time)
    ]


def _read(tx: Tx, stream: LogStream, read_to: int, count_max: int, *, is_forward: bool) -> Sequence[Record]:
    """What follows ``read_to`` in a direction; 0: from the beginning, or from the end."""
    if is_forward:
        return tx.logs.read(log_name(stream), after=read_to, count_max=count_max)
    return tx.logs.read_back(log_name(stream), before=read_to or None, count_max=count_max)


def _events(
    tx: Tx, stream: LogStream, read_to: int, inp: api.FilterLogEventsRequest, *, is_forward: bool
) -> Iterator[tuple[LogStream, LogEvent]]:
    while records := _read(tx, stream, read_to, READ_COUNT, is_forward=is_forward):
        read_to = records[-1].sequence
        for record in records:
            event = event_of(record)
            if is_within(event, inp.start_time, inp.end_time):
                yield stream, event


def _unfinished(tx: Tx, streams: list[LogStream], read_to: dict[str, int], *, is_forward: bool) -> dict[str, int]:
    return {
        stream.name: read_to[stream.name]
        for stream in streams
        if _read(tx, stream, read_to[stream.name], 1, is_forward=is_forward)
    }


def _described(stream: LogStream, event: LogEvent) -> api.FilteredLogEvent:
    mark = int(stream.uuid.replace("-", ""), 16) % 10**23
    return api.FilteredLogEvent(
        log_stream_name=stream.name,
        timestamp=event.at_ms,
        message=event.message,
        ingestion_time=event.ingested_ms,
        event_id=f"{event.at_ms:014d}{mark:023d}{event.sequence:019d}",
    )
