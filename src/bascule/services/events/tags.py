"""Tags of buses and rules."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from bascule.api import events as api
from bascule.kernel.context import Context
from bascule.kernel.errors import ValidationError
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.services.events.errors import BusNotFound, ParameterInvalid, RuleNotFound
from bascule.services.events.limits import TAGS_MAX
from bascule.services.events.model import EventBus, Rule
from bascule.services.events.names import BusName, RuleName, resource_named
from bascule.services.events.state import buses, get_bus, put_rule, rules


def tags_given(tags: Sequence[api.Tag] | None) -> dict[str, str]:
    """Tags of a request, in its order. Raises ValidationError for a key given twice, a reserved key, or too many."""
    found: dict[str, str] = {}
    for tag in tags or ():
        if tag.key in found:
            raise ValidationError("Invalid parameter: Duplicated keys are not allowed.")
        if tag.key.lower().startswith("aws:"):
            raise ValidationError("System tags cannot be added/updated by requester.")
        found[tag.key] = tag.value
    if len(found) > TAGS_MAX:
        raise ValidationError(f"Invalid parameter: Tags count cannot be larger than {TAGS_MAX}.")
    return found


@operation("TagResource")
def tag_resource(ctx: Context, tx: Tx, inp: api.TagResourceRequest) -> api.TagResourceResponse:
    """Add tags, replacing values of keys that exist. Raises as ``tags_given``, and for an unknown resource."""
    named, resource = _tagged(tx, inp.resource_arn)
    tags = resource.tags | tags_given(inp.tags)
    if len(tags) > TAGS_MAX:
        raise ValidationError(f"Invalid parameter: Tags count cannot be larger than {TAGS_MAX}.")
    _retag(ctx, tx, named, resource, tags)
    return api.TagResourceResponse()


@operation("UntagResource")
def untag_resource(ctx: Context, tx: Tx, inp: api.UntagResourceRequest) -> api.UntagResourceResponse:
    """Remove tags; a key that is not there is no error. Raises for an unknown resource."""
    named, resource = _tagged(tx, inp.resource_arn)
    gone = frozenset(inp.tag_keys)
    _retag(ctx, tx, named, resource, {key: value for key, value in resource.tags.items() if key not in gone})
    return api.UntagResourceResponse()


@operation("ListTagsForResource", reads=True)
def list_tags_for_resource(
    ctx: Context, tx: Tx, inp: api.ListTagsForResourceRequest
) -> api.ListTagsForResourceResponse:
    """All tags in the order they were added. Raises for an unknown resource."""
    _, resource = _tagged(tx, inp.resource_arn)
    return api.ListTagsForResourceResponse(tags=[api.Tag(key=key, value=value) for key, value in resource.tags.items()])


def _tagged(tx: Tx, arn: str) -> tuple[BusName | RuleName, EventBus | Rule]:
    named = resource_named(arn)
    if named is None:
        raise ParameterInvalid("ResourceArn", "Provided Arn is not in correct format.")
    bus = named if isinstance(named, BusName) else named.bus
    found = get_bus(tx, bus.scope, bus.name)
    if found is None:
        raise BusNotFound(bus.name)
    if isinstance(named, BusName):
        return named, found
    rule = rules.get(tx.documents, bus.scope, named.name, parent=bus.name)
    if rule is None:
        raise RuleNotFound(named.name, bus.name)
    return named, rule


def _retag(ctx: Context, tx: Tx, named: BusName | RuleName, resource: EventBus | Rule, tags: dict[str, str]) -> None:
    changed = msgspec.structs.replace(resource, tags=tags)
    if isinstance(changed, Rule):
        assert isinstance(named, RuleName)
        put_rule(tx, named.bus.scope, named.bus.name, changed)
    else:
        assert isinstance(named, BusName)
        buses.put(tx.documents, named.scope, named.name, changed)
