"""What a message may be made of: body, attributes, sizes. Pure checks; SQS's own texts."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from bascule.api import sqs as api
from bascule.services.sqs import limits
from bascule.services.sqs.digests import is_binary
from bascule.services.sqs.errors import (
    InvalidMessageContents,
    InvalidParameterValue,
    MissingParameter,
    UnsupportedOperation,
)
from bascule.services.sqs.model import Queue

Attributes = dict[str, tuple[str, bytes]]

_TRACE_HEADER = "AWSTraceHeader"
_TYPES = ("String", "Number", "Binary")
#: Everything but the control characters that XML forbids; deleting these from a body must leave nothing.
_PERMITTED = bytes(byte for byte in range(256) if byte >= 0x20 or byte in b"\t\n\r")
#: U+FFFE and U+FFFF, the only forbidden characters above the control range that UTF-8 can carry.
_NON_CHARACTERS = (b"\xef\xbf\xbe", b"\xef\xbf\xbf")


def read_body(text: str) -> bytes:
    """A body as UTF-8.

    Raises   MissingParameter when it is empty; InvalidMessageContents.
    """
    if not text:
        raise MissingParameter.named("MessageBody")
    try:
        body = text.encode()
    except UnicodeEncodeError:
        raise InvalidMessageContents from None
    check_characters(body)
    return body


def check_characters(body: bytes) -> None:
    """Refuse UTF-8 that holds characters outside XML's set.

    Raises   InvalidMessageContents.
    """
    if body.translate(None, _PERMITTED):
        raise InvalidMessageContents
    if not body.isascii() and any(mark in body for mark in _NON_CHARACTERS):
        raise InvalidMessageContents


def read_attributes(given: Mapping[str, api.MessageAttributeValue] | None) -> Attributes:
    """Message attributes as they are kept.

    Raises   InvalidParameterValue, UnsupportedOperation.
    """
    if not given:
        return {}
    if len(given) > limits.ATTRIBUTES_MAX:
        raise InvalidParameterValue(
            f"Number of message attributes [{len(given)}] exceeds the allowed maximum [{limits.ATTRIBUTES_MAX}]."
        )
    return {name: _read_attribute(name, value) for name, value in given.items()}


def _check_name(name: str) -> None:
    lower = name.lower()
    is_well_formed = limits.ATTRIBUTE_NAME.fullmatch(name) and not (name[0] == "." or name[-1] == "." or ".." in name)
    if not is_well_formed or lower.startswith(("aws.", "amazon.")):
        raise InvalidParameterValue(
            f"The message (user) attribute name '{name}' is invalid. It can contain alphanumeric characters, underscores, "
            "hyphens and periods, must not start or end with a period or contain successive periods, must not start "
            "with AWS. or Amazon., and can be up to 256 characters long."
        )


def _read_attribute(name: str, value: api.MessageAttributeValue) -> tuple[str, bytes]:
    _check_name(name)
    if value.string_list_values or value.binary_list_values:
        raise UnsupportedOperation("Message attribute list values in SendMessage operation are not supported.")
    data_type = value.data_type
    if not data_type:
        raise InvalidParameterValue(
            f"Message (user) attribute '{name}' must contain a non-empty message attribute type."
        )
    prefix, dot, label = data_type.partition(".")
    if prefix not in _TYPES or (dot and not label) or len(data_type) > limits.ATTRIBUTE_TYPE_LENGTH_MAX:
        raise InvalidParameterValue(
            f"The type of message (user) attribute '{name}' is invalid. You must use only the following supported type "
            "prefixes: Binary, Number, String."
        )
    raw = value.binary_value if is_binary(data_type) else _text_of(value)
    other = value.string_value if is_binary(data_type) else value.binary_value
    if not raw or other:
        raise InvalidParameterValue(
            f"Message (user) attribute '{name}' must contain a non-empty value of type '{prefix}'."
        )
    if prefix == "Number":
        _check_number(name, raw.decode())
    elif prefix == "String":
        check_characters(raw)
    return data_type, raw


def _text_of(value: api.MessageAttributeValue) -> bytes | None:
    try:
        return None if value.string_value is None else value.string_value.encode()
    except UnicodeEncodeError:
        raise InvalidMessageContents from None


def _check_number(name: str, text: str) -> None:
    try:
        is_number = Decimal(text).is_finite()
    except InvalidOperation:
        is_number = False
    if not is_number:
        raise InvalidParameterValue(f"Can't cast the value of message (user) attribute '{name}' to a number.")


def read_trace(given: Mapping[str, api.MessageSystemAttributeValue] | None) -> str:
    """The trace header among the system attributes; empty when there is none.

    Raises   InvalidParameterValue for any other system attribute or type.
    """
    if not given:
        return ""
    for name, value in given.items():
        if name != _TRACE_HEADER:
            raise InvalidParameterValue(
                f"Message system attribute '{name}' is not supported. Supported: {_TRACE_HEADER}."
            )
        if value.data_type != "String" or not value.string_value or value.binary_value is not None:
            raise InvalidParameterValue(
                f"Message (system) attribute '{name}' must contain a non-empty value of type 'String'."
            )
    return given[_TRACE_HEADER].string_value or ""


def trace_of_request(header: str | None) -> str:
    """The trace that a request without ``AWSTraceHeader`` came with, as SDKs inside functions send it; empty when it is none.

    Source   "Amazon SQS and AWS X-Ray", X-Ray developer guide.
    """
    return header if header and "Root=" in header else ""


def trace_attributes(trace: str) -> Attributes:
    """System attributes in the form that the MD5 is made of."""
    return {_TRACE_HEADER: ("String", trace.encode())} if trace else {}


def size_bytes(body: bytes, attributes: Attributes) -> int:
    """What a message counts against the limits: body, and names, types and values of attributes."""
    size = len(body)
    for name, (data_type, value) in attributes.items():
        size += len(name.encode()) + len(data_type.encode()) + len(value)
    return size


def check_size(queue: Queue, body: bytes, attributes: Attributes) -> int:
    """Refuse a message that is longer than the queue admits; gives its size.

    Raises   InvalidParameterValue.
    """
    size = size_bytes(body, attributes) if attributes else len(body)
    if size > queue.message_bytes_max:
        raise InvalidParameterValue(
            f"One or more parameters are invalid. Reason: Message must be shorter than {queue.message_bytes_max} bytes."
        )
    return size


def check_ids(queue: Queue, group: str | None, deduplication_id: str | None, *, is_batch: bool = False) -> None:
    """Refuse group and deduplication ids that are malformed, missing, or not for this kind of queue.

    Raises   MissingParameter, InvalidParameterValue.
    """
    if group is not None and not limits.FIFO_ID.fullmatch(group):
        raise InvalidParameterValue.of(group, "MessageGroupId", _ID_RULE.format("MessageGroupId"))
    if deduplication_id is not None:
        if not queue.is_fifo:
            raise InvalidParameterValue.wrong_queue_type(deduplication_id, "MessageDeduplicationId")
        if not limits.FIFO_ID.fullmatch(deduplication_id):
            raise InvalidParameterValue.of(
                deduplication_id, "MessageDeduplicationId", _ID_RULE.format("MessageDeduplicationId")
            )
    if not queue.is_fifo:
        return
    if group is None:
        missing = MissingParameter.named("MessageGroupId")
        raise InvalidParameterValue(missing.message) if is_batch else missing
    if deduplication_id is None and not queue.is_content_deduplicated:
        raise InvalidParameterValue(
            "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"
        )


_ID_RULE = "{} can only include alphanumeric and punctuation characters. 1 to 128 in length."
