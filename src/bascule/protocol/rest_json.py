"""REST-JSON: members in the path, the query string, headers, the status, and a JSON object or raw bytes as the body."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from bascule.kernel.errors import AwsError
from bascule.protocol import event_stream
from bascule.protocol.convert import Converters
from bascule.protocol.errors import InvalidRequestContent, SerializationException
from bascule.protocol.forms import form_of
from bascule.protocol.http import HttpAnswer, HttpRequest
from bascule.protocol.json import decode
from bascule.protocol.model import OperationModel, Ref, ServiceModel, Shape
from bascule.protocol.text_values import header_text, text_reader, text_writer
from bascule.protocol.write import ENCODER, Writers, plain

CONTENT_TYPE = ("content-type", "application/json")

Parse = Callable[[HttpRequest, Mapping[str, str]], dict[str, object]]
Take = Callable[[HttpRequest, Mapping[str, str], list[tuple[str, str]]], object]


def parser(operation: OperationModel) -> Parse:
    """Compile how the operation's input is read; gives members by name."""
    service, shape = operation.service, operation.input_shape
    located = [
        (name, _taker(service, name, ref, target))
        for name, ref, target in service.members(shape)
        if ref.location is not None
    ]
    uses_query = any(ref.location == "querystring" for ref in shape.members.values())
    body = _body_parser(operation)

    def parse(request: HttpRequest, labels: Mapping[str, str]) -> dict[str, object]:
        query = parse_qsl(request.query_string, keep_blank_values=True) if uses_query and request.query_string else []
        found = body(request.body)
        for name, take in located:
            value = take(request, labels, query)
            if value is not None:
                found[name] = value
        return found

    return parse


def _body_parser(operation: OperationModel) -> Callable[[bytes], dict[str, object]]:
    service, shape = operation.service, operation.input_shape
    converters = Converters(service)
    if shape.payload is None:
        if all(ref.location is not None for ref in shape.members.values()):
            return lambda body: {}
        convert: Callable[[object], Any] = converters.structure(shape)
        return lambda body: convert(_decode(body))
    name, ref = shape.payload, shape.members[shape.payload]
    kind = service.shapes[ref.shape].type
    if kind == "blob":
        return lambda body: {name: body} if body else {}
    if kind == "string":
        return lambda body: {name: _utf8(body)} if body else {}
    convert_payload = converters.of(ref)
    return lambda body: {name: convert_payload(_decode(body))} if body else {}


def _decode(body: bytes) -> Any:
    try:
        return decode(body)
    except SerializationException as error:
        raise InvalidRequestContent(f"Could not parse request body into json: {error.message}") from None


def _utf8(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        raise SerializationException("The request body is not UTF-8") from None


def _taker(service: ServiceModel, name: str, ref: Ref, shape: Shape) -> Take:
    """How a member that is not in the body is found and read."""
    wire_name = ref.location_name or name
    if ref.location == "headers":
        prefix = wire_name.lower()
        return lambda request, labels, query: (
            {key[len(prefix) :]: value for key, value in request.headers.items() if key.startswith(prefix)} or None
        )
    if ref.location == "querystring" and shape.type == "map":
        return lambda request, labels, query: dict(query) or None
    if shape.type == "list":
        assert shape.member is not None
        read = text_reader(service, shape.member, ref.location or "")
        if ref.location == "querystring":
            return lambda request, labels, query: [read(value) for key, value in query if key == wire_name] or None
        lower = wire_name.lower()
        return lambda request, labels, query: (
            [read(part.strip()) for part in request.headers[lower].split(",")] if lower in request.headers else None
        )
    read = text_reader(service, ref, ref.location or "")
    if ref.location == "uri":
        return lambda request, labels, query: read(labels[wire_name]) if wire_name in labels else None
    if ref.location == "querystring":
        return lambda request, labels, query: next((read(value) for key, value in query if key == wire_name), None)
    lower_name = wire_name.lower()
    return lambda request, labels, query: read(request.headers[lower_name]) if lower_name in request.headers else None


def serialiser(operation: OperationModel) -> Callable[[object, str], HttpAnswer]:
    """Compile how the operation's output is written. Of one that streams events: its head, to be followed by messages."""
    service, shape = operation.service, operation.output_shape
    writers = Writers(service)
    is_streamed = service.event_shape(shape) is not None
    content_type = ("content-type", event_stream.CONTENT_TYPE) if is_streamed else CONTENT_TYPE
    status_member = next((name for name, ref, _ in service.members(shape) if ref.location == "statusCode"), None)
    headers = [
        (name, ref.location_name or name, text_writer(service, ref, "header"))
        for name, ref, target in service.members(shape)
        if ref.location == "header" and not (is_streamed and ref.location_name == "Content-Type")
    ]
    has_body = any(ref.location is None for ref in shape.members.values()) and not is_streamed
    write, payload = writers.structure(shape), None if is_streamed else shape.payload
    payload_writer = writers.of(shape.members[payload]) if payload else None

    def serialise(output: object, request_id: str) -> HttpAnswer:
        values = plain(output)
        status = values.get(status_member) if status_member else None
        if payload is not None and payload_writer is not None:
            value = values.get(payload)
            raw = value if isinstance(value, bytes) else b"" if value is None else ENCODER.encode(payload_writer(value))
        elif has_body:
            raw = ENCODER.encode(write({} if values is None else values))
        else:
            raw = b""
        answer_headers = [content_type, ("x-amzn-requestid", request_id)]
        for name, wire_name, to_text in headers:
            if values.get(name) is not None:
                answer_headers.append((wire_name, to_text(values[name])))
        return HttpAnswer(status or operation.http.response_code, answer_headers, raw)

    return serialise


def error_answer(service: ServiceModel | None, error: AwsError, request_id: str) -> HttpAnswer:
    """The answer to a refused request. ``Type`` is there when the shape has it, as in Lambda."""
    form = form_of(service, error)
    headers = [CONTENT_TYPE, ("x-amzn-requestid", request_id), ("x-amzn-errortype", header_text(form.shape_name))]
    body: dict[str, Any] = {}
    if "Type" in form.shape.members:
        body["Type"] = "User" if form.is_senders_fault else "Service"
    body[form.message_key] = form.message
    for key, value in error.members.items():
        ref = form.shape.members.get(key)
        if value is None:
            continue
        if ref is not None and ref.location == "header":
            headers.append((ref.location_name or key, header_text(str(value))))
        else:
            body[key] = value
    return HttpAnswer(form.status, headers, ENCODER.encode(body))
