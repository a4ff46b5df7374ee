"""Tags of functions and of event source mappings."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from bascule.api import lambda_ as api
from bascule.kernel.arns import parse_arn
from bascule.kernel.context import Context
from bascule.kernel.errors import NotImplementedHere
from bascule.kernel.scope import Scope
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.services.lambda_.errors import InvalidParameterValue, ResourceNotFound
from bascule.services.lambda_.event_source_state import MAPPINGS, named_mapping
from bascule.services.lambda_.limits import TAGS_MAX
from bascule.services.lambda_.names import reference
from bascule.services.lambda_.resolution import found_function
from bascule.services.lambda_.state import FUNCTIONS

NOT_ON_VERSIONS = "Tags on function aliases and versions are not supported. Please specify a function ARN."


def checked_tags(tags: dict[str, str], added: dict[str, str]) -> dict[str, str]:
    """``tags`` with ``added``.

    Raises   InvalidParameterValue when there would be more than 50.
    """
    together = {**tags, **added}
    if len(together) > TAGS_MAX:
        raise InvalidParameterValue("Number of tags exceeds resource tag limit.")
    return together


#: Keeps new tags of a resource.
Keep = Callable[[dict[str, str]], None]


def _tagged(ctx: Context, tx: Tx, resource: str) -> tuple[dict[str, str], Keep]:
    """The tags of a resource, and how to replace them.

    Raises   ResourceNotFound; InvalidParameterValue for a version or alias; NotImplementedHere for what is neither a
             function nor a mapping.
    """
    if (mapping := named_mapping(resource)) is not None:
        return _tagged_mapping(ctx, tx, *mapping)
    arn = parse_arn(resource)
    if arn is None or not arn.resource.startswith("function:"):
        raise NotImplementedHere(f"Bascule keeps tags of functions and event source mappings only; {resource} is none.")
    named = reference(ctx, resource)
    if named.qualifier is not None:
        raise InvalidParameterValue(NOT_ON_VERSIONS)
    function = found_function(tx.documents, named)

    def keep(tags: dict[str, str]) -> None:
        FUNCTIONS.put(tx.documents, named.scope, named.name, msgspec.structs.replace(function, tags=tags))

    return function.tags, keep


def _tagged_mapping(ctx: Context, tx: Tx, scope: Scope, uuid: str) -> tuple[dict[str, str], Keep]:
    mapping = MAPPINGS.get(tx.documents, scope, uuid) if scope == ctx.scope else None
    if mapping is None:
        raise ResourceNotFound

    def keep(tags: dict[str, str]) -> None:
        MAPPINGS.put(tx.documents, scope, uuid, msgspec.structs.replace(mapping, tags=tags))

    return mapping.tags, keep


@operation("TagResource")
def tag_resource(ctx: Context, tx: Tx, inp: api.TagResourceRequest) -> api.Empty:
    """Add or replace tags.

    Raises   ResourceNotFound; InvalidParameterValue for a version or alias, or past 50 tags.
    """
    tags, keep = _tagged(ctx, tx, inp.resource)
    keep(checked_tags(tags, inp.tags))
    return api.Empty()


@operation("UntagResource")
def untag_resource(ctx: Context, tx: Tx, inp: api.UntagResourceRequest) -> api.Empty:
    """Remove tags; keys that are not there are no error."""
    tags, keep = _tagged(ctx, tx, inp.resource)
    keep({key: value for key, value in tags.items() if key not in inp.tag_keys})
    return api.Empty()


@operation("ListTags", reads=True)
def list_tags(ctx: Context, tx: Tx, inp: api.ListTagsRequest) -> api.ListTagsResponse:
    """The tags of a function or an event source mapping."""
    tags, _ = _tagged(ctx, tx, inp.resource)
    return api.ListTagsResponse(tags=tags)
