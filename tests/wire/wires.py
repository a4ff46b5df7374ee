"""One wire for all tests of this directory, and requests as clients send them."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import settings

from bascule.api import shapes_of
from bascule.protocol import Call, HttpRequest, Wire

WIRE = Wire(shapes_of=shapes_of, services=("events", "lambda", "logs", "sqs", "sts"))
ID = "c0ffee00-0000-4000-8000-000000000001"


#: Generated tests: the same examples each time, and no deadline, because the machine may be busy.
EVERY_TIME = settings(derandomize=True, database=None, deadline=None, max_examples=100)


def signed(service: str) -> dict[str, str]:
    """The header of a request signed for a service."""
    scope = f"AKIDEXAMPLE/20260115/us-east-1/{service}/aws4_request"
    return {"authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"}


def json_request(target: str, body: Any) -> HttpRequest:
    """An AWS JSON request; ``body`` is bytes or a value to encode."""
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    headers = {"x-amz-target": target, "content-type": "application/x-amz-json-1.1"}
    return HttpRequest("POST", "/", "", headers, raw)


def query_request(form: str, *, path: str = "/", service: str = "") -> HttpRequest:
    """A Query request with a form body."""
    headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8", "host": "localhost:4566"}
    return HttpRequest("POST", path, "", headers | (signed(service) if service else {}), form.encode())


def rest_request(
    method: str, path: str, body: bytes = b"", query: str = "", headers: dict[str, str] | None = None
) -> HttpRequest:
    """A REST request to Lambda."""
    return HttpRequest(method, path, query, signed("lambda") | (headers or {}), body)


def call(request: HttpRequest) -> Call:
    """The identified request."""
    return WIRE.identify(request)
