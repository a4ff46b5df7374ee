"""Background loop of the Lambda service: empties the queues of deleted functions, a bounded number of rows at a time."""

from __future__ import annotations

from bascule.kernel import limits
from bascule.kernel.context import Context
from bascule.kernel.loop import Loop
from bascule.kernel.store import Tx
from bascule.services.lambda_.state import DELETED_QUEUES, queue_name


def empty_deleted_queues(ctx: Context, tx: Tx) -> int | None:
    """Remove messages of one deleted function; when none is left, forget the function."""
    for key, deleted in DELETED_QUEUES.every(tx.documents, page=1):
        if tx.queues.purge(queue_name(deleted.uuid), count_max=limits.REMOVE_STEP_MAX) < limits.REMOVE_STEP_MAX:
            DELETED_QUEUES.delete(tx.documents, key.scope, key.name)
        return ctx.now_ms
    return None


LOOPS = (Loop("lambda.deleted-queues", tick=empty_deleted_queues),)
