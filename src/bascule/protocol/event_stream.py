"""``application/vnd.amazon.eventstream``: events of an output, each a message of its own with lengths and checksums.

    total length (4) | headers length (4) | CRC-32 of those 8 bytes (4) | headers | payload | CRC-32 of all before (4)

What becomes a header, the payload or a JSON object is the model's business: the members of an event carry the traits. Numbers
are big-endian; a header is its name's length (1), its name, its kind (1) and its value, texts and bytes with a length (2).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any
from zlib import crc32

from bascule.protocol.model import OperationModel, Ref, ServiceModel, Shape
from bascule.protocol.write import ENCODER, Writers, plain

CONTENT_TYPE = "application/vnd.amazon.eventstream"

WriteEvent = Callable[[object], bytes]

_LENGTHS = struct.Struct(">II")
_CRC = struct.Struct(">I")
_LENGTH = struct.Struct(">H")
_BYTES, _TEXT = 6, 7
_NUMBERS = {"integer": (4, struct.Struct(">i")), "long": (5, struct.Struct(">q"))}
_PAYLOAD_TYPES = {"blob": "application/octet-stream", "string": "text/plain"}


def message(headers: Sequence[bytes], payload: bytes) -> bytes:
    """One message of encoded headers (``header``) and a payload."""
    head = b"".join(headers)
    lengths = _LENGTHS.pack(16 + len(head) + len(payload), len(head))
    start = b"%b%b%b" % (lengths, _CRC.pack(crc32(lengths)), head)
    return b"%b%b%b" % (start, payload, _CRC.pack(crc32(payload, crc32(start))))


def header(name: str, kind: str, value: Any) -> bytes:
    """One header. Takes the type of the member's shape: a boolean's kind is its value."""
    encoded = name.encode()
    start = bytes([len(encoded)]) + encoded
    if kind == "boolean":
        return start + (b"\0" if value else b"\1")
    if kind == "timestamp":
        return start + b"\x08" + struct.pack(">q", round(value * 1000))
    if kind in _NUMBERS:
        number, layout = _NUMBERS[kind]
        return start + bytes([number]) + layout.pack(value)
    data = value if kind == "blob" else str(value).encode()
    return start + bytes([_BYTES if kind == "blob" else _TEXT]) + _LENGTH.pack(len(data)) + data


def event_writer(operation: OperationModel) -> WriteEvent:
    """Compile how the events of an operation's output are written.

    Gives    a function from an event (a struct or dict of which exactly one member is given) to a message.
    """
    service, shape = operation.service, operation.output_shape
    events = service.event_shape(shape)
    assert events is not None, f"{operation.name} streams nothing"
    writers = {name: _message_writer(service, name, service.shapes[ref.shape]) for name, ref in events.members.items()}

    def write(event: object) -> bytes:
        ((name, value),) = plain(event).items()
        return writers[name](value)

    return write


def _message_writer(service: ServiceModel, name: str, event: Shape) -> Callable[[dict[str, Any]], bytes]:
    kind, payload = _payload_writer(service, event)
    fixed = [header(":event-type", "string", name), header(":content-type", "string", kind)]
    fixed.append(header(":message-type", "string", "event"))
    given = [(key, service.shapes[ref.shape].type) for key, ref in event.members.items() if ref.eventheader]

    def write(value: dict[str, Any]) -> bytes:
        own = [header(key, kind, value[key]) for key, kind in given if value.get(key) is not None]
        return message(fixed + own, payload(value))

    return write


def _payload_writer(service: ServiceModel, event: Shape) -> tuple[str, Callable[[dict[str, Any]], bytes]]:
    """The content type of an event, and its bytes: a member alone, or an object of all that are not headers."""
    writers = Writers(service)
    alone = next(((name, ref) for name, ref in event.members.items() if ref.eventpayload), None)
    if alone is None:
        body = [(key, writers.of(ref)) for key, ref in event.members.items() if not ref.eventheader]
        return "application/json", lambda value: ENCODER.encode(
            {key: write(value[key]) for key, write in body if value.get(key) is not None}
        )
    name, ref = alone
    kind = service.shapes[ref.shape].type
    return _PAYLOAD_TYPES.get(kind, "application/json"), _alone(name, kind, writers, ref)


def _alone(name: str, kind: str, writers: Writers, ref: Ref) -> Callable[[dict[str, Any]], bytes]:
    if kind == "blob":
        return lambda value: value.get(name) or b""
    if kind == "string":
        return lambda value: (value.get(name) or "").encode()
    write = writers.of(ref)
    return lambda value: ENCODER.encode(write(value.get(name) or {}))
