"""Filter policies: which messages a subscription wants. The pattern language is ``bascule.patterns``; the words are SNS's."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from bascule.patterns import Dialect, Pattern, PatternError
from bascule.services.sns import limits
from bascule.services.sns.content import Attribute
from bascule.services.sns.errors import InvalidParameter

ATTRIBUTES = "MessageAttributes"
BODY = "MessageBody"
DIALECTS = {ATTRIBUTES: Dialect.SNS_ATTRIBUTES, BODY: Dialect.SNS_BODY}

_JSON_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
_encode = msgspec.json.Encoder().encode


def compile_policy(text: str, scope: str) -> Pattern | None:
    """A filter policy ready to match; None when it lets everything through.

    Raises   PatternError.
    """
    return None if _is_empty(text) else Pattern.parse(text, DIALECTS[scope])


def _is_empty(text: str) -> bool:
    try:
        return not text or msgspec.json.decode(text) == {}
    except (msgspec.DecodeError, RecursionError):
        return False


def check_policy(text: str, scope: str, parameter: str) -> None:
    """Refuse a filter policy that cannot be understood.

    Takes    parameter: how the refusal names it: ``FilterPolicy`` or ``Attributes Reason: FilterPolicy``.
    Raises   InvalidParameter.
    """
    if len(text.encode()) > limits.FILTER_POLICY_BYTES_MAX:
        raise InvalidParameter.of(f"{parameter}: Filter policy is larger than {limits.FILTER_POLICY_BYTES_MAX} bytes")
    try:
        compile_policy(text, scope)
        msgspec.json.decode(text or "{}")
    except PatternError as error:
        raise InvalidParameter.of(f"{parameter}: {error.reason}{error.location}") from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidParameter.of(f"{parameter}: failed to parse JSON. {error}") from None


def attributes_event(attributes: Mapping[str, Attribute]) -> bytes | None:
    """Message attributes as the object that a policy is matched against.

    Gives    None when an attribute of type String.Array is no JSON array: such a message passes no filter.
             Binary attributes are not in it: no policy can ask for them.
    """
    parts: list[bytes] = []
    for name, attribute in attributes.items():
        value = _json_value(attribute)
        if value is None:
            return None
        if value:
            parts.append(_encode(name) + b":" + value)
    return b"{" + b",".join(parts) + b"}"


def _json_value(attribute: Attribute) -> bytes | None:
    kind = attribute.data_type.partition(".")[0]
    if attribute.data_type == "String.Array":
        try:
            values = msgspec.json.decode(attribute.text)
        except (msgspec.DecodeError, RecursionError):
            return None
        return attribute.text.encode() if isinstance(values, list) else None
    if kind == "Binary":
        return b""
    if kind == "Number" and _JSON_NUMBER.fullmatch(attribute.text):
        return attribute.text.encode()
    return _encode(attribute.text)
