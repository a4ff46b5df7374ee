"""Answers that are begun before they are complete: how their parts come from a running function.

Each is a generator that the server iterates and closes, whatever happens: so it is also where a reader that has left is noticed
and the function's answer abandoned. ``BrokenOff`` ends one that cannot be completed.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator

from bascule.kernel.invocation import InvocationResult, RuntimeUnavailable
from bascule.kernel.streaming import BrokenOff, ResponseStream, StreamedOutput
from bascule.protocol import Call, HttpStreamedAnswer
from bascule.services.lambda_.function_url_answers import (
    BODILESS,
    HTTP_RESPONSE,
    PRELUDE_END,
    MalformedAnswer,
    UrlAnswer,
    UrlStream,
    streamed_head,
)

#: Status and headers before a streamed body may be this long. bytes; ours
PRELUDE_BYTES_MAX = 1_048_576

Parts = AsyncGenerator[bytes, None]


def event_stream_answer(call: Call, output: StreamedOutput, *, request_id: str) -> HttpStreamedAnswer:
    """The answer of an operation that streams events: its head now, a message for each event as it comes."""
    head = call.serialise(output.head, request_id=request_id)
    return HttpStreamedAnswer(head.status, head.headers, _messages(call, output))


async def _messages(call: Call, output: StreamedOutput) -> Parts:
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


class FunctionFailed(Exception):
    """The function ended before it had said status and headers."""


async def url_answer(stream: UrlStream, *, has_body: bool) -> tuple[UrlAnswer, Parts | None]:
    """Status and headers of a function URL's answer, as soon as the function has written them, and its body to come.

    Gives    no body where there can be none: the function then runs to its end for nobody.
    Raises   MalformedAnswer, FunctionFailed, RuntimeUnavailable: nothing was sent yet, and nobody reads on.
    """
    answer = stream.answer
    chunks = aiter(answer)
    try:
        prelude, rest = None, b""
        if answer.content_type.partition(";")[0].strip().lower() == HTTP_RESPONSE:
            prelude, rest = await _prelude(answer, chunks)
        head = stream.finished(streamed_head(answer.content_type, prelude))
    except BaseException:  # raised again below
        answer.abandon()
        raise
    if head.status in BODILESS or not has_body:
        answer.abandon()
        return head, None
    return head, _body(answer, rest, chunks)


async def _prelude(answer: ResponseStream, chunks: AsyncIterator[bytes]) -> tuple[bytes, bytes]:
    """What comes before the eight zero bytes, and what has come after them."""
    read = b""
    async for chunk in chunks:
        read += chunk
        prelude, end, rest = read.partition(PRELUDE_END)
        if end:
            return prelude, rest
        if len(read) > PRELUDE_BYTES_MAX:
            raise MalformedAnswer("there is no end of status and headers")
    if answer.is_complete:
        raise MalformedAnswer("it ends before its status and headers do")
    result = await answer.result()
    raise FunctionFailed(f"{result.error_type}: {result.error_message}")


async def _body(answer: ResponseStream, rest: bytes, chunks: AsyncIterator[bytes]) -> Parts:
    try:
        if rest:
            yield rest
        async for chunk in chunks:
            yield chunk
        if not answer.is_complete:
            result = await answer.result()
            raise BrokenOff(f"{result.error_type}: {result.error_message}")
    except RuntimeUnavailable as error:
        raise BrokenOff(str(error)) from error
    finally:
        answer.abandon()
