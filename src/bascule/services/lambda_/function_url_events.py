"""The event of a function URL: an HTTP request in payload format 2.0. Pure."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from bascule.services.lambda_.function_url_callers import Signer

#: Media types whose bodies are handed over as text; any other body is base64. Source: recorded, lambda.md section 5.
_TEXT_TYPES = frozenset(["application/json", "application/javascript", "application/xml", "application/graphql"])
_TEXT_ENDS = ("+json", "+xml")
_encode = msgspec.json.Encoder().encode


class UrlRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it reached a function URL; header names in lower case, ``path`` and ``query_string`` as on the wire."""

    url_id: str
    domain_name: str
    port: str
    scheme: str
    method: str
    path: str
    query_string: str
    headers: dict[str, str]
    body: bytes
    source_ip: str


def event_of(request: UrlRequest, *, request_id: str, now_ms: int, trace_root: str, signer: Signer | None) -> bytes:
    """The event that the function gets.

    Differs  the ``x-amzn-tls-*`` headers are missing: there is no TLS.
    Source   developer guide, function URL request payload.
    """
    headers = dict(request.headers)
    cookies = [cookie for part in headers.pop("cookie", "").split(";") if (cookie := part.strip())]
    headers |= {
        "x-amzn-trace-id": trace_root,
        "x-forwarded-for": request.source_ip,
        "x-forwarded-port": request.port,
        "x-forwarded-proto": request.scheme,
    }
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": request.path,
        "rawQueryString": request.query_string,
    }
    if cookies:
        event["cookies"] = cookies
    event["headers"] = headers
    if query := _query(request.query_string):
        event["queryStringParameters"] = query
    event["requestContext"] = _context(request, request_id=request_id, now_ms=now_ms, signer=signer)
    text = _text(request)
    if text is None:
        event["body"] = base64.b64encode(request.body).decode()
    elif text:
        event["body"] = text
    event["isBase64Encoded"] = text is None
    return _encode(event)


def _query(query_string: str) -> dict[str, str]:
    query: dict[str, str] = {}
    for name, value in parse_qsl(query_string, keep_blank_values=True):
        query[name] = f"{query[name]},{value}" if name in query else value
    return query


def _context(request: UrlRequest, *, request_id: str, now_ms: int, signer: Signer | None) -> dict[str, Any]:
    moment = datetime.fromtimestamp(now_ms // 1000, UTC)
    context: dict[str, Any] = {
        "accountId": "anonymous" if signer is None else signer.account,
        "apiId": request.url_id,
        "domainName": request.domain_name,
        "domainPrefix": request.url_id,
        "http": {
            "method": request.method,
            "path": request.path,
            "protocol": "HTTP/1.1",
            "sourceIp": request.source_ip,
            "userAgent": request.headers.get("user-agent", ""),
        },
        "requestId": request_id,
        "routeKey": "$default",
        "stage": "$default",
        "time": f"{moment:%d/%b/%Y:%H:%M:%S} +0000",
        "timeEpoch": now_ms,
    }
    if signer is not None:
        context["authorizer"] = {
            "iam": {
                "accessKey": signer.access_key,
                "accountId": signer.account,
                "callerId": signer.user_id,
                "cognitoIdentity": None,
                "principalOrgId": None,
                "userArn": signer.arn,
                "userId": signer.user_id,
            }
        }
    return context


def _text(request: UrlRequest) -> str | None:
    """The body as text; None when it has to be base64."""
    media_type = request.headers.get("content-type", "text/plain").partition(";")[0].strip().lower()
    if not (media_type.startswith("text/") or media_type in _TEXT_TYPES or media_type.endswith(_TEXT_ENDS)):
        return None if request.body else ""
    try:
        return request.body.decode()
    except UnicodeDecodeError:
        return None
