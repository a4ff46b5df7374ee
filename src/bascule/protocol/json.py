"""AWS JSON 1.0 and 1.1: the operation in ``X-Amz-Target``, one JSON object in and one out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from bascule.kernel.errors import AwsError
from bascule.protocol.convert import Converters
from bascule.protocol.errors import SerializationException
from bascule.protocol.forms import form_of, query_error_header, type_name
from bascule.protocol.http import HttpAnswer, HttpRequest
from bascule.protocol.model import OperationModel, ServiceModel
from bascule.protocol.write import ENCODER, Writers, plain

_DECODE = msgspec.json.Decoder().decode


def decode(body: bytes) -> Any:
    """The value of a JSON text; no bytes at all, and null, are an empty object.

    Raises   SerializationException for anything that is not JSON, nested too deeply, or not UTF-8.
    """
    if not body:
        return {}
    try:
        value = _DECODE(body)
        return {} if value is None else value
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise SerializationException("Unexpected character or end of input in the request body") from None


def content_type_of(service: ServiceModel | None) -> str:
    """``application/x-amz-json-1.0`` or ``1.1``, as the service says."""
    return f"application/x-amz-json-{service.metadata.json_version if service else '1.1'}"


def parser(operation: OperationModel) -> Callable[[HttpRequest, Mapping[str, str]], dict[str, object]]:
    """Compile how the operation's input is read; gives members by name."""
    convert: Callable[[object], Any] = Converters(operation.service).structure(operation.input_shape)

    def parse(request: HttpRequest, labels: Mapping[str, str]) -> dict[str, object]:
        found: dict[str, object] = convert(decode(request.body))
        return found

    return parse


def serialiser(operation: OperationModel) -> Callable[[object, str], HttpAnswer]:
    """Compile how the operation's output is written."""
    content_type = ("content-type", content_type_of(operation.service))
    has_output, shape, encode = operation.output is not None, operation.output_shape, ENCODER.encode
    writers = Writers(operation.service)
    if writers.is_same(shape):

        def serialise_same(output: object, request_id: str) -> HttpAnswer:
            body = b"" if not has_output else encode({} if output is None else output)
            return HttpAnswer(200, [content_type, ("x-amzn-requestid", request_id)], body)

        return serialise_same
    write = writers.structure(shape)

    def serialise(output: object, request_id: str) -> HttpAnswer:
        return HttpAnswer(200, [content_type, ("x-amzn-requestid", request_id)], encode(write(plain(output))))

    return serialise


def error_answer(service: ServiceModel | None, error: AwsError, request_id: str) -> HttpAnswer:
    """The answer to a refused request."""
    form = form_of(service, error)
    body: dict[str, Any] = {"__type": type_name(service, form), form.message_key: form.message}
    body.update((key, value) for key, value in error.members.items() if value is not None)
    headers = [("content-type", content_type_of(service)), ("x-amzn-requestid", request_id)]
    return HttpAnswer(form.status, headers + query_error_header(service, form), ENCODER.encode(body))
