"""What SQS keeps: queues, what travels beside a message body, and message move tasks. No wire names here."""

from __future__ import annotations

import msgspec

from bascule.services.sqs import limits


class Redrive(msgspec.Struct, frozen=True):
    """Where a message goes after too many receives. ``text`` is the policy as it was given."""

    target_arn: str
    receives_max: int
    text: str


class RedriveAllow(msgspec.Struct, frozen=True):
    """Which queues may name this one as their dead-letter queue: ``allowAll``, ``denyAll`` or ``byQueue``."""

    permission: str
    source_arns: tuple[str, ...]
    text: str


class Queue(msgspec.Struct, frozen=True, omit_defaults=True):
    """A queue.

    ``uuid`` never changes: receipt handles and deduplication belong to it. ``storage`` names the kernel queue that holds the
    messages; a purge swaps it for a new one, so that everything sent before is gone at once however much it is.
    """

    uuid: str
    name: str
    storage: str
    created_ms: int
    modified_ms: int
    is_fifo: bool = False
    delay_s: int = 0
    message_bytes_max: int = limits.MESSAGE_BYTES_MAX
    retention_s: int = 345_600
    wait_s: int = 0
    visibility_s: int = 30
    policy: str = ""
    redrive: Redrive | None = None
    redrive_allow: RedriveAllow | None = None
    kms_key_id: str = ""
    kms_reuse_s: int = 300
    is_sse_managed: bool = True
    is_content_deduplicated: bool = False
    is_deduplicated_by_group: bool = False
    is_limited_by_group: bool = False
    tags: dict[str, str] = {}
    purged_ms: int = 0

    @property
    def signal(self) -> str:
        """Fired when a message may have become receivable."""
        return f"queue:{self.storage}"

    @property
    def identity(self) -> str:
        """The kernel's name for what outlives a purge: deduplication and receive attempts."""
        return f"sqs/{self.uuid}"

    def expired_ms(self, now_ms: int) -> int:
        """Messages sent at this moment or before have outlived the retention period."""
        return now_ms - self.retention_s * 1000


class Headers(msgspec.Struct, frozen=True, array_like=True):
    """What travels beside a body.

    ``attributes`` are name -> (data type, value); text is kept as UTF-8, so the data type tells how to read the value.
    ``sender`` is an account, empty when it is the queue's own.
    """

    attributes: dict[str, tuple[str, bytes]] = {}
    trace: str = ""
    deduplication_id: str = ""
    sender: str = ""
    dead_letter_source: str = ""


NO_HEADERS = Headers()
_encode_headers = msgspec.msgpack.Encoder().encode
_decode_headers = msgspec.msgpack.Decoder(Headers).decode


def pack_headers(headers: Headers) -> bytes:
    """Headers as the kernel keeps them; empty when there is nothing to keep."""
    return b"" if headers == NO_HEADERS else _encode_headers(headers)


def unpack_headers(packed: bytes) -> Headers:
    """The inverse of ``pack_headers``."""
    return _decode_headers(packed) if packed else NO_HEADERS


class MoveTask(msgspec.Struct, frozen=True):
    """A redrive of a dead-letter queue. ``destination_arn`` empty: each message goes back to the queue it came from."""

    task_id: str
    source_arn: str
    destination_arn: str
    per_second_max: int | None
    status: str
    started_ms: int
    to_move: int
    moved: int = 0
    failure: str = ""
    #: The task rests until then, to keep its rate.
    next_ms: int = 0


class MoveTasks(msgspec.Struct, frozen=True):
    """The latest move tasks of one dead-letter queue, oldest first; at most the last one is running."""

    tasks: tuple[MoveTask, ...] = ()
