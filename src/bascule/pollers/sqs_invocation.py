"""The one call of a function that a batch of messages becomes. A trace goes on as AWS does it: one of the batch's, never all."""

from __future__ import annotations

from bascule.kernel.context import Context
from bascule.kernel.invocation import FunctionVersion, Invocation
from bascule.pollers.sqs_batches import Batch
from bascule.pollers.sqs_records import payload
from bascule.services.lambda_.tracing import chain_length, extended, fresh_trace


def invocation_of(ctx: Context, named_arn: str, function: FunctionVersion, batch: Batch) -> Invocation:
    """One call of the function; the trace goes on that has come round to this function most often."""
    traces = [record.trace for record in batch.records if record.trace]
    trace = max(traces, key=lambda text: chain_length(text, function.arn), default="")
    return Invocation(
        function=function,
        request_id=ctx.request_id,
        payload=payload(batch.records),
        invoked_arn=named_arn,
        trace_header=extended(trace or fresh_trace(ctx.now_ms, ctx.ids), function.arn),
        event_id=next((record.event_id for record in batch.records if record.event_id), ""),
        attempt=max(record.attempt for record in batch.records),
    )
