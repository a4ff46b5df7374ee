"""Log streams: their life and how they are listed."""

from __future__ import annotations

from bascule.api import logs as api
from bascule.kernel.context import Context
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.services.logs import tokens
from bascule.services.logs.errors import InvalidParameter, ResourceAlreadyExists, ResourceNotFound
from bascule.services.logs.groups import found_group, named_group
from bascule.services.logs.limits import DESCRIBE_ITEMS_MAX
from bascule.services.logs.model import LogGroup, LogStream
from bascule.services.logs.state import STREAMS, log_name

NO_STREAM = "The specified log stream does not exist."
STREAM_EXISTS = "The specified log stream already exists"
PREFIX_WITH_TIME = "Cannot order by LastEventTime with a logStreamNamePrefix."


def found_stream(ctx: Context, tx: Tx, group: LogGroup, name: str) -> LogStream:
    """The stream.

    Raises   ResourceNotFound.
    """
    stream = STREAMS.get(tx.documents, ctx.scope, name, parent=group.name)
    if stream is None:
        raise ResourceNotFound(NO_STREAM)
    return stream


def every_stream(ctx: Context, tx: Tx, group: LogGroup, *, prefix: str = "") -> list[LogStream]:
    """All streams of a group whose name starts with ``prefix``, by name."""
    streams: list[LogStream] = []
    after = ""
    while page := STREAMS.page(tx.documents, ctx.scope, parent=group.name, prefix=prefix, after=after):
        streams += [stream for _, stream in page]
        after = page[-1][0]
    return streams


@operation("CreateLogStream")
def create_log_stream(ctx: Context, tx: Tx, inp: api.CreateLogStreamRequest) -> api.Empty:
    """Create a stream.

    Raises   ResourceNotFound for the group; ResourceAlreadyExists; InvalidParameter for ``:`` or ``*`` in the name.
    """
    group = found_group(ctx, tx, inp.log_group_name)
    name = inp.log_stream_name
    if STREAMS.get(tx.documents, ctx.scope, name, parent=group.name) is not None:
        raise ResourceAlreadyExists(STREAM_EXISTS)
    stream = LogStream(uuid=ctx.ids.uuid(), name=name, created_ms=ctx.now_ms)
    STREAMS.put(tx.documents, ctx.scope, name, stream, parent=group.name)
    return api.Empty()


@operation("DeleteLogStream")
def delete_log_stream(ctx: Context, tx: Tx, inp: api.DeleteLogStreamRequest) -> api.Empty:
    """Delete a stream with its events.

    Raises   ResourceNotFound.
    """
    group = found_group(ctx, tx, inp.log_group_name)
    stream = found_stream(ctx, tx, group, inp.log_stream_name)
    tx.logs.drop(log_name(stream))
    STREAMS.delete(tx.documents, ctx.scope, stream.name, parent=group.name)
    return api.Empty()


def _described(ctx: Context, group: LogGroup, stream: LogStream) -> api.LogStream:
    return api.LogStream(
        log_stream_name=stream.name,
        creation_time=stream.created_ms,
        first_event_timestamp=stream.first_event_ms,
        last_event_timestamp=stream.last_event_ms,
        last_ingestion_time=stream.last_ingested_ms,
        upload_sequence_token=f"{stream.last_ingested_ms or stream.created_ms:056d}",
        arn=ctx.scope.arn("logs", f"log-group:{group.name}:log-stream:{stream.name}"),
        stored_bytes=0,
    )


def _time_key(stream: LogStream) -> tuple[int, str]:
    return stream.last_event_ms or 0, stream.name


def _name_key(stream: LogStream) -> tuple[int, str]:
    return 0, stream.name


@operation("DescribeLogStreams", reads=True)
def describe_log_streams(ctx: Context, tx: Tx, inp: api.DescribeLogStreamsRequest) -> api.DescribeLogStreamsResponse:
    """Streams of a group by name or by their last event.

    Raises   ResourceNotFound; InvalidParameter for a prefix together with ``LastEventTime``, or a token not ours.
    """
    group = named_group(ctx, tx, inp.log_group_name, inp.log_group_identifier)
    is_by_time = inp.order_by == "LastEventTime"
    if is_by_time and inp.log_stream_name_prefix is not None:
        raise InvalidParameter(PREFIX_WITH_TIME)
    key = _time_key if is_by_time else _name_key
    streams = sorted(
        every_stream(ctx, tx, group, prefix=inp.log_stream_name_prefix or ""), key=key, reverse=bool(inp.descending)
    )
    start = tokens.name_after(inp.next_token)
    if start:
        names = [stream.name for stream in streams]
        if start not in names:
            raise InvalidParameter(tokens.INVALID)
        streams = streams[names.index(start) + 1 :]
    size = inp.limit or DESCRIBE_ITEMS_MAX
    token = tokens.name_token(streams[size - 1].name) if len(streams) > size else None
    return api.DescribeLogStreamsResponse(
        log_streams=[_described(ctx, group, stream) for stream in streams[:size]], next_token=token
    )
