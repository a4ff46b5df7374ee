"""The Query protocol: form fields with dotted names in, XML out. SQS still speaks it beside JSON.

Rules of the file: names of lists and maps differ by service and trait, and are decided in one place, ``_named``; the form is
made into a tree of its dotted names once and then read by the shape of the input.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from bascule.kernel.errors import AwsError
from bascule.protocol.dialects import ADDRESSED_BY_PATH, QUERY_ALSO, QUERY_NAMES
from bascule.protocol.errors import MalformedInput, SerializationException
from bascule.protocol.forms import form_of, query_message
from bascule.protocol.http import HttpAnswer, HttpRequest
from bascule.protocol.limits import FORM_FIELDS_MAX, FORM_INDEX_DIGITS_MAX, FORM_NAME_PARTS_MAX
from bascule.protocol.model import OperationModel, Ref, ServiceModel, Shape
from bascule.protocol.text_values import text_reader, text_writer
from bascule.protocol.write import plain
from bascule.protocol.xml import escape

CONTENT_TYPE = ("content-type", "text/xml")

Parse = Callable[[HttpRequest, Mapping[str, str]], dict[str, object]]
#: A field's value under ``""`` and the fields below it by the next part of their name.
Tree = dict[str, Any]


class Names(NamedTuple):
    """How a list or map is called: ``field`` of the container; ``element`` is None when it is flattened."""

    field: str
    element: str | None
    key: str = "key"
    value: str = "value"


def _named(service: ServiceModel, name: str, ref: Ref) -> Names:
    shape = service.shapes[ref.shape]
    if service.name in QUERY_ALSO:
        own = QUERY_NAMES[service.name].get(ref.shape)
        return Names(own.element, None, own.key, own.value) if own else Names(ref.shape.removesuffix("List"), None)
    flat = bool(ref.flattened or shape.flattened)
    inner = shape.member if shape.type == "list" else None
    field = ref.location_name or name
    if shape.type == "list":
        element = (inner.location_name if inner else None) or "member"
        return Names(field if element == "member" or not flat else element, None if flat else element)
    key, value = (part.location_name if part else None for part in (shape.key, shape.value))
    return Names(field, None if flat else "entry", key or "key", value or "value")


# -- reading -----------------------------------------------------------------------------------------------------------------


def parser(operation: OperationModel) -> Parse:
    """Compile how the operation's input is read; gives members by name."""
    service, shape = operation.service, operation.input_shape
    addressed = ADDRESSED_BY_PATH.get(service.name)

    def parse(request: HttpRequest, labels: Mapping[str, str]) -> dict[str, object]:
        tree = _tree(_fields(request))
        try:
            found = _read_structure(service, shape, tree)
        except SerializationException as error:
            raise MalformedInput(error.message) from None
        if addressed in shape.members and addressed not in found and request.path.strip("/"):
            found[addressed or ""] = f"http://{request.headers.get('host', '')}{request.path}"
        return found

    return parse


def _fields(request: HttpRequest) -> list[tuple[str, str]]:
    texts = [request.query_string]
    if request.headers.get("content-type", "application/x-www-form-urlencoded").startswith(
        "application/x-www-form-urlencoded"
    ):
        try:
            texts.append(request.body.decode("utf-8"))
        except UnicodeDecodeError:
            raise MalformedInput("The request body is not UTF-8") from None
    try:
        return [
            field
            for text in texts
            if text
            for field in parse_qsl(text, keep_blank_values=True, max_num_fields=FORM_FIELDS_MAX, errors="strict")
        ]
    except ValueError:
        raise MalformedInput("The request's form cannot be read") from None


def _tree(fields: list[tuple[str, str]]) -> Tree:
    root: Tree = {}
    for name, value in fields:
        parts = name.split(".")
        if len(parts) > FORM_NAME_PARTS_MAX:
            raise MalformedInput("The name of a form field has too many parts")
        node = root
        for part in parts:
            node = node.setdefault(part or " ", {})
        node.setdefault("", value)
    return root


def _read(service: ServiceModel, ref: Ref, tree: Tree) -> object:
    shape = service.shapes[ref.shape]
    if shape.type == "structure":
        return _read_structure(service, shape, tree)
    if shape.type in ("list", "map"):
        return _read_container(service, ref, _named(service, "", ref), tree)
    return text_reader(service, ref, "form")(tree[""]) if "" in tree else None


def _read_structure(service: ServiceModel, shape: Shape, tree: Tree) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, ref, target in service.members(shape):
        if target.type in ("list", "map"):
            names = _named(service, name, ref)
            below = tree.get(names.field)
            value = _read_container(service, ref, names, below) if below is not None else None
        else:
            below = tree.get(ref.location_name or name)
            value = _read(service, ref, below) if below is not None else None
        if value is not None:
            found[name] = value
    return found


