"""A whole HTTP request and a whole HTTP answer, as values. No sockets, no streaming, no framework types."""

from __future__ import annotations

import msgspec


class HttpRequest(msgspec.Struct, frozen=True, gc=False):
    """What the edge received.

    ``path`` and ``query_string`` are as on the wire, still percent-encoded, because a decoded path can no longer tell a label
    with a slash from two labels. Header names are lower-case.
    """

    method: str
    path: str
    query_string: str
    headers: dict[str, str]
    body: bytes


class HttpAnswer(msgspec.Struct, frozen=True, gc=False):
    """What the edge sends; the length header is the edge's."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
