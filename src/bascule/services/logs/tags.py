"""Tags of log groups, by the current operations (ARN) and by the older ones (name)."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from bascule.api import logs as api
from bascule.kernel.context import Context
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.services.logs.errors import TooManyTags
from bascule.services.logs.groups import found_group, tagged_group
from bascule.services.logs.limits import TAGS_MAX
from bascule.services.logs.model import LogGroup
from bascule.services.logs.state import GROUPS


def _tag(ctx: Context, tx: Tx, group: LogGroup, added: dict[str, str]) -> api.Empty:
    tags = {**group.tags, **added}
    if len(tags) > TAGS_MAX:
        raise TooManyTags()
    GROUPS.put(tx.documents, ctx.scope, group.name, msgspec.structs.replace(group, tags=tags))
    return api.Empty()


def _untag(ctx: Context, tx: Tx, group: LogGroup, keys: Iterable[str]) -> api.Empty:
    removed = set(keys)
    tags = {key: value for key, value in group.tags.items() if key not in removed}
    GROUPS.put(tx.documents, ctx.scope, group.name, msgspec.structs.replace(group, tags=tags))
    return api.Empty()


@operation("TagResource")
def tag_resource(ctx: Context, tx: Tx, inp: api.TagResourceRequest) -> api.Empty:
    """Add or replace tags.

    Raises   ResourceNotFound; TooManyTags past 50.
    """
    return _tag(ctx, tx, tagged_group(ctx, tx, inp.resource_arn), inp.tags)


@operation("UntagResource")
def untag_resource(ctx: Context, tx: Tx, inp: api.UntagResourceRequest) -> api.Empty:
    """Remove tags; keys that are not there are no error."""
    return _untag(ctx, tx, tagged_group(ctx, tx, inp.resource_arn), inp.tag_keys)


@operation("ListTagsForResource", reads=True)
def list_tags_for_resource(
    ctx: Context, tx: Tx, inp: api.ListTagsForResourceRequest
) -> api.ListTagsForResourceResponse:
    """The tags of a group."""
    return api.ListTagsForResourceResponse(tags=tagged_group(ctx, tx, inp.resource_arn).tags)


@operation("TagLogGroup")
def tag_log_group(ctx: Context, tx: Tx, inp: api.TagLogGroupRequest) -> api.Empty:
    """Add or replace tags, by the group's name."""
    return _tag(ctx, tx, found_group(ctx, tx, inp.log_group_name), inp.tags)


@operation("UntagLogGroup")
def untag_log_group(ctx: Context, tx: Tx, inp: api.UntagLogGroupRequest) -> api.Empty:
    """Remove tags, by the group's name."""
    return _untag(ctx, tx, found_group(ctx, tx, inp.log_group_name), inp.tags)


@operation("ListTagsLogGroup", reads=True)
def list_tags_log_group(ctx: Context, tx: Tx, inp: api.ListTagsLogGroupRequest) -> api.ListTagsLogGroupResponse:
    """The tags of a group, by its name."""
    return api.ListTagsLogGroupResponse(tags=found_group(ctx, tx, inp.log_group_name).tags)
