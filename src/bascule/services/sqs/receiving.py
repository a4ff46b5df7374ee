"""Taking messages out for a consumer: leases, the step to the dead-letter queue, repeated attempts."""

from __future__ import annotations

import msgspec

from bascule.kernel.context import Context
from bascule.kernel.queues import Lease, NewMessage, StoredMessage
from bascule.kernel.scope import Scope
from bascule.kernel.store import Tx
from bascule.services.sqs import limits, state
from bascule.services.sqs.carried_events import note_given_up
from bascule.services.sqs.model import Queue, pack_headers, unpack_headers
from bascule.services.sqs.receipts import Receipt


def take(ctx: Context, tx: Tx, scope: Scope, queue: Queue, *, count_max: int, visibility_ms: int) -> list[Lease]:
    """Lease messages for a consumer; those received too often go to the dead-letter queue instead.

    Gives    0..count_max leases, oldest due first, in order within a group.
    Promise  a message goes to the dead-letter queue in this transaction, or stays. While the dead-letter queue does not
             exist, messages stay and are given on.
    """
    taken: list[Lease] = []
    dead_letters: Queue | None = None
    if queue.redrive is not None:
        found = state.find_arn(tx, queue.redrive.target_arn)
        dead_letters = found[1] if found else None
    for _ in range(limits.REDRIVE_ROUNDS_MAX):
        leases = tx.queues.lease(
            queue.storage,
            now_ms=ctx.now_ms,
            lease_ms=visibility_ms,
            count_max=count_max - len(taken),
            sent_after_ms=queue.expired_ms(ctx.now_ms),
        )
        if dead_letters is None or queue.redrive is None:
            return leases
        is_short = False
        for lease in leases:
            if lease.message.attempt > queue.redrive.receives_max:
                _bury(ctx, tx, scope, queue, dead_letters, lease.message)
                is_short = True
            else:
                taken.append(lease)
        # Without a visibility timeout a further round would take the same messages again.
        if not is_short or len(taken) == count_max or (taken and visibility_ms == 0):
            break
    return taken


def _bury(ctx: Context, tx: Tx, scope: Scope, queue: Queue, dead_letters: Queue, message: StoredMessage) -> None:
    """Move a message to the dead-letter queue.

    A standard queue keeps the time of sending, so the message ages on. A FIFO queue starts it anew and deduplicates by the
    message's id from now on ("Setting-up dead-letter queue retention" and "dead-letter queue redrive", SQS guide).
    """
    assert queue.redrive is not None, "only a queue with a redrive policy gives messages up"
    source = scope.arn("sqs", queue.name)
    note_given_up(ctx, tx, message, source_arn=source, target_arn=queue.redrive.target_arn)
    headers = msgspec.structs.replace(unpack_headers(message.headers), dead_letter_source=source)
    if not queue.is_fifo:
        tx.queues.move(
            queue.storage, message.sequence, dead_letters.storage, due_ms=ctx.now_ms, headers=pack_headers(headers)
        )
        return
    headers = msgspec.structs.replace(headers, deduplication_id=message.message_id)
    tx.queues.settle(queue.storage, message.sequence, None)
    tx.queues.put(
        dead_letters.storage,
        NewMessage(
            message.message_id,
            message.body,
            ctx.now_ms,
            ctx.now_ms,
            pack_headers(headers),
            message.group,
            is_ordered=True,
        ),
    )


def remember_attempt(tx: Tx, queue: Queue, attempt_id: str, leases: list[Lease], *, now_ms: int) -> None:
    """Keep what a receive attempt was given, so that its repetition is given the same."""
    given = " ".join(f"{lease.message.sequence}:{lease.token}" for lease in leases)
    tx.queues.deduplicate(
        queue.identity,
        _attempt_key(attempt_id),
        message_id=f"{queue.storage} {given}",
        sequence=leases[0].message.sequence,
        now_ms=now_ms,
        keep_ms=limits.ATTEMPT_KEPT_MS,
    )


def repeat_attempt(ctx: Context, tx: Tx, queue: Queue, attempt_id: str, *, visibility_ms: int) -> list[Lease]:
    """What an earlier attempt with this id was given, made invisible anew from now.

    Gives    nothing when there was none within five minutes, or when any of its messages has been deleted, has become
             visible again or was received by others since.
    """
    kept = tx.queues.duplicate_of(queue.identity, _attempt_key(attempt_id), now_ms=ctx.now_ms)
    if kept is None:
        return []
    storage, *given = kept[0].split(" ")
    if storage != queue.storage:
        return []
    until_ms = ctx.now_ms + visibility_ms
    leases: list[Lease] = []
    for text in given:
        sequence, _, token = text.partition(":")
        message = tx.queues.find(queue.storage, int(sequence))
        if message is None or not is_in_flight(message, token, now_ms=ctx.now_ms):
            return []
        leases.append(Lease(message, token, until_ms))
    for lease in leases:
        tx.queues.extend(queue.storage, lease.message.sequence, lease.token, until_ms=until_ms)
    return leases


def _attempt_key(attempt_id: str) -> str:
    # Deduplication ids hold no blank, so attempts can live beside them.
    return f"attempt {attempt_id}"


def is_in_flight(message: StoredMessage, token: str, *, now_ms: int) -> bool:
    """Whether the lease that ``token`` proves is still running."""
    return message.lease_token == token and message.due_ms > now_ms


def receipt_of(queue: Queue, lease: Lease, *, now_ms: int) -> Receipt:
    """What the receipt handle of a lease says."""
    return Receipt(queue.storage, lease.message.sequence, lease.token, now_ms)
