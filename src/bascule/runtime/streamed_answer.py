"""A streamed answer as the Runtime API sees it: the body of one request, handed on while it arrives.

A runtime that breaks off says so in trailers; one that loses its connection has answered nothing that can be relied on. The
states are ``runtime_api``'s; this file owns what happens between the request's head and its end.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from bascule.runtime.failures import RESPONSE_TOO_LARGE, TRUNCATED
from bascule.runtime.http_listener import ApiAnswer
from bascule.runtime.limits import STREAM_BYTES_MAX
from bascule.runtime.ports import Outcome, OutcomeKind
from bascule.runtime.response_stream import ResponseStream

#: What the runtime hears, from the trailers of the request, and how the invocation ended.
Judge = Callable[[dict[str, str]], tuple[ApiAnswer, Outcome]]


class StreamedAnswer:
    """Implements ``http_listener.Receiver``. ``over`` hears the outcome once; False means that the connection was lost."""

    def __init__(
        self, stream: ResponseStream, judge: Judge, refused: ApiAnswer, over: Callable[[Outcome, bool], None]
    ) -> None:
        self._stream = stream
        self._judge = judge
        self._refused = refused
        self._over = over
        self._is_oversize = False

    def take(self, chunk: bytes) -> None:
        """See ``http_listener.Receiver``. What exceeds the limit is read and dropped, and ends the caller's stream at once."""
        if not self._is_oversize and not self._stream.write(chunk):
            self._is_oversize = True
            self._stream.end(is_complete=False)

    def end(self, headers: dict[str, str]) -> ApiAnswer:
        """See ``http_listener.Receiver``."""
        if self._is_oversize:
            words = f"Response payload size exceeded maximum allowed payload size ({STREAM_BYTES_MAX} bytes)."
            answer, outcome = self._refused, _failed(RESPONSE_TOO_LARGE, words)
        else:
            answer, outcome = self._judge(headers)
        self._stream.end(is_complete=outcome.kind is OutcomeKind.RESULT)
        self._over(outcome, True)
        return answer

    def lose(self) -> None:
        """See ``http_listener.Receiver``."""
        self._stream.end(is_complete=False)
        self._over(_failed(TRUNCATED, "The connection was closed in the middle of the response."), False)


def _failed(error_type: str, message: str) -> Outcome:
    body = msgspec.json.encode({"errorType": error_type, "errorMessage": message})
    return Outcome(OutcomeKind.FAILED, body, error_type=error_type)
