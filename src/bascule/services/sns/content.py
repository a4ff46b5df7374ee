"""What a message may be made of: text, subject, structure, attributes, sizes and ids. Pure checks; SNS's own texts."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from typing import Any, NamedTuple, Protocol

from bascule.api import sns as api
from bascule.services.sns import limits
from bascule.services.sns.errors import InvalidParameter, InvalidParameterValue
from bascule.services.sns.model import Topic

DEFAULT = "default"
_TYPES = ("String", "Number", "Binary")
_NAME_CHARACTER = re.compile(r"[A-Za-z0-9_.-]")


class Attribute(NamedTuple):
    """A message attribute. ``text`` of a Binary one is base64."""

    data_type: str
    text: str


class Content(NamedTuple):
    """What a publisher gave, checked. ``texts`` has the key ``default`` and one for each protocol with a text of its own."""

    texts: Mapping[str, str]
    subject: str | None = None
    attributes: Mapping[str, Attribute] = {}
    group: str | None = None
    deduplication_id: str | None = None
    size_bytes: int = 0

    def text_for(self, protocol: str) -> str:
        """What subscribers of a protocol receive."""
        return self.texts.get(protocol) or self.texts[DEFAULT]


class Given(Protocol):
    """What Publish and an entry of PublishBatch have in common."""

    @property
    def message(self) -> str:
        """The text, or JSON with a text for each protocol."""

    @property
    def subject(self) -> str | None:
        """Optional."""

    @property
    def message_structure(self) -> str | None:
        """``json`` or nothing."""

    @property
    def message_attributes(self) -> Mapping[str, api.MessageAttributeValue] | None:
        """By name."""

    @property
    def message_deduplication_id(self) -> str | None:
        """FIFO topics."""

    @property
    def message_group_id(self) -> str | None:
        """FIFO topics; passed on by others."""


def read_content(topic: Topic, given: Given) -> Content:
    """A message that the topic takes.

    Raises   InvalidParameter, InvalidParameterValue.
    """
    if not given.message:
        raise InvalidParameter.of("Empty message")
    _check_subject(given.subject)
    attributes = _read_attributes(given.message_attributes or {})
    texts = _read_texts(given.message, given.message_structure)
    _check_ids(topic, given.message_group_id, given.message_deduplication_id)
    size = len(given.message.encode("utf-8", "surrogatepass")) + _attributes_bytes(attributes)
    if size > topic.message_bytes_max:
        raise InvalidParameter.of("Message too long")
    deduplication_id = given.message_deduplication_id
    if topic.is_fifo and deduplication_id is None:
        deduplication_id = sha256(given.message.encode("utf-8", "surrogatepass")).hexdigest()
    return Content(texts, given.subject, attributes, given.message_group_id, deduplication_id, size)


def _check_subject(subject: str | None) -> None:
    if subject is None:
        return
    is_printable = subject.isascii() and all(32 <= ord(char) < 127 for char in subject)
    if not subject or len(subject) > limits.SUBJECT_LENGTH_MAX or not is_printable or subject[0] == " ":
        raise InvalidParameter.of("Subject")


class _Twice(Exception):
    """A key is in an object twice."""


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _Twice
    return found


def _read_texts(message: str, structure: str | None) -> dict[str, str]:
    if structure is None:
        return {DEFAULT: message}
    if structure != "json":
        raise InvalidParameter.of("MessageStructure")
    try:
        texts = json.loads(message, object_pairs_hook=_distinct)
    except _Twice:
        raise InvalidParameter("Invalid parameter: Duplicated keys are not allowed.") from None
    except (ValueError, RecursionError):
        raise InvalidParameter.of("Message Structure - JSON message body failed to parse") from None
    if not isinstance(texts, dict):
        raise InvalidParameter.of("Message Structure - JSON message body failed to parse")
    if not isinstance(texts.get(DEFAULT), str) or not texts[DEFAULT]:
        raise InvalidParameter.of("Message Structure - No default entry in JSON message body")
    return {protocol: text for protocol, text in texts.items() if isinstance(text, str)}


def _check_ids(topic: Topic, group: str | None, deduplication_id: str | None) -> None:
    if topic.is_fifo and not group:
        raise InvalidParameter.of("The MessageGroupId parameter is required for FIFO topics")
    if deduplication_id is not None and not topic.is_fifo:
        raise InvalidParameter.of(
            "MessageDeduplicationId",
            "The request includes MessageDeduplicationId parameter that is not valid for this topic type",
        )
    for name, value in (("MessageGroupId", group), ("MessageDeduplicationId", deduplication_id)):
        if value is not None and not limits.FIFO_ID.fullmatch(value):
            raise InvalidParameter.of(
                name, f"{name} can only include alphanumeric and punctuation characters. 1 to 128 in length."
            )
    if topic.is_fifo and deduplication_id is None and not topic.is_content_deduplicated:
        raise InvalidParameter.of(
            "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"
        )


# -- attributes --------------------------------------------------------------------------------------------------------------


def _read_attributes(given: Mapping[str, api.MessageAttributeValue]) -> dict[str, Attribute]:
    return {name: _read_attribute(name, value) for name, value in given.items()}


def _check_name(name: str) -> None:
    if not name or len(name) > limits.ATTRIBUTE_NAME_LENGTH_MAX:
        raise InvalidParameterValue("Length of message attribute name must be between 1 and 256 characters.")
    for char in name:
        if not _NAME_CHARACTER.match(char):
            raise InvalidParameterValue(
                f"Invalid non-alphanumeric character '#x{ord(char):X}' was found in the message attribute name. Can only "
                "include alphanumeric characters, hyphens, underscores, or dots."
            )
    if name[0] == ".":
        raise InvalidParameterValue("Invalid message attribute name starting with character '.' was found.")
    if name[-1] == ".":
        raise InvalidParameterValue("Invalid message attribute name ending with character '.' was found.")
    if ".." in name:
        raise InvalidParameterValue("Message attribute name can not have successive '.' characters.")
    if name.lower().startswith(("aws.", "amazon.")):
        raise InvalidParameterValue("You can't use message attribute names beginning with 'AWS.' or 'Amazon.'.")


def _read_attribute(name: str, value: api.MessageAttributeValue) -> Attribute:
    _check_name(name)
    if not value.data_type:
        raise InvalidParameterValue(f"The message attribute '{name}' must contain non-empty message attribute type.")
    prefix, dot, label = value.data_type.partition(".")
    if prefix not in _TYPES or (dot and not label) or len(value.data_type) > limits.ATTRIBUTE_NAME_LENGTH_MAX:
        raise InvalidParameterValue(
            f"The message attribute '{name}' has an invalid message attribute type, the set of supported type prefixes is "
            "Binary, Number, and String."
        )
    is_binary = prefix == "Binary"
    own, other = (value.binary_value, value.string_value) if is_binary else (value.string_value, value.binary_value)
    if not own:
        raise InvalidParameterValue(
            f"The message attribute '{name}' must contain non-empty message attribute value for message attribute type "
            f"'{value.data_type}'."
        )
    if other:
        raise InvalidParameterValue(f"The message attribute '{name}' has more than one value.")
    if isinstance(own, bytes):
        return Attribute(value.data_type, b64encode(own).decode())
    if prefix == "Number" and not _is_number(own):
        raise InvalidParameterValue(f"Could not cast message attribute '{name}' value to number.")
    if value.data_type == "String.Array":
        _check_array(name, own)
    return Attribute(value.data_type, own)


def _check_array(name: str, text: str) -> None:
    """An array whose elements are single values; anything else is published too, but passes no filter."""
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return
    if isinstance(values, list) and any(isinstance(value, list | dict) for value in values):
        raise InvalidParameterValue(f"The array of message attribute '{name}' may only hold single values.")


def _is_number(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except InvalidOperation:
        return False


def _attributes_bytes(attributes: Mapping[str, Attribute]) -> int:
    total = 0
    for name, (data_type, text) in attributes.items():
        value_bytes = len(text) * 3 // 4 - text.count("=") if data_type.startswith("Binary") else len(text.encode())
        total += len(name) + len(data_type.encode()) + value_bytes
    return total
