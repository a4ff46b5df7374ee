"""The queue port on SQLite.

An ordered group is offered through its first message alone (``is_head``); the trigger of the schema hands that on when the
first message goes. A lease does not send the group's unsent puts, leases and settles when they cannot matter to it
(``unsent.py``). A lease token is the sequence and the attempt: unique without entropy, stale after the next lease.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from bascule.engines.sqlite.counting import counted
from bascule.engines.sqlite.session import Session
from bascule.engines.sqlite.statements import load_statements
from bascule.engines.sqlite.unsent import NEVER_MS
from bascule.kernel.queues import Lease, NewMessage, QueueCounts, StoredMessage

_SQL = load_statements("queues")
#: ``first_leased_ms`` of a message that never was; see the schema.
_NEVER_MS = 1 << 46
#: One call in so many forgets duplicates whose interval is over, twice as many at a time. count
FORGET_EVERY = 64
#: Expired messages of ordered groups that one lease removes, because the groups' next ones wait behind them. count
EXPIRE_ON_LEASE_MAX = 1000


#: A message that may be leased, as ``lease_heads`` gives it: sequence, message id, group, sent_ms, due_ms, attempt,
#: first_leased_ms, is_ordered, body, headers.
_Due = tuple[int, str, str | None, int, int, int, int, int, bytes, bytes]
_SEQUENCE: Final = 0
_GROUP: Final = 2
_SENT_MS: Final = 3
_DUE_MS: Final = 4
_ATTEMPT: Final = 5
_IS_ORDERED: Final = 7


class SqliteQueues:
    """``Queues`` of one transaction; see the port for the contract."""

    __slots__ = ("_session",)

    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, queue: str, message: NewMessage) -> int:
        writer = self._session.require_writer()
        sequence = writer.next_sequence()
        sent_ms, due_ms = message.sent_ms, max(message.sent_ms, message.due_ms)
        is_ordered = message.is_ordered and message.group is not None
        (writer.ordered if is_ordered else writer.messages).rows.append(
            (
                sequence,
                queue,
                message.message_id,
                message.body,
                message.headers,
                message.group,
                sent_ms,
                due_ms,
            )
        )
        writer.unsent.put(queue, due_ms)
        writer.dirty.add(queue)
        writer.touched.add(queue)
        return sequence

    def put_all(self, queue: str, messages: Sequence[NewMessage]) -> None:
        writer = self._session.require_writer()
        add, next_sequence = writer.messages.rows.append, writer.next_sequence
        least_due_ms = NEVER_MS
        for message in messages:
            sent_ms, due_ms = message.sent_ms, message.due_ms
            if due_ms < sent_ms:
                due_ms = sent_ms
            add(
                (
                    next_sequence(),
                    queue,
                    message.message_id,
                    message.body,
                    message.headers,
                    message.group,
                    sent_ms,
                    due_ms,
                )
            )
            if due_ms < least_due_ms:
                least_due_ms = due_ms
        writer.unsent.put(queue, least_due_ms)
        writer.dirty.add(queue)
        writer.touched.add(queue)

    def deduplicate(self, queue: str, key: str, *, message_id: str, sequence: int, now_ms: int, keep_ms: int) -> None:
        writer = self._session.require_writer()
        writer.duplicates.set((queue, key), (message_id, sequence, now_ms + keep_ms))
        if sequence % FORGET_EVERY == 0:
            writer.change(_SQL["forget_duplicates"], (now_ms, 2 * FORGET_EVERY))

    def duplicate_of(self, queue: str, key: str, *, now_ms: int) -> tuple[str, int] | None:
        known = self._session.duplicate((queue, key))
        return None if known is None or known[2] <= now_ms else (known[0], known[1])

    def lease(self, queue: str, *, now_ms: int, lease_ms: int, count_max: int, sent_after_ms: int = 0) -> list[Lease]:
        writer = self._session.require_writer()
        named: dict[str, object] = {
            "queue": queue,
            "now_ms": now_ms,
            "sent_after_ms": sent_after_ms,
            "count_max": count_max,
        }
        chosen = self._due_beside_unsent(named, queue, now_ms, sent_after_ms, count_max)
        if chosen is None:
            chosen = self._due_heads(named, queue, sent_after_ms)
        groups = [due[_GROUP] for due in chosen if due[_IS_ORDERED]]
        if groups and count_max > 1:
            followers = self._followers(queue, groups, now_ms, sent_after_ms, count_max - 1)
            chosen = _in_order(_whole_groups(chosen, followers)[:count_max])
        if not chosen:
            return []
        until_ms = now_ms + lease_ms
        writer.dirty.add(queue)
        leases = [_leased(due, now_ms, until_ms) for due in chosen]
        tokens = [(due[_SEQUENCE], one.token) for due, one in zip(chosen, leases, strict=True)]
        writer.leases.lease(queue, tokens, now_ms=now_ms, until_ms=until_ms)
        last = chosen[-1]
        writer.unsent.leased(queue, last[_DUE_MS], last[_SEQUENCE], until_ms=until_ms, sent_after_ms=sent_after_ms)
        return leases

    def _due_beside_unsent(
        self, named: dict[str, object], queue: str, now_ms: int, sent_after_ms: int, count_max: int
    ) -> list[_Due] | None:
        """Messages that may be leased while changes of the queue are unsent; None when those must be sent first."""
        writer = self._session.require_writer()
        if queue not in writer.dirty or writer.ordered.rows:
            return None
        start = writer.unsent.start(queue, now_ms=now_ms, sent_after_ms=sent_after_ms)
        if start is None:
            return None
        if queue not in writer.unsent.unordered:
            if self._session.rows(_SQL["any_ordered"], (queue,)).fetchone():
                return None
            writer.unsent.unordered.add(queue)
        chosen = self._due(_SQL["lease_heads"], named, *start)
        is_full = len(chosen) == count_max
        if writer.unsent.has_put_before(queue, chosen[-1][_DUE_MS] if is_full else now_ms + 1):
            return None
        # What was settled and is unsent was leased before, and is found when that lease is over.
        if writer.settled.rows and any(due[_ATTEMPT] for due in chosen):
            return None
        return chosen

    def _due_heads(self, named: dict[str, object], queue: str, sent_after_ms: int) -> list[_Due]:
        """Messages that may be leased, of ordered groups the first, with everything sent."""
        self._session.see_queue(queue)
        start = sent_after_ms + 1, 0
        chosen = self._due(_SQL["lease_heads"], named, *start)
        if sent_after_ms <= 0:
            return chosen
        expired = self._session.rows(_SQL["hides_group"], (queue, sent_after_ms)).fetchone()
        if expired is not None and expired[0]:
            self.expire(queue, sent_before_ms=sent_after_ms + 1, count_max=EXPIRE_ON_LEASE_MAX)
            chosen = self._due(_SQL["lease_heads"], named, *start)
        return chosen

    def _due(self, sql: str, named: dict[str, object], after_due_ms: int = 0, after_sequence: int = 0) -> list[_Due]:
        named["after_due_ms"], named["after_sequence"] = after_due_ms, after_sequence
        return self._session.rows(sql, named).fetchall()

    def _followers(
        self, queue: str, groups: list[str | None], now_ms: int, sent_after_ms: int, count_max: int
    ) -> list[_Due]:
        """Messages behind the leased heads, of each group up to the first that is not due."""
        named = {"queue": queue, "groups": msgspec.json.encode(groups).decode(), "count_max": count_max}
        chosen: list[_Due] = []
        blocked: set[str | None] = set()
        for due in self._session.rows(_SQL["lease_followers"], named).fetchall():
            if due[_DUE_MS] > now_ms:
                blocked.add(due[_GROUP])
            elif due[_GROUP] not in blocked and due[_SENT_MS] > sent_after_ms:
                chosen.append(due)
        return chosen

    def find(self, queue: str, sequence: int) -> StoredMessage | None:
        self._session.see_queue(queue)
        row = self._session.rows(_SQL["find"], (sequence, queue)).fetchone()
        return None if row is None else _stored(*row)

    def extend(self, queue: str, sequence: int, token: str, *, until_ms: int) -> bool:
        attempt = _attempt(sequence, token)
        return self._touch(queue, _SQL["extend"], (until_ms, sequence, queue, attempt))

    def release(self, queue: str, sequence: int, token: str, *, due_ms: int, headers: bytes | None = None) -> bool:
        attempt = _attempt(sequence, token)
        return self._touch(queue, _SQL["release"], (due_ms, headers, sequence, queue, attempt))

    def settle(self, queue: str, sequence: int, token: str | None) -> bool:
        writer = self._session.require_writer()
        if token is None:
            writer.leases.forget(sequence)
            return self._remove(queue, _SQL["remove"], (sequence, queue))
        if writer.leases.settle(queue, sequence, token):
            writer.dirty.add(queue)
            writer.touched.add(queue)
            return True
        return self._remove(queue, _SQL["settle"], (sequence, queue, _attempt(sequence, token)))

    def move(self, queue: str, sequence: int, to_queue: str, *, due_ms: int, headers: bytes | None = None) -> bool:
        writer = self._session.require_writer()
        writer.see()
        named = {
            "queue": queue,
            "sequence": sequence,
            "to_queue": to_queue,
            "new_sequence": writer.next_sequence(),
            "due_ms": due_ms,
            "headers": headers,
        }
        if writer.change(_SQL["copy"], named).rowcount != 1:
            return False
        self._count(to_queue, 1)
        writer.touched.add(to_queue)
        writer.leases.forget(sequence)
        return self._remove(queue, _SQL["remove"], (sequence, queue))

    def _remove(self, queue: str, sql: str, parameters: tuple[object, ...]) -> bool:
        if not self._touch(queue, sql, parameters):
            return False
        self._count(queue, -1)
        return True

    def _count(self, queue: str, change: int) -> None:
        """The queue has so many messages more."""
        self._session.require_writer().change(_SQL["change_count"], (queue, change))

    def _touch(self, queue: str, sql: str, parameters: tuple[object, ...]) -> bool:
        writer = self._session.require_writer()
        writer.see_queue(queue)
        if writer.change(sql, parameters).rowcount != 1:
            return False
        writer.touched.add(queue)
        return True

    def peek(self, queue: str, *, count_max: int, after_sequence: int = 0) -> Sequence[StoredMessage]:
        self._session.see_queue(queue)
        return [_stored(*row) for row in self._session.rows(_SQL["peek"], (queue, after_sequence, count_max))]

    def counts(self, queue: str, *, now_ms: int, sent_after_ms: int = 0) -> QueueCounts:
        self._session.see_queue(queue)
        ready, leased, delayed = counted(self._session, queue, now_ms=now_ms, sent_after_ms=sent_after_ms)
        oldest = self._session.rows(_SQL["oldest_sent"], (queue, sent_after_ms)).fetchone()
        return QueueCounts(ready, leased, delayed, None if oldest is None else oldest[0])

    def next_due_ms(self, queue: str) -> int | None:
        self._session.see_queue(queue)
        row = self._session.rows(_SQL["next_due"], {"queue": queue}).fetchone()
        return None if row is None else row[0]

    def expire(self, queue: str, *, sent_before_ms: int, count_max: int) -> int:
        return self._clear(queue, _SQL["expire"], (queue, sent_before_ms, count_max))

    def purge(self, queue: str, *, count_max: int) -> int:
        removed = self._clear(queue, _SQL["purge"], (queue, count_max))
        if removed < count_max:
            self._session.require_writer().change(_SQL["forget_count"], (queue,))
        return removed

    def _clear(self, queue: str, sql: str, parameters: tuple[object, ...]) -> int:
        """Remove messages that nobody names."""
        writer = self._session.require_writer()
        writer.see_queue(queue)
        writer.leases.forget_all()
        removed = writer.change(sql, parameters).rowcount
        if removed:
            self._count(queue, -removed)
        return removed


def _token(sequence: int, attempt: int) -> str:
    return f"{sequence}.{attempt}"


def _attempt(sequence: int, token: str) -> int:
    """The attempt a token stands for; -1, which no message has, when it is not a token of this message."""
    of_sequence, _, attempt = token.partition(".")
    if of_sequence != str(sequence) or not (attempt.isascii() and attempt.isdecimal()) or len(attempt) > 18:
        return -1
    return int(attempt) or -1


def _whole_groups(heads: list[_Due], followers: list[_Due]) -> list[_Due]:
    """Each head with what follows it in its group, so that a cut leaves whole groups to others."""
    behind: dict[str | None, list[_Due]] = {}
    for due in followers:
        behind.setdefault(due[_GROUP], []).append(due)
    return [due for head in heads for due in (head, *(behind.get(head[_GROUP], ()) if head[_IS_ORDERED] else ()))]


def _in_order(chosen: list[_Due]) -> list[_Due]:
    """By due time then sequence, but no message before an earlier one of its group."""
    group_due_ms: dict[str | None, int] = {}
    keyed = []
    for due in chosen:
        due_ms = due[_DUE_MS]
        if due[_IS_ORDERED]:
            due_ms = group_due_ms[due[_GROUP]] = max(due_ms, group_due_ms.get(due[_GROUP], 0))
        keyed.append((due_ms, due[_SEQUENCE], due))
    keyed.sort(key=lambda entry: entry[:2])
    return [due for _, _, due in keyed]


def _leased(due: _Due, now_ms: int, until_ms: int) -> Lease:
    sequence, message_id, group, sent_ms, _, attempt, first_leased_ms, _, body, headers = due
    attempt += 1
    token = f"{sequence}.{attempt}"
    if first_leased_ms > now_ms:
        first_leased_ms = now_ms
    message = StoredMessage(
        sequence, message_id, body, headers, group, sent_ms, until_ms, attempt, first_leased_ms, token
    )
    return Lease(message, token, until_ms)


def _stored(
    sequence: int,
    message_id: str,
    body: bytes,
    headers: bytes,
    group: str | None,
    sent_ms: int,
    due_ms: int,
    attempt: int,
    first_leased_ms: int,
    is_leased: int,
) -> StoredMessage:
    return StoredMessage(
        sequence,
        message_id,
        body,
        headers,
        group,
        sent_ms,
        due_ms,
        attempt,
        None if first_leased_ms == _NEVER_MS else first_leased_ms,
        _token(sequence, attempt) if is_leased else None,
    )
