"""What the events service keeps: buses, rules with their targets, and the firing of a schedule. Frozen, no wire names.

Targets live inside their rule, because they are few, are always read with it, and change what the rule does. Members that
the caller left out are None, so that a description echoes exactly what was given.
"""

from __future__ import annotations

import msgspec


class EventBus(msgspec.Struct, frozen=True, omit_defaults=True):
    """A bus as stored. The default bus is stored only once something about it has changed; it exists since 1970."""

    name: str
    created_ms: int
    updated_ms: int
    description: str | None = None
    #: The resource policy as JSON text; None when there is none.
    policy: str | None = None
    dead_letter_arn: str | None = None
    tags: dict[str, str] = {}
    #: Names the state of all rules of the bus: see ``state.put_rule``.
    revision: str = ""


class InputTemplate(msgspec.Struct, frozen=True, omit_defaults=True):
    """An InputTransformer as given."""

    template: str
    paths: dict[str, str] | None = None


class Target(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a rule sends what matched."""

    target_id: str
    arn: str
    role_arn: str | None = None
    input: str | None = None
    input_path: str | None = None
    input_template: InputTemplate | None = None
    has_sqs_parameters: bool = False
    message_group_id: str | None = None
    has_dead_letter_config: bool = False
    dead_letter_arn: str | None = None
    has_retry_policy: bool = False
    retries_max: int | None = None
    age_max_s: int | None = None


class Rule(msgspec.Struct, frozen=True, omit_defaults=True):
    """A rule of a bus."""

    name: str
    state: str
    created_ms: int
    updated_ms: int
    created_by: str
    pattern: str | None = None
    schedule: str | None = None
    description: str | None = None
    role_arn: str | None = None
    tags: dict[str, str] = {}
    #: By id.
    targets: tuple[Target, ...] = ()

    @property
    def is_enabled(self) -> bool:
        """Whether it matches and fires."""
        return self.state != "DISABLED"


class Firing(msgspec.Struct, frozen=True):
    """The timer of a rule with a schedule: which message of the timer queue is its own, and where its rate counts from."""

    sequence: int
    anchor_ms: int
