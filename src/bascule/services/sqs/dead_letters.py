"""ListDeadLetterSourceQueues."""

from __future__ import annotations

from bascule.api import sqs as api
from bascule.kernel.context import Context
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.services.sqs import redrive, state
from bascule.services.sqs.addressing import make_url
from bascule.services.sqs.paging import page


@operation("ListDeadLetterSourceQueues", reads=True)
def list_dead_letter_source_queues(
    ctx: Context, tx: Tx, inp: api.ListDeadLetterSourceQueuesRequest
) -> api.ListDeadLetterSourceQueuesResult:
    """URLs of the queues that redrive to this one, by name; an empty list when there are none.

    Raises   QueueDoesNotExist, InvalidParameterValue.
    """
    scope, queue = state.find(ctx, tx, inp.queue_url)
    arn = scope.arn("sqs", queue.name)

    def names_after(after: str, count_max: int) -> list[str]:
        return redrive.sources(tx, scope, arn, after=after, count_max=count_max)

    names, token = page(names_after, count_max=inp.max_results, token=inp.next_token)
    urls = [make_url(ctx.base_url, scope, name) for name in names]
    return api.ListDeadLetterSourceQueuesResult(queue_urls=urls, next_token=token)