def _read_container(service: ServiceModel, ref: Ref, names: Names, tree: Tree) -> object:
    shape = service.shapes[ref.shape]
    if names.element is not None:
        tree = tree.get(names.element, {})
    indices = sorted(
        int(part) for part in tree if part.isascii() and part.isdigit() and len(part) <= FORM_INDEX_DIGITS_MAX
    )
    if shape.type == "list":
        assert shape.member is not None
        if not indices and tree.get(""):
            # One value without a number is a list of one: AttributeName=All.
            return [_read(service, shape.member, tree)]
        return [_read(service, shape.member, tree[str(index)]) for index in indices if str(index) in tree]
    assert shape.key is not None
    assert shape.value is not None
    # One entry without a number: Attribute.Name=...&Attribute.Value=...
    entries = [tree.get(str(index), {}) for index in indices] or [tree]
    found: dict[str, object] = {}
    for entry in entries:
        key = entry.get(names.key, {}).get("")
        value = _read(service, shape.value, entry[names.value]) if names.value in entry else None
        if key is not None and value is not None:
            found[key] = value
    return found


# -- writing -----------------------------------------------------------------------------------------------------------------


def namespace_of(service: ServiceModel | None) -> str:
    """The XML namespace of a service's answers."""
    if service is None:
        return ""
    return QUERY_ALSO.get(service.name) or service.metadata.xml_namespace or ""


def serialiser(operation: OperationModel) -> Callable[[object, str], HttpAnswer]:
    """Compile how the operation's output is written."""
    service, shape, name = operation.service, operation.output_shape, operation.name
    wrapper = (operation.output.result_wrapper or f"{name}Result") if operation.output else ""
    start = f'<?xml version="1.0"?><{name}Response xmlns="{namespace_of(service)}">'

    def serialise(output: object, request_id: str) -> HttpAnswer:
        parts = [start]
        if wrapper:
            parts.append(f"<{wrapper}>")
            _write_structure(service, shape, plain(output), parts)
            parts.append(f"</{wrapper}>")
        parts.append(
            f"<ResponseMetadata><RequestId>{escape(request_id)}</RequestId></ResponseMetadata></{name}Response>"
        )
        headers = [CONTENT_TYPE, ("x-amzn-requestid", request_id)]
        return HttpAnswer(200, headers, "".join(parts).encode("utf-8", "replace"))

    return serialise


def _write_structure(service: ServiceModel, shape: Shape, values: Mapping[str, Any], parts: list[str]) -> None:
    for name, ref, target in service.members(shape):
        value = values.get(name)
        if value is None:
            continue
        if target.type in ("list", "map"):
            _write_container(service, _named(service, name, ref), target, value, parts)
        else:
            _write(service, ref, ref.location_name or name, value, parts)


def _write(service: ServiceModel, ref: Ref, tag: str, value: Any, parts: list[str]) -> None:
    shape = service.shapes[ref.shape]
    if shape.type == "structure":
        parts.append(f"<{tag}>")
        _write_structure(service, shape, value, parts)
        parts.append(f"</{tag}>")
    elif shape.type in ("list", "map"):
        _write_container(service, Names(tag, "member"), shape, value, parts)
    else:
        parts.append(f"<{tag}>{escape(text_writer(service, ref, 'xml')(value))}</{tag}>")


def _write_container(service: ServiceModel, names: Names, shape: Shape, value: Any, parts: list[str]) -> None:
    tag = names.element or names.field
    if names.element is not None:
        parts.append(f"<{names.field}>")
    if shape.type == "list":
        assert shape.member is not None
        for item in value:
            _write(service, shape.member, tag, item, parts)
    else:
        assert shape.value is not None
        for key, item in value.items():
            parts.append(f"<{tag}><{names.key}>{escape(key)}</{names.key}>")
            _write(service, shape.value, names.value, item, parts)
            parts.append(f"</{tag}>")
    if names.element is not None:
        parts.append(f"</{names.field}>")


def error_answer(service: ServiceModel | None, error: AwsError, request_id: str) -> HttpAnswer:
    """The answer to a refused request."""
    form = form_of(service, error)
    fault = "Sender" if form.is_senders_fault else "Receiver"
    detail = "<Detail/>" if service is not None and service.name in QUERY_ALSO else ""
    body = (
        f'<?xml version="1.0"?><ErrorResponse xmlns="{namespace_of(service)}"><Error><Type>{fault}</Type>'
        f"<Code>{escape(form.query.code)}</Code><Message>{escape(query_message(service, form))}</Message>{detail}</Error>"
        f"<RequestId>{escape(request_id)}</RequestId></ErrorResponse>"
    )
    headers = [CONTENT_TYPE, ("x-amzn-requestid", request_id)]
    return HttpAnswer(form.query.status, headers, body.encode("utf-8", "replace"))
