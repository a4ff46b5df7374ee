"""Tags of functions."""

from __future__ import annotations

import msgspec

from bascule.api import lambda_ as api
from bascule.kernel.arns import parse_arn
from bascule.kernel.context import Context
from bascule.kernel.errors import NotImplementedHere
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.services.lambda_.errors import InvalidParameterValue
from bascule.services.lambda_.limits import TAGS_MAX
from bascule.services.lambda_.model import Function
from bascule.services.lambda_.names import FunctionReference, reference
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


def _tagged(ctx: Context, tx: Tx, resource: str) -> tuple[FunctionReference, Function]:
    arn = parse_arn(resource)
    if arn is None or not arn.resource.startswith("function:"):
        raise NotImplementedHere(f"Bascule keeps tags of Lambda functions only; {resource} is none.")
    named = reference(ctx, resource)
    if named.qualifier is not None:
        raise InvalidParameterValue(NOT_ON_VERSIONS)
    return named, found_function(tx.documents, named)


@operation("TagResource")
def tag_resource(ctx: Context, tx: Tx, inp: api.TagResourceRequest) -> api.Empty:
    """Add or replace tags.

    Raises   ResourceNotFound; InvalidParameterValue for a version or alias, or past 50 tags.
    """
    named, function = _tagged(ctx, tx, inp.resource)
    tags = checked_tags(function.tags, inp.tags)
    FUNCTIONS.put(tx.documents, named.scope, named.name, msgspec.structs.replace(function, tags=tags))
    return api.Empty()


@operation("UntagResource")
def untag_resource(ctx: Context, tx: Tx, inp: api.UntagResourceRequest) -> api.Empty:
    """Remove tags; keys that are not there are no error."""
    named, function = _tagged(ctx, tx, inp.resource)
    tags = {key: value for key, value in function.tags.items() if key not in inp.tag_keys}
    FUNCTIONS.put(tx.documents, named.scope, named.name, msgspec.structs.replace(function, tags=tags))
    return api.Empty()


@operation("ListTags", reads=True)
def list_tags(ctx: Context, tx: Tx, inp: api.ListTagsRequest) -> api.ListTagsResponse:
    """The tags of a function."""
    _, function = _tagged(ctx, tx, inp.resource)
    return api.ListTagsResponse(tags=function.tags)
