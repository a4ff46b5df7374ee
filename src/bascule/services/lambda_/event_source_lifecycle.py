"""The states of an event source mapping: one table, and the loop that ends the states a mapping leaves by itself.

A state ending in -ing is what a client sees in the answer to its request; the loop ends it with its next tick, so a look-up
shortly after sees where it led. AWS takes up to a minute for the same.
"""

from __future__ import annotations

import enum

import msgspec

from bascule.kernel.context import Context
from bascule.kernel.loop import Loop
from bascule.kernel.scope import Scope
from bascule.kernel.store import Tx
from bascule.services.lambda_.errors import ResourceInUse
from bascule.services.lambda_.event_source_model import EventSourceMapping
from bascule.services.lambda_.event_source_state import (
    MAPPINGS,
    MOVING,
    MOVING_SIGNAL,
    Moving,
    forget_mapping,
    store_mapping,
)

#: Mappings moved on in one tick. count
ROWS_MAX = 100


class State(enum.StrEnum):
    """As clients see them."""

    CREATING = "Creating"
    ENABLING = "Enabling"
    ENABLED = "Enabled"
    DISABLING = "Disabling"
    DISABLED = "Disabled"
    UPDATING = "Updating"
    DELETING = "Deleting"


class Step(enum.StrEnum):
    """What moves a mapping: requests, and the loop's ``started`` and ``stopped``."""

    UPDATE = "update"
    ENABLE = "enable"
    DISABLE = "disable"
    DELETE = "delete"
    STARTED = "started"
    STOPPED = "stopped"


#: A request that has no entry for the present state is refused: the mapping is in use.
TRANSITIONS: dict[tuple[State, Step], State] = {
    (State.CREATING, Step.STARTED): State.ENABLED,
    (State.ENABLING, Step.STARTED): State.ENABLED,
    (State.UPDATING, Step.STARTED): State.ENABLED,
    (State.UPDATING, Step.STOPPED): State.DISABLED,
    (State.DISABLING, Step.STOPPED): State.DISABLED,
    (State.ENABLED, Step.UPDATE): State.UPDATING,
    (State.ENABLED, Step.DISABLE): State.DISABLING,
    (State.DISABLED, Step.UPDATE): State.UPDATING,
    (State.DISABLED, Step.ENABLE): State.ENABLING,
    (State.CREATING, Step.DELETE): State.DELETING,
    (State.ENABLING, Step.DELETE): State.DELETING,
    (State.ENABLED, Step.DELETE): State.DELETING,
    (State.DISABLING, Step.DELETE): State.DELETING,
    (State.DISABLED, Step.DELETE): State.DELETING,
}
#: States in which records are read.
READING = frozenset({State.ENABLED, State.UPDATING})
_MOVING = frozenset({State.CREATING, State.ENABLING, State.UPDATING, State.DISABLING, State.DELETING})


def moved(mapping: EventSourceMapping, step: Step) -> State:
    """The state that a step leads to.

    Raises   ResourceInUse when the mapping cannot take the step now.
    """
    state = TRANSITIONS.get((State(mapping.state), step))
    if state is None:
        raise ResourceInUse
    return state


def is_read(mapping: EventSourceMapping) -> bool:
    """Whether records of the mapping's source are to be read now."""
    return mapping.is_enabled and mapping.state in READING


def keep(tx: Tx, scope: Scope, mapping: EventSourceMapping) -> None:
    """Store a mapping, and have the loop end its state when it is one that ends by itself."""
    store_mapping(tx, scope, mapping)
    if mapping.state in _MOVING:
        MOVING.put(tx.documents, scope, mapping.uuid, Moving())
        tx.notify(MOVING_SIGNAL)


def end_moves(ctx: Context, tx: Tx) -> int | None:
    """Move mappings on from states that end by themselves; gives now when there may be more."""
    for count, (key, _) in enumerate(MOVING.every(tx.documents, page=ROWS_MAX), start=1):
        MOVING.delete(tx.documents, key.scope, key.name)
        mapping = MAPPINGS.get(tx.documents, key.scope, key.name)
        if mapping is not None:
            _end_move(tx, key.scope, mapping)
        if count == ROWS_MAX:
            return ctx.now_ms
    return None


def _end_move(tx: Tx, scope: Scope, mapping: EventSourceMapping) -> None:
    if mapping.state == State.DELETING:
        forget_mapping(tx, scope, mapping)
        return
    step = Step.STARTED if mapping.is_enabled else Step.STOPPED
    store_mapping(tx, scope, msgspec.structs.replace(mapping, state=moved(mapping, step)))


LOOP = Loop("lambda.event-sources", tick=end_moves, signals=frozenset((MOVING_SIGNAL,)))
