"""InputTransformer: a template with variables from the event, rendered to the bytes a target receives. Pure.

A template is read once into literal pieces and variables. Two kinds exist. A *JSON template* (it starts with a brace, a
bracket or a variable) must be valid JSON after substitution: a variable standing bare becomes a JSON value, one inside
quotes becomes raw text that is not escaped, so an object or a quotation mark in there spoils the document. A *text
template* is one or more lines, each a double-quoted string; the quotes stay, and objects and arrays lose theirs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from bascule.services.events.detail_json import canonical_detail
from bascule.services.events.envelope import head_of
from bascule.services.events.json_path import JsonPath

_PLACEHOLDER = re.compile(r"<([A-Za-z0-9_.\-]+)>")
_TEXT_LINE = re.compile(r'\s*"(?:[^"\\]|\\.)*"\s*')
_decode = msgspec.json.decode
_encode = msgspec.json.Encoder().encode
_check = msgspec.json.Decoder(msgspec.Raw).decode

RULE_ARN = "aws.events.rule-arn"
RULE_NAME = "aws.events.rule-name"
INGESTION_TIME = "aws.events.event.ingestion-time"
EVENT = "aws.events.event"
EVENT_JSON = "aws.events.event.json"
RESERVED = frozenset({RULE_ARN, RULE_NAME, INGESTION_TIME, EVENT, EVENT_JSON})


class InvalidOutput(Exception):
    """A template gave something that is not valid JSON, or a path selected nothing."""


class Surroundings(msgspec.Struct, frozen=True):
    """What the reserved variables speak of, besides the event."""

    rule_arn: str
    rule_name: str
    #: When the event was received: ``2026-01-15T10:07:30Z``.
    ingestion_time: str


class _Variable(msgspec.Struct, frozen=True):
    name: str
    is_quoted: bool


class _EventHead(msgspec.Struct):
    """What ``<aws.events.event>`` shows, in its order: ``detailType`` is its spelling, and ``detail`` is absent."""

    id: msgspec.Raw
    account: msgspec.Raw
    detail_type: msgspec.Raw = msgspec.field(name="detail-type")
    time: msgspec.Raw
    source: msgspec.Raw
    region: msgspec.Raw
    resources: msgspec.Raw
    version: msgspec.Raw


_head = msgspec.json.Decoder(_EventHead).decode


class Transformer:
    """A parsed template with its paths. Frozen after construction; shared by all events of a target."""

    __slots__ = ("_is_json", "_is_wellformed", "_paths", "_pieces")

    def __init__(self, template: str, paths: Mapping[str, str]) -> None:
        self._paths = {name: JsonPath(path) for name, path in paths.items()}
        self._is_json = not template.lstrip().startswith('"')
        self._is_wellformed = self._is_json or all(
            _TEXT_LINE.fullmatch(line) for line in template.splitlines() if line.strip()
        )
        self._pieces = tuple(_pieces(template))

    def render(self, event: bytes, around: Surroundings) -> bytes:
        """What the target receives.

        Takes    event: the original event, compact; variables always read it.
        Raises   InvalidOutput when the result is not JSON (JSON template) or the template is not quoted text.
        Source   recorded renderings; spec 9.3.
        """
        if not self._is_wellformed:
            raise InvalidOutput("The template is neither JSON nor quoted text.")
        rendered = b"".join(
            piece if isinstance(piece, bytes) else self._substitute(piece, event, around) for piece in self._pieces
        )
        if self._is_json:
            _refuse_invalid(rendered)
        return rendered

    def _substitute(self, variable: _Variable, event: bytes, around: Surroundings) -> bytes:
        value = self._value(variable.name, event, around)
        if not self._is_json:
            return _as_text(value, drop_quotes=True)
        if variable.is_quoted:
            return _as_text(value, drop_quotes=False)
        return b'""' if value is None else value

    def _value(self, name: str, event: bytes, around: Surroundings) -> bytes | None:
        """The JSON of a variable, or None when its path is not in the event."""
        path = self._paths.get(name)
        if path is not None:
            return path.select(event)
        if name == RULE_ARN:
            return _encode(around.rule_arn)
        if name == RULE_NAME:
            return _encode(around.rule_name)
        if name == INGESTION_TIME:
            return _encode(around.ingestion_time)
        if name == EVENT:
            return _without_detail(event, around.ingestion_time)
        return event if name == EVENT_JSON else None


def unknown_placeholder(template: str, paths: Mapping[str, str]) -> str | None:
    """The first variable of a template that is neither in the map nor reserved, or None."""
    for found in _PLACEHOLDER.finditer(template):
        name = found.group(1)
        if name not in paths and name not in RESERVED:
            return name
    return None


def unfilled(template: str) -> bytes:
    """A template with all its variables empty, which shows the form of what it renders."""
    return b"".join(
        piece if isinstance(piece, bytes) else b"" if piece.is_quoted else b'""' for piece in _pieces(template)
    )


def _refuse_invalid(rendered: bytes) -> None:
    """Raise InvalidOutput for what is not JSON, or nests deeper than an event may."""
    try:
        _check(rendered)
    except msgspec.DecodeError as error:
        raise InvalidOutput(f"The input transformer gave invalid JSON: {error}") from None
    except RecursionError:
        if canonical_detail('{"":' + rendered.decode() + "}") is None:
            raise InvalidOutput("The input transformer gave JSON that nests too deeply.") from None


def _pieces(template: str) -> list[bytes | _Variable]:
    pieces: list[bytes | _Variable] = []
    is_quoted = False
    position = 0
    for found in _PLACEHOLDER.finditer(template):
        literal = template[position : found.start()]
        is_quoted = _is_quoted_after(literal, is_quoted)
        pieces += [literal.encode(), _Variable(found.group(1), is_quoted)]
        position = found.end()
    pieces.append(template[position:].encode())
    return [piece for piece in pieces if piece]


def _is_quoted_after(literal: str, is_quoted: bool) -> bool:
    """Whether a JSON string is open after ``literal``, given whether one was open before it."""
    is_escaped = False
    for character in literal:
        if is_escaped:
            is_escaped = False
        elif character == "\\":
            is_escaped = is_quoted
        elif character == '"':
            is_quoted = not is_quoted
    return is_quoted


def _as_text(value: bytes | None, *, drop_quotes: bool) -> bytes:
    if value is None or value == b"null":
        return b""
    if value[:1] == b'"':
        return _decode(value, type=str).encode()
    return value.replace(b'"', b"") if drop_quotes and value[:1] in b"{[" else value


def _without_detail(event: bytes, ingestion_time: str) -> bytes:
    head = _head(head_of(event))
    return b'{"id":%b,"account":%b,"detailType":%b,"time":%b,"source":%b,"region":%b,"resources":%b,"version":%b}' % (
        bytes(head.id),
        bytes(head.account),
        bytes(head.detail_type),
        _encode(ingestion_time),
        bytes(head.source),
        bytes(head.region),
        bytes(head.resources),
        bytes(head.version),
    )
