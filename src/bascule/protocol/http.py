"""A whole HTTP request and an HTTP answer, whole or of parts that come later, as values. No sockets, no framework types."""

from __future__ import annotations

from collections.abc import AsyncGenerator

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


class HttpStreamedAnswer(msgspec.Struct, frozen=True):
    """What the edge begins to send before it has all of it. ``parts`` raises when the answer cannot be completed."""

    status: int
    headers: list[tuple[str, str]]
    parts: AsyncGenerator[bytes, None]
