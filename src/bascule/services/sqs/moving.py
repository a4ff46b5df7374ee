"""The loop that carries out message move tasks.

A step moves a bounded number of messages in one transaction and notes when the next may follow, so a task keeps its rate,
survives a restart and never loses or doubles a message.
"""

from __future__ import annotations

import msgspec

from bascule.kernel.context import Context
from bascule.kernel.loop import Loop
from bascule.kernel.queues import Lease, NewMessage, StoredMessage
from bascule.kernel.scope import Scope
from bascule.kernel.store import Tx
from bascule.services.sqs import limits, state
from bascule.services.sqs.carried_events import note_moved
from bascule.services.sqs.model import MoveTask, Queue, pack_headers, unpack_headers
from bascule.services.sqs.move_tasks import COMPLETED, FAILED, RUNNING, keep, tasks_of

_STEPS_A_SECOND = 10


def tick(ctx: Context, tx: Tx) -> int | None:
    """Let running tasks make a step that is due: those that have waited longest, as far as one transaction goes."""
    next_ms: int | None = None
    running = [(key, tasks_of(tx, key.scope, key.name)) for key, _ in state.moves_running.every(tx.documents)]
    steps_left = limits.MOVE_STEPS_MAX
    for key, tasks in sorted(running, key=lambda pair: pair[1][-1].next_ms):
        task = tasks[-1]
        if task.next_ms <= ctx.now_ms and steps_left:
            steps_left -= 1
            task = _step(ctx, tx, key.scope, task)
            keep(tx, key.scope, key.name, (*tasks[:-1], task))
        if task.status == RUNNING:
            next_ms = task.next_ms if next_ms is None else min(next_ms, task.next_ms)
        else:
            state.moves_running.delete(tx.documents, key.scope, key.name)
    return next_ms


LOOP = Loop("sqs.moves", tick, signals=frozenset((state.MOVES_SIGNAL,)))


def _step(ctx: Context, tx: Tx, scope: Scope, task: MoveTask) -> MoveTask:
    """Move some messages; gives the task as it is afterwards."""
    found = state.find_arn(tx, task.source_arn)
    assert found is not None, "a queue's tasks are deleted with it"
    source = found[1]
    rate = task.per_second_max
    size = limits.MOVE_STEP_MAX if rate is None else max(1, rate // _STEPS_A_SECOND)
    size = min(size, task.to_move - task.moved)
    leases: list[Lease] = []
    if size > 0:
        leases = tx.queues.lease(
            source.storage,
            now_ms=ctx.now_ms,
            lease_ms=1,
            count_max=size,
            sent_after_ms=source.expired_ms(ctx.now_ms),
        )
    if not leases:
        return msgspec.structs.replace(task, status=COMPLETED)
    moved = task.moved
    for lease in leases:
        arn = task.destination_arn or unpack_headers(lease.message.headers).dead_letter_source
        to = state.find_arn(tx, arn)
        if to is None or to[1].is_fifo != source.is_fifo:
            reason = (
                "AWS.SimpleQueueService.NonExistentQueue" if task.destination_arn else "CouldNotDetermineMessageSource"
            )
            return msgspec.structs.replace(task, status=FAILED, moved=moved, failure=reason)
        move(ctx, tx, found, to, lease.message, lease.token)
        moved += 1
    pause_ms = 0 if rate is None else len(leases) * 1000 // rate
    return msgspec.structs.replace(task, moved=moved, next_ms=ctx.now_ms + pause_ms)


def move(
    ctx: Context,
    tx: Tx,
    source: tuple[Scope, Queue],
    destination: tuple[Scope, Queue],
    message: StoredMessage,
    token: str | None,
) -> None:
    """Send a message anew to its destination: a new id and time of sending ("dead-letter queue redrive", SQS guide).

    Takes    token of the message's lease; None takes it whoever holds it.
    """
    source_arn, target_arn = (scope.arn("sqs", queue.name) for scope, queue in (source, destination))
    target = destination[1]
    message_id = ctx.ids.uuid()
    note_moved(ctx, tx, message.body, source_arn=source_arn, target_arn=target_arn, message_id=message_id)
    headers = msgspec.structs.replace(unpack_headers(message.headers), dead_letter_source="")
    tx.queues.settle(source[1].storage, message.sequence, token)
    tx.queues.put(
        target.storage,
        NewMessage(
            message_id,
            message.body,
            ctx.now_ms,
            ctx.now_ms + target.delay_s * 1000,
            pack_headers(headers),
            message.group,
            is_ordered=target.is_fifo,
        ),
    )
