"""Cross-origin answers of function URLs. Pure.

Where a URL has a CORS configuration, preflight requests are answered from it without the function, and its headers replace
those that the function sends. Where it has none, both are the function's business.
"""

from __future__ import annotations

from collections.abc import Mapping

from bascule.services.lambda_.function_url_model import UrlCors

Headers = list[tuple[str, str]]


def is_preflight(method: str, headers: Mapping[str, str]) -> bool:
    """Whether a browser asks before it sends the real request."""
    return method == "OPTIONS" and "origin" in headers and "access-control-request-method" in headers


def _allowed_origin(cors: UrlCors, origin: str) -> str | None:
    """What ``Access-Control-Allow-Origin`` says; browsers refuse a star together with credentials."""
    origins = cors.allow_origins or ()
    if origin in origins:
        return origin
    if "*" not in origins:
        return None
    return origin if cors.allow_credentials else "*"


def _of_origin(cors: UrlCors, origin: str) -> Headers:
    allowed = _allowed_origin(cors, origin)
    if allowed is None:
        return []
    headers = [("access-control-allow-origin", allowed)]
    if allowed != "*":
        headers.append(("vary", "Origin"))
    if cors.allow_credentials:
        headers.append(("access-control-allow-credentials", "true"))
    return headers


def preflight_headers(cors: UrlCors, origin: str) -> Headers:
    """Headers of the answer to a preflight request; none for an origin that may not call."""
    headers = _of_origin(cors, origin)
    if not headers:
        return []
    for name, values in (
        ("access-control-allow-methods", cors.allow_methods),
        ("access-control-allow-headers", cors.allow_headers),
    ):
        if values:
            headers.append((name, ",".join(values)))
    if cors.max_age is not None:
        headers.append(("access-control-max-age", str(cors.max_age)))
    return headers


def with_cors(cors: UrlCors | None, origin: str | None, given: Headers) -> Headers:
    """The headers of an answer, with those of the configuration in place of the function's own."""
    if cors is None or origin is None:
        return given
    kept = [(name, value) for name, value in given if not name.lower().startswith("access-control-")]
    headers = _of_origin(cors, origin)
    if headers and cors.expose_headers:
        headers.append(("access-control-expose-headers", ",".join(cors.expose_headers)))
    return kept + headers
