"""SQS messages as the records of a Lambda event, exactly as AWS words them.

A record is made into JSON once, when its message is leased: the size of a batch is then known as it grows, and a batch's
payload is its records joined.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence

import msgspec

from bascule.kernel.queues import Lease
from bascule.kernel.scope import Scope
from bascule.services.sqs.carried_events import carried_event
from bascule.services.sqs.digests import attributes_digest, body_digest, is_binary
from bascule.services.sqs.model import Queue, unpack_headers
from bascule.services.sqs.receipts import make_handle
from bascule.services.sqs.receiving import receipt_of
from bascule.services.sqs.system_attributes import system_attributes

_HEAD, _TAIL = b'{"Records":[', b"]}"
#: Bytes of an event besides its records.
ENVELOPE_BYTES = len(_HEAD) + len(_TAIL)

_encode = msgspec.json.Encoder().encode
_is_json = msgspec.json.Decoder(msgspec.Raw).decode


class Record(msgspec.Struct, frozen=True):
    """A leased message and its JSON."""

    sequence: int
    token: str
    #: The kernel queue it was leased from.
    storage: str
    message_id: str
    group: str | None
    attempt: int
    received_ms: int
    #: When the lease ends, and when the visibility timeout of the queue does; a lease may be longer.
    until_ms: int
    visible_ms: int
    json: bytes
    #: The event of the journal that the message carries; empty when it carries none.
    event_id: str
    trace: str


class _Attribute(msgspec.Struct, rename="camel", omit_defaults=True):
    string_value: str | msgspec.UnsetType = msgspec.UNSET
    binary_value: str | msgspec.UnsetType = msgspec.UNSET
    string_list_values: tuple[()] | None = None
    binary_list_values: tuple[()] | None = None
    data_type: str = ""


class _Body(msgspec.Struct):
    """A record as it is encoded; the names are those of the wire."""

    messageId: str
    receiptHandle: str
    body: str | msgspec.Raw
    attributes: dict[str, str]
    messageAttributes: dict[str, _Attribute]
    md5OfMessageAttributes: str | msgspec.UnsetType | None
    md5OfBody: str
    eventSource: str
    eventSourceARN: str
    awsRegion: str


class RecordMaker:
    """Makes records of one queue for one mapping."""

    def __init__(self, scope: Scope, queue: Queue, *, now_ms: int, has_window: bool, visible_ms: int) -> None:
        self._scope = scope
        self._queue = queue
        self._arn = scope.arn("sqs", queue.name)
        self._now_ms = now_ms
        self._has_window = has_window
        self._visible_ms = visible_ms

    def make(self, lease: Lease) -> tuple[Record, _Body]:
        """The record of a lease, and what it was encoded from."""
        message = lease.message
        headers = unpack_headers(message.headers)
        digest: str | msgspec.UnsetType | None = attributes_digest(headers.attributes)
        if digest is None and not self._has_window:
            digest = msgspec.UNSET  # recorded: null with a batching window, absent without one
        body = _Body(
            message.message_id,
            make_handle(self._queue, receipt_of(self._queue, lease, now_ms=self._now_ms)),
            message.body.decode(),
            system_attributes(self._scope, self._queue, message, headers),
            {name: _attribute(*value) for name, value in headers.attributes.items()},
            digest,
            body_digest(message.body),
            "aws:sqs",
            self._arn,
            self._scope.region,
        )
        record = Record(
            message.sequence,
            lease.token,
            self._queue.storage,
            message.message_id,
            message.group,
            message.attempt,
            self._now_ms,
            lease.until_ms,
            self._visible_ms,
            _encode(body),
            carried_event(message.body),
            headers.trace,
        )
        return record, body


def _attribute(data_type: str, value: bytes) -> _Attribute:
    if is_binary(data_type):
        text = base64.b64encode(value).decode()
        return _Attribute(binary_value=text, string_list_values=(), binary_list_values=(), data_type=data_type)
    return _Attribute(string_value=value.decode(), string_list_values=(), binary_list_values=(), data_type=data_type)


def compared(record: Record, body: _Body, message: bytes) -> tuple[bytes, bool]:
    """A record as filters compare it: its body as JSON when it is an object or an array, and whether it is."""
    if message.lstrip()[:1] not in (b"{", b"["):
        return record.json, False
    try:
        _is_json(message)
    except (msgspec.DecodeError, RecursionError):
        return record.json, False
    body.body = msgspec.Raw(message)
    return _encode(body), True


def payload(records: Sequence[Record]) -> bytes:
    """The event that a function is given."""
    return b"".join((_HEAD, b",".join([record.json for record in records]), _TAIL))


def bytes_of(records: Iterable[Record]) -> int:
    """How long the event of these records is."""
    return ENVELOPE_BYTES + sum(len(record.json) + 1 for record in records)
