"""Tags of queues."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from bascule.api import sqs as api
from bascule.kernel.context import Context
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.services.sqs import limits, state
from bascule.services.sqs.errors import InvalidParameterValue, MissingParameter


def check_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Tags within SQS's bounds.

    Raises   InvalidParameterValue.
    """
    for key, value in tags.items():
        if not 1 <= len(key) <= limits.TAG_KEY_LENGTH_MAX or key.lower().startswith("aws:"):
            raise InvalidParameterValue.of(
                key, "TagKey", "Must be 1 to 128 characters in length and must not start with aws:."
            )
        if len(value) > limits.TAG_VALUE_LENGTH_MAX:
            raise InvalidParameterValue.of(value, "TagValue", "Must be 0 to 256 characters in length.")
    if len(tags) > limits.TAGS_MAX:
        raise InvalidParameterValue(
            f"Too many tags added for queue. Maximum number of tags allowed is {limits.TAGS_MAX}."
        )
    return dict(tags)


@operation("TagQueue")
def tag_queue(ctx: Context, tx: Tx, inp: api.TagQueueRequest) -> api.Empty:
    """Add tags or replace their values.

    Raises   QueueDoesNotExist, MissingParameter, InvalidParameterValue.
    """
    scope, queue = state.find(ctx, tx, inp.queue_url)
    if not inp.tags:
        raise MissingParameter.named("Tags")
    state.put_queue(tx.documents, scope, msgspec.structs.replace(queue, tags=check_tags(queue.tags | inp.tags)))
    return api.Empty()


@operation("UntagQueue")
def untag_queue(ctx: Context, tx: Tx, inp: api.UntagQueueRequest) -> api.Empty:
    """Remove tags by key; keys without a tag are ignored.

    Raises   QueueDoesNotExist, MissingParameter.
    """
    scope, queue = state.find(ctx, tx, inp.queue_url)
    if not inp.tag_keys:
        raise MissingParameter.named("TagKeys")
    kept = {key: value for key, value in queue.tags.items() if key not in inp.tag_keys}
    state.put_queue(tx.documents, scope, msgspec.structs.replace(queue, tags=kept))
    return api.Empty()


@operation("ListQueueTags", reads=True)
def list_queue_tags(ctx: Context, tx: Tx, inp: api.ListQueueTagsRequest) -> api.ListQueueTagsResult:
    """All tags of a queue; absent when there are none.

    Raises   QueueDoesNotExist.
    """
    _, queue = state.find(ctx, tx, inp.queue_url)
    return api.ListQueueTagsResult(tags=dict(queue.tags) or None)
