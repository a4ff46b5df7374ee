"""What the Lambda service keeps: frozen values, stored whole, replaced whole.

``Configuration`` is what a version freezes. ``environment_id`` names the execution environments made from it: it changes with
code and configuration only, while ``revision_id`` changes also with policies, aliases and state, as AWS's does.
"""

from __future__ import annotations

import msgspec

LATEST = "$LATEST"


class MountedLayer(msgspec.Struct, frozen=True, kw_only=True):
    """A layer version as a function holds it: its package stays after the version is deleted."""

    arn: str
    code_digest: str
    code_bytes: int
    unpacked_bytes: int


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    """Code and settings of ``$LATEST`` or of a published version."""

    environment_id: str
    revision_id: str
    modified_ms: int
    runtime: str
    handler: str
    role: str
    code_digest: str
    code_bytes: int
    description: str = ""
    timeout_s: int = 3
    memory_mb: int = 128
    tmp_mb: int = 512
    architecture: str = "x86_64"
    #: None: never sent, which answers differently from an empty map.
    environment: dict[str, str] | None = None
    tracing_mode: str = "PassThrough"
    dead_letter_arn: str = ""
    log_group: str = ""
    log_format: str = "Text"
    application_log_level: str | None = None
    system_log_level: str | None = None
    #: In mount order: later ones are unpacked over earlier ones.
    layers: tuple[MountedLayer, ...] = ()
    #: What the package unpacks to; with the layers' it has a limit. 0: created before this was kept.
    unpacked_bytes: int = 0


class Function(msgspec.Struct, frozen=True, kw_only=True):
    """A function. ``uuid`` is new with every creation, so a recreated name never sees its predecessor's queue."""

    uuid: str
    name: str
    latest: Configuration
    tags: dict[str, str] = {}
    #: None: shares the account's concurrency.
    reserved_concurrency: int | None = None
    #: The newest number ever published; numbers are never reused.
    version_newest: int = 0
    #: ``Terminate`` or ``Allow``: what happens to a chain of invocations that comes back too often.
    recursive_loop: str = "Terminate"


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """A published version."""

    number: int
    configuration: Configuration
    #: What it was made from; publishing again without a change gives this version.
    published_from: str


class Alias(msgspec.Struct, frozen=True, kw_only=True):
    """A name for a version, optionally sharing its calls with one other version."""

    name: str
    version: str
    revision_id: str
    description: str = ""
    #: Version number -> share of the calls, 0.0..1.0; at most one.
    weights: dict[str, float] = {}


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """The resource policy of a function, version or alias: statements as JSON, in the order added."""

    revision_id: str
    #: Statement id -> statement, JSON text.
    statements: dict[str, str] = {}


class EventInvokeConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How asynchronous invocations of one qualifier are retried and where their records go."""

    modified_ms: int
    retries_max: int | None = None
    age_max_s: int | None = None
    success_arn: str | None = None
    failure_arn: str | None = None


class DeletedQueue(msgspec.Struct, frozen=True, kw_only=True):
    """The asynchronous queue of a deleted function that still has messages to remove."""

    uuid: str
