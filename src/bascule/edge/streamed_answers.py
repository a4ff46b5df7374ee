"""Answers that are begun before they are complete: how their parts come from a running function.

Each is a generator that the server iterates and closes, whatever happens: so it is also where a reader that has left is noticed
and the function's answer abandoned. ``BrokenOff`` ends one that cannot be completed.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator

from bascule.kernel.invocation import InvocationResult, RuntimeUnavailable
from bascule.kernel.streaming import BrokenOff, StreamedOutput
from bascule.protocol import Call, HttpStreamedAnswer


def event_stream_answer(call: Call, output: StreamedOutput, *, request_id: str) -> HttpStreamedAnswer:
    """The answer of an operation that streams events: its head now, a message for each event as it comes."""
    head = call.serialise(output.head, request_id=request_id)
    return HttpStreamedAnswer(head.status, head.headers, _messages(call, output))


async def _messages(call: Call, output: StreamedOutput) -> AsyncGenerator[bytes, None]:
    answer = output.answer
    if isinstance(answer, InvocationResult):
        if answer.function_error is None and answer.payload:
            yield call.write_event(output.of_chunk(answer.payload))
        yield call.write_event(output.of_end(answer))
        return
    try:
        async for chunk in answer:
            yield call.write_event(output.of_chunk(chunk))
        result = await answer.result()
    except RuntimeUnavailable as error:
        raise BrokenOff(str(error)) from error
    finally:
        answer.abandon()
    yield call.write_event(output.of_end(result))
