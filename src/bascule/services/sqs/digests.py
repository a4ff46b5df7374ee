"""The MD5 sums that clients verify. Rules: "Calculating the MD5 message digest for message attributes", SQS guide."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import md5

_TEXT = b"\x01"
_BINARY = b"\x02"


def body_digest(body: bytes) -> str:
    """The MD5 of a message body as hex."""
    return md5(body, usedforsecurity=False).hexdigest()


def attributes_digest(attributes: Mapping[str, tuple[str, bytes]]) -> str | None:
    """The MD5 of attributes name -> (data type, value) as hex; None when there are none."""
    if not attributes:
        return None
    parts: list[bytes] = []
    for name in sorted(attributes):
        data_type, value = attributes[name]
        for text in (name.encode(), data_type.encode()):
            parts += (len(text).to_bytes(4, "big"), text)
        parts += (_BINARY if is_binary(data_type) else _TEXT, len(value).to_bytes(4, "big"), value)
    return md5(b"".join(parts), usedforsecurity=False).hexdigest()


def is_binary(data_type: str) -> bool:
    """Whether values of the type are bytes; the other types are text."""
    return data_type.startswith("Binary")
