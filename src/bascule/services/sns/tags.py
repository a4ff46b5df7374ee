"""Tags of topics."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from bascule.api import sns as api
from bascule.kernel.context import Context
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.services.sns import limits, state
from bascule.services.sns.addressing import TopicName
from bascule.services.sns.errors import InvalidParameter, NotFound, ResourceNotFound, TagLimitExceeded
from bascule.services.sns.model import Topic


def read_tags(given: Iterable[api.Tag]) -> dict[str, str]:
    """Tags as they are kept.

    Raises   InvalidParameter for a key twice or a reserved one; TagLimitExceeded.
    """
    tags: dict[str, str] = {}
    for tag in given:
        if tag.key in tags:
            raise InvalidParameter("Invalid parameter: Duplicated keys are not allowed.")
        if tag.key.lower().startswith("aws:"):
            raise InvalidParameter.of("Tags", f"The key {tag.key} is reserved.")
        tags[tag.key] = tag.value
    return _bounded(tags)


def _bounded(tags: dict[str, str]) -> dict[str, str]:
    if len(tags) > limits.TAGS_MAX:
        raise TagLimitExceeded
    return tags


def _find(ctx: Context, tx: Tx, arn: str) -> tuple[TopicName, Topic]:
    try:
        return state.find(ctx, tx, arn, "ResourceArn")
    except NotFound:
        raise ResourceNotFound from None


@operation("TagResource")
def tag_resource(ctx: Context, tx: Tx, inp: api.TagResourceRequest) -> api.TagResourceResponse:
    """Add tags to a topic or replace their values.

    Raises   ResourceNotFound, InvalidParameter, TagLimitExceeded.
    """
    named, topic = _find(ctx, tx, inp.resource_arn)
    tags = _bounded(topic.tags | read_tags(inp.tags))
    state.put_topic(ctx, tx, named.scope, msgspec.structs.replace(topic, tags=tags))
    return api.TagResourceResponse()


@operation("UntagResource")
def untag_resource(ctx: Context, tx: Tx, inp: api.UntagResourceRequest) -> api.UntagResourceResponse:
    """Remove tags by key; keys without a tag are ignored.

    Raises   ResourceNotFound, InvalidParameter.
    """
    named, topic = _find(ctx, tx, inp.resource_arn)
    kept = {key: value for key, value in topic.tags.items() if key not in inp.tag_keys}
    state.put_topic(ctx, tx, named.scope, msgspec.structs.replace(topic, tags=kept))
    return api.UntagResourceResponse()


@operation("ListTagsForResource", reads=True)
def list_tags_for_resource(
    ctx: Context, tx: Tx, inp: api.ListTagsForResourceRequest
) -> api.ListTagsForResourceResponse:
    """All tags of a topic.

    Raises   ResourceNotFound, InvalidParameter.
    """
    _, topic = _find(ctx, tx, inp.resource_arn)
    return api.ListTagsForResourceResponse(tags=[api.Tag(key=key, value=value) for key, value in topic.tags.items()])
