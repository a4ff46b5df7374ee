"""Loops that remove what nobody can see any more: messages of purged and deleted queues, and expired messages.

Receives and counts never show such messages, so these loops only give the space back, in steps of a bounded size.
"""

from __future__ import annotations

from bascule.kernel import limits as kernel_limits
from bascule.kernel.context import Context
from bascule.kernel.loop import Loop
from bascule.kernel.store import Tx
from bascule.services.sqs import limits, state


def empty_discarded(ctx: Context, tx: Tx) -> int | None:
    """Remove messages of discarded stores; gives now when there may be more."""
    rest = kernel_limits.REMOVE_STEP_MAX
    for name, _ in state.discarded.page(tx.documents, state.STORE_SCOPE, count_max=limits.SWEEP_QUEUES_MAX):
        removed = tx.queues.purge(name, count_max=rest)
        if removed == rest:
            return ctx.now_ms
        rest -= removed
        state.discarded.delete(tx.documents, state.STORE_SCOPE, name)
    return ctx.now_ms if state.discarded.count(tx.documents, state.STORE_SCOPE) else None


def remove_expired(ctx: Context, tx: Tx) -> int | None:
    """Remove messages that outlived their queue's retention period, some queues at a time.

    Gives    now while a sweep over all queues is under way; then nothing: the next one comes with the loop's poll, because
             nobody waits for it (simulated time does not stop there).
    """
    cursor = state.sweep_cursor.get(tx.documents, state.STORE_SCOPE, "retention") or state.Cursor()
    page = list(state.page_all_queues(tx.documents, cursor, limits.SWEEP_QUEUES_MAX))
    rest = kernel_limits.REMOVE_STEP_MAX
    after = cursor
    for key, queue in page:
        removed = tx.queues.expire(queue.storage, sent_before_ms=queue.expired_ms(ctx.now_ms) + 1, count_max=rest)
        if removed == rest:
            break
        rest -= removed
        after = state.Cursor(key.scope.account, key.scope.region, key.name)
    else:
        if len(page) < limits.SWEEP_QUEUES_MAX:
            _forget_names(ctx, tx)
            if cursor != state.Cursor():
                state.sweep_cursor.delete(tx.documents, state.STORE_SCOPE, "retention")
            return None
    if after != cursor:
        state.sweep_cursor.put(tx.documents, state.STORE_SCOPE, "retention", after)
    return ctx.now_ms


def _forget_names(ctx: Context, tx: Tx) -> None:
    """Drop the marks of queue names that may be used again."""
    marks = tx.documents.page_kind(state.deleted.kind, count_max=limits.SWEEP_QUEUES_MAX)
    for key, _ in marks:
        mark = state.deleted.get(tx.documents, key.scope, key.name)
        if mark is not None and ctx.now_ms >= mark.at_ms + limits.NAME_REUSE_WAIT_MS:
            state.deleted.delete(tx.documents, key.scope, key.name)


LOOPS = (
    Loop("sqs.discarded", empty_discarded, signals=frozenset((state.DISCARDED_SIGNAL,)), poll_ms=limits.SWEEP_PAUSE_MS),
    Loop("sqs.retention", remove_expired, poll_ms=limits.SWEEP_PAUSE_MS),
)
