"""Where event source mappings are kept, and the signals that tell of their changes."""

from __future__ import annotations

import msgspec

from bascule.kernel.arns import parse_arn
from bascule.kernel.documents import Collection
from bascule.kernel.scope import Scope
from bascule.kernel.store import Tx
from bascule.services.lambda_.event_source_model import EventSourceMapping
from bascule.services.lambda_.state import RememberedCollection

#: Fired when a mapping is in a state that it leaves by itself.
MOVING_SIGNAL = "lambda.event-sources"
#: Fired with the uuid when a mapping changed: pollers listen.
CHANGED_SIGNAL = "lambda.event-source:"
_RESOURCE = "event-source-mapping:"


class Owner(msgspec.Struct, frozen=True):
    """The mapping that a pair of source and function has."""

    uuid: str


class Moving(msgspec.Struct, frozen=True):
    """A mapping that is on its way from one state to another."""


#: name: uuid.
MAPPINGS = RememberedCollection("lambda.event-source-mapping", EventSourceMapping)
#: name: ``pair_key``; makes a second mapping of the same source and function impossible.
PAIRS = Collection("lambda.event-source-pair", Owner)
#: name: uuid.
MOVING = Collection("lambda.event-source-moving", Moving)


def pair_key(source_arn: str, function: str, qualifier: str | None) -> str:
    """The name under which a pair is known."""
    return f"{source_arn} {function} {qualifier or ''}"


def mapping_arn(scope: Scope, uuid: str) -> str:
    """The ARN of a mapping."""
    return scope.arn("lambda", f"{_RESOURCE}{uuid}")


def named_mapping(arn: str) -> tuple[Scope, str] | None:
    """The scope and uuid that an ARN names, or None when it is not the ARN of a mapping."""
    parts = parse_arn(arn)
    if parts is None or parts.service != "lambda" or not parts.resource.startswith(_RESOURCE):
        return None
    return parts.scope, parts.resource.removeprefix(_RESOURCE)


def store_mapping(tx: Tx, scope: Scope, mapping: EventSourceMapping) -> None:
    """Create or replace a mapping and tell its poller."""
    MAPPINGS.put(tx.documents, scope, mapping.uuid, mapping)
    tx.notify(CHANGED_SIGNAL + mapping.uuid)


def forget_mapping(tx: Tx, scope: Scope, mapping: EventSourceMapping) -> None:
    """Remove a mapping and what belongs to it."""
    MAPPINGS.delete(tx.documents, scope, mapping.uuid)
    PAIRS.delete(tx.documents, scope, pair_key(mapping.source_arn, mapping.function, mapping.qualifier))
    tx.notify(CHANGED_SIGNAL + mapping.uuid)


def set_problem(tx: Tx, scope: Scope, uuid: str, problem: str) -> None:
    """Remember why a mapping cannot work, or (empty) that it works again; nothing when it is gone."""
    mapping = MAPPINGS.get(tx.documents, scope, uuid)
    if mapping is not None and mapping.problem != problem:
        MAPPINGS.put(tx.documents, scope, uuid, msgspec.structs.replace(mapping, problem=problem))
