"""Smithy RPC v2 with CBOR: the operation in the path, one map in and one out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from bascule.kernel.errors import AwsError
from bascule.protocol.convert import Converters
from bascule.protocol.errors import SerializationException
from bascule.protocol.forms import form_of, query_error_header, type_name
from bascule.protocol.http import HttpAnswer, HttpRequest
from bascule.protocol.limits import CBOR_DEPTH_MAX
from bascule.protocol.model import OperationModel, ServiceModel
from bascule.protocol.write import Writers, plain

HEADERS = [("content-type", "application/cbor"), ("smithy-protocol", "rpc-v2-cbor")]


def decode(body: bytes) -> Any:
    """The value of CBOR bytes, dates as epoch seconds; no bytes at all are an empty map."""
    if not body:
        return {}
    # Only services that few processes serve speak CBOR, so the codec is loaded with their first request.
    import cbor2

    try:
        return _Plain(len(body)).of(cbor2.loads(body), 0)
    except (cbor2.CBORError, ValueError, TypeError, ArithmeticError, LookupError, re.error, RecursionError, EOFError):
        raise SerializationException("The request body is not CBOR") from None


class _Plain:
    """Makes a decoded value plain. CBOR can share parts, so that few bytes stand for a huge value; a value that shares
    nothing has no more parts than bytes, and that is the bound."""

    def __init__(self, parts_max: int) -> None:
        self._left = parts_max

    def of(self, value: Any, depth: int) -> Any:
        self._left -= 1
        if depth > CBOR_DEPTH_MAX or self._left < 0:
            raise ValueError("nested too deeply or shared too often")
        if isinstance(value, dict):
            return {str(key): self.of(item, depth + 1) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.of(item, depth + 1) for item in value]
        if isinstance(value, datetime):
            return value.timestamp()
        if value is None or isinstance(value, str | int | float | bytes | bool):
            return value
        raise ValueError("a CBOR type that the model does not have")


def _encode(value: object) -> bytes:
    import cbor2

    return cbor2.dumps(value)


def _tagged(seconds: float, form: str) -> object:
    import cbor2

    return cbor2.CBORTag(1, seconds)


def parser(operation: OperationModel) -> Callable[[HttpRequest, Mapping[str, str]], dict[str, object]]:
    """Compile how the operation's input is read; gives members by name."""
    convert: Callable[[object], Any] = Converters(operation.service).structure(operation.input_shape)

    def parse(request: HttpRequest, labels: Mapping[str, str]) -> dict[str, object]:
        found: dict[str, object] = convert(decode(request.body))
        return found

    return parse


def serialiser(operation: OperationModel) -> Callable[[object, str], HttpAnswer]:
    """Compile how the operation's output is written."""
    write = Writers(operation.service, _tagged).structure(operation.output_shape)

    def serialise(output: object, request_id: str) -> HttpAnswer:
        return HttpAnswer(200, [*HEADERS, ("x-amzn-requestid", request_id)], _encode(write(plain(output))))

    return serialise


def error_answer(service: ServiceModel | None, error: AwsError, request_id: str) -> HttpAnswer:
    """The answer to a refused request."""
    form = form_of(service, error)
    body = {"__type": type_name(service, form), form.message_key: form.message, **error.members}
    headers = [*HEADERS, ("x-amzn-requestid", request_id), *query_error_header(service, form)]
    return HttpAnswer(form.status, headers, _encode(body))
