"""Queues: messages that are put, leased, and settled or released.

A timer is a message due later; a retry is a release with a later due time. The port knows due times, leases, groups and
deduplication; what SQS calls visibility, receipt handles and redrive is built on it by the service. A queue is named by an
opaque string that its owner never reuses (``sqs/<uuid>``, ``delivery``, ``lambda/<uuid>``) and exists as long as it has
messages: creating and deleting queues as resources is the owner's business.

Every ``put``, ``release``, ``extend``, ``settle`` and ``move`` notifies the signal ``queue:<name>`` (of the destination for a
move), because each of them can make a message leasable.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec


class NewMessage(msgspec.Struct, frozen=True):
    """What is put. ``headers`` belongs to the owner (any encoding) and travels untouched.

    No message is due before it was sent: an earlier ``due_ms``, here or later in its life, means ``sent_ms``.
    """

    message_id: str
    body: bytes
    sent_ms: int
    due_ms: int
    headers: bytes = b""
    #: Messages of one group are leased in order, and none while an earlier one of the group is leased, when ``is_ordered``.
    group: str | None = None
    is_ordered: bool = False


class StoredMessage(msgspec.Struct, frozen=True):
    """A message as it is kept. ``sequence`` increases with every put in the store and never repeats."""

    sequence: int
    message_id: str
    body: bytes
    headers: bytes
    group: str | None
    sent_ms: int
    due_ms: int
    #: Leases given so far; 1 while the first lease is out.
    attempt: int
    first_leased_ms: int | None
    #: None when nobody holds it.
    lease_token: str | None


class Lease(msgspec.Struct, frozen=True):
    """A borrowed message. ``token`` is new with every lease; only its holder may settle, extend or release."""

    message: StoredMessage
    token: str
    until_ms: int


class QueueCounts(msgspec.Struct, frozen=True):
    """Messages due now, leased, and waiting for a later due time (never leased or released into the future)."""

    ready: int
    leased: int
    delayed: int
    oldest_sent_ms: int | None = None


class Queues(Protocol):
    """The queue port of a transaction."""

    def put(self, queue: str, message: NewMessage) -> int:
        """Add a message; gives its sequence number. Buffered: costs no statement of its own. Puts of one transaction keep
        their order."""

    def put_all(self, queue: str, messages: Sequence[NewMessage]) -> None:
        """Add unordered messages, in order. The same as a ``put`` for each, for less."""

    def deduplicate(self, queue: str, key: str, *, message_id: str, sequence: int, now_ms: int, keep_ms: int) -> None:
        """Remember that ``key`` was sent as this message until ``now_ms + keep_ms``."""

    def duplicate_of(self, queue: str, key: str, *, now_ms: int) -> tuple[str, int] | None:
        """The (message id, sequence) that ``key`` was sent as within its interval, or None."""

    def lease(self, queue: str, *, now_ms: int, lease_ms: int, count_max: int, sent_after_ms: int = 0) -> list[Lease]:
        """Hide up to ``count_max`` due messages until ``now_ms + lease_ms``.

        Gives    leases, by due time then sequence; for ordered groups strictly by sequence within the group, and nothing
                 of a group that has another message leased; as many of one group as possible before the next is
                 begun. ``attempt`` of each message has been increased.
                 Messages sent at or before ``sent_after_ms`` have expired and are never given.
                 An expired message does not block its ordered group; the call may remove it to get at the next.
        Promise  a lease whose time has passed counts as released: the message is due again at once.
        """

    def find(self, queue: str, sequence: int) -> StoredMessage | None:
        """The message, whether leased or not."""

    def extend(self, queue: str, sequence: int, token: str, *, until_ms: int) -> bool:
        """Move the end of a lease to ``until_ms`` (a past moment makes it due at once); False when the token is stale.

        A token is stale when the message is gone, was leased again or was released. A lease whose time has passed and
        that nobody took over can still be extended; an owner who must refuse that looks with ``find`` first.
        """

    def release(self, queue: str, sequence: int, token: str, *, due_ms: int, headers: bytes | None = None) -> bool:
        """Give a leased message back, due at ``due_ms``; optionally with new headers; False when the token is stale."""

    def settle(self, queue: str, sequence: int, token: str | None) -> bool:
        """Remove a message. With a token: only when that was its newest lease (expired, released or not); None removes
        regardless.

        Gives    True when a message was removed.
        """

    def move(self, queue: str, sequence: int, to_queue: str, *, due_ms: int, headers: bytes | None = None) -> bool:
        """Move a message to another queue with its id, body and sent time; lease, attempts and group order start anew."""

    def peek(self, queue: str, *, count_max: int, after_sequence: int = 0) -> Sequence[StoredMessage]:
        """Messages by sequence, leased or not, without touching them."""

    def counts(self, queue: str, *, now_ms: int, sent_after_ms: int = 0) -> QueueCounts:
        """How many messages are in which state at ``now_ms``.

        Gives    exact numbers for a queue of usual length. Of a very long one, an estimate that costs little: exact in sum
                 unless many messages have expired, and in each number unless very many are leased, delayed or in ordered groups.
        """

    def next_due_ms(self, queue: str) -> int | None:
        """The earliest moment at which a message is or becomes due (a lease's end counts); None when empty."""

    def expire(self, queue: str, *, sent_before_ms: int, count_max: int) -> int:
        """Remove up to ``count_max`` messages sent before a moment; gives how many."""

    def purge(self, queue: str, *, count_max: int) -> int:
        """Remove up to ``count_max`` messages in any state; gives how many: fewer than that, and the queue is empty."""
