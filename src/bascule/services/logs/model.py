"""What the Logs service keeps: groups and streams; the events of a stream are a kernel log."""

from __future__ import annotations

import msgspec


class LogGroup(msgspec.Struct, frozen=True, kw_only=True):
    """A log group."""

    name: str
    created_ms: int
    #: None: kept for ever.
    retention_days: int | None = None
    tags: dict[str, str] = {}
    group_class: str = "STANDARD"
    is_protected: bool = False


class LogStream(msgspec.Struct, frozen=True, kw_only=True):
    """A log stream. ``uuid`` is new with every creation, so a recreated name does not show its predecessor's events."""

    uuid: str
    name: str
    created_ms: int
    first_event_ms: int | None = None
    last_event_ms: int | None = None
    last_ingested_ms: int | None = None


class ResourcePolicy(msgspec.Struct, frozen=True, kw_only=True):
    """Which services may write: to any group of the account, or to the one of ``resource_arn``."""

    name: str
    document: str
    updated_ms: int
    #: Empty for a policy of the account; so is the revision.
    resource_arn: str = ""
    revision_id: str = ""


class ResourcePolicies(msgspec.Struct, frozen=True):
    """The policies of the account by name, or the one of a group."""

    policies: tuple[ResourcePolicy, ...] = ()


class LogEvent(msgspec.Struct, frozen=True):
    """One event as it is read back."""

    sequence: int
    at_ms: int
    ingested_ms: int
    message: str
