"""From what a function gave back to an HTTP answer. Pure.

An object with ``statusCode`` is the answer itself; anything else is the body of a 200. What only looks like an answer is
refused with 502, as AWS does, rather than sent half understood.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from typing import Any

import msgspec

from bascule.kernel.streaming import ResponseStream

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")
_BREAKS = re.compile(r"[\x00-\x1f\x7f]+")
_STATUS = re.compile(r"[2-5]\d\d")
#: The server's own business.
_OURS = frozenset(["connection", "content-length", "date", "keep-alive", "server", "transfer-encoding", "upgrade"])
#: Statuses without a body.
BODILESS = frozenset([204, 304])
#: The content type of a streamed answer that begins with status and headers, and what ends them.
HTTP_RESPONSE = "application/vnd.awslambda.http-integration-response"
PRELUDE_END = bytes(8)
_BYTES = ("content-type", "application/octet-stream")
_JSON = ("content-type", "application/json")

FORBIDDEN = (
    b'{"Message":"Forbidden. For troubleshooting Function URL authorization issues, see: '
    b'https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"}'
)


class UrlAnswer(msgspec.Struct, frozen=True):
    """A whole HTTP answer."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class UrlStream(msgspec.Struct, frozen=True):
    """An answer in the making: ``head`` can be given when ``streamed_head`` can, ``finished`` puts the last hand to it."""

    answer: ResponseStream
    finished: Callable[[UrlAnswer], UrlAnswer]


class MalformedAnswer(Exception):
    """The function's answer cannot be sent; the message says what is wrong with it."""


def answer_of(payload: bytes) -> UrlAnswer:
    """The answer that a function's result stands for.

    Raises   MalformedAnswer.
    Source   developer guide, function URL response payload; lambda.md section 5.
    """
    try:
        result = msgspec.json.decode(payload)
    except (msgspec.DecodeError, RecursionError) as error:
        raise MalformedAnswer("the result is not JSON") from error
    if isinstance(result, dict) and "statusCode" in result:
        return _proxied(result)
    if isinstance(result, str):
        return UrlAnswer(200, [_JSON], result.encode("utf-8", "surrogatepass"))
    return UrlAnswer(200, [_JSON], payload)


def streamed_head(content_type: str, prelude: bytes | None) -> UrlAnswer:
    """Status and headers of an answer that the function streams; its body comes later.

    Takes    what the function calls its answer; prelude: the JSON text before ``PRELUDE_END``, None when there is none.
    Raises   MalformedAnswer.
    """
    if prelude is None:
        return UrlAnswer(200, [("content-type", _sendable("the content type", content_type))], b"")
    try:
        result = msgspec.json.decode(prelude, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError) as error:
        raise MalformedAnswer("what comes before the body is not a JSON object") from error
    return UrlAnswer(_status(result.get("statusCode", 200)), _all_headers(result, _BYTES), b"")


def _proxied(result: dict[str, Any]) -> UrlAnswer:
    status = _status(result["statusCode"])
    headers = _all_headers(result, _JSON)
    body = _body(result.get("body"), is_base64=result.get("isBase64Encoded"))
    return UrlAnswer(status, headers, b"" if status in BODILESS else body)


def _all_headers(result: dict[str, Any], content_type: tuple[str, str]) -> list[tuple[str, str]]:
    headers = _headers(result.get("headers"))
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(content_type)
    return headers + [("set-cookie", cookie) for cookie in _cookies(result.get("cookies"))]


def _status(given: object) -> int:
    text = str(given)
    if isinstance(given, bool) or not isinstance(given, int | str) or not _STATUS.fullmatch(text):
        raise MalformedAnswer(f"statusCode is {text[:40]!r}, not a number from 200 to 599")
    return int(text)


def _headers(given: object) -> list[tuple[str, str]]:
    if given is None:
        return []
    if not isinstance(given, dict):
        raise MalformedAnswer("headers is not an object")
    headers = [(name, _header_text(name, value)) for name, value in given.items() if value is not None]
    return [(name, value) for name, value in headers if name.lower() not in _OURS]


def _header_text(name: str, value: object) -> str:
    if isinstance(value, bool):
        value = str(value).lower()
    if not isinstance(value, str | int | float) or not _NAME.fullmatch(name):
        raise MalformedAnswer(f"the header {name[:40]!r} is not a name with a text")
    return _sendable(f"the header {name[:40]!r}", str(value))


def _sendable(what: str, text: str) -> str:
    """A header value as it can go on the wire: UTF-8 bytes seen as Latin-1, no line ends."""
    try:
        sent = text.encode().decode("latin-1")
    except UnicodeEncodeError as error:
        raise MalformedAnswer(f"{what} is not Unicode text") from error
    if not _VALUE.fullmatch(sent):
        raise MalformedAnswer(f"{what} has control characters")
    return sent


def _cookies(given: object) -> list[str]:
    if given is None:
        return []
    if not isinstance(given, list) or not all(isinstance(cookie, str) for cookie in given):
        raise MalformedAnswer("cookies is not a list of texts")
    return [_sendable("a cookie", cookie) for cookie in given]


def _body(given: object, *, is_base64: object) -> bytes:
    if given is None:
        return b""
    if not isinstance(given, str):
        raise MalformedAnswer("body is not a text")
    if is_base64 is not True:
        return given.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(given, validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedAnswer("isBase64Encoded is true and body is not base64") from error


def failure(status: int, body: bytes, error_type: str | None = None, reason: str | None = None) -> UrlAnswer:
    """An answer that is ours, not the function's.

    Takes    error_type: AWS's name of it; reason: what went wrong, for a person, in a header that AWS does not have.
    """
    headers = [_JSON]
    if error_type is not None:
        headers.append(("x-amzn-errortype", error_type))
    if reason is not None:
        headers.append(("x-bascule-reason", _BREAKS.sub(" ", reason).encode("ascii", "replace").decode()))
    return UrlAnswer(status, headers, body)
