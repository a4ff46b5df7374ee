"""What it takes to run a function once: the contract between the Lambda service and whatever executes functions.

The service resolves a name to a ``FunctionVersion`` and hands over an ``Invocation``; a runtime runs it in an execution
environment and gives an ``InvocationResult``. A function that fails is a result, not an exception.
"""

from __future__ import annotations

import msgspec

from bascule.kernel.scope import Scope


class Debug(msgspec.Struct, frozen=True):
    """How a debugger reaches the process of a function: a port of 127.0.0.1."""

    port: int
    #: Whether the process waits for a debugger before it imports the function.
    is_awaited: bool
    #: Where the person has the function's code; a debugger is told these paths instead of those in the process.
    source: str


class FunctionVersion(msgspec.Struct, frozen=True, kw_only=True):
    """Everything an execution environment is made from. Equal values may share environments; different ones never do."""

    scope: Scope
    name: str
    #: ``$LATEST`` or a number.
    version: str
    #: Changes with every update of code or configuration; part of the environment's identity.
    revision_id: str
    runtime: str
    handler: str
    #: Digest of the package in the blob store, and of each layer in mount order.
    code_digest: str
    layer_digests: tuple[str, ...] = ()
    #: The customer's variables only; the runtime adds AWS's.
    environment: dict[str, str] = {}
    timeout_s: int = 3
    memory_mb: int = 128
    tmp_mb: int = 512
    role_arn: str = ""
    log_group: str = ""
    log_format: str = "Text"
    application_log_level: str | None = None
    system_log_level: str | None = None
    #: None: shares the account's concurrency.
    reserved_concurrency: int | None = None
    #: Set while somebody debugs it (``bascule dev --debug``).
    debug: Debug | None = None

    @property
    def arn(self) -> str:
        """The unqualified ARN of the function."""
        return self.scope.arn("lambda", f"function:{self.name}")


class Invocation(msgspec.Struct, frozen=True, kw_only=True):
    """One execution of a function version."""

    function: FunctionVersion
    request_id: str
    payload: bytes
    #: As the caller named it; ends up in ``context.invoked_function_arn``.
    invoked_arn: str
    client_context: str | None = None
    trace_header: str | None = None
    #: ``Tail``: the last 4 KB of the log come back with the result.
    wants_log_tail: bool = False
    #: The event of the journal that this serves, if any.
    event_id: str = ""
    attempt: int = 1
    is_async: bool = False


class InvocationResult(msgspec.Struct, frozen=True, kw_only=True):
    """How an execution ended."""

    payload: bytes
    #: None on success; ``Unhandled`` when the function failed in any way.
    function_error: str | None = None
    executed_version: str = "$LATEST"
    log_tail: bytes = b""
    duration_ms: float = 0.0
    init_ms: float | None = None
    memory_used_mb: int = 0
    log_stream: str = ""
    #: ``errorType`` and ``errorMessage`` of a failure, for journal and dead letters.
    error_type: str = ""
    error_message: str = ""


class Provision(msgspec.Struct, frozen=True, kw_only=True):
    """A wish that environments of a version are initialised ahead and stay so.

    ``owner`` is the qualified ARN that asked: of the version, or of an alias, which has one wish for each of its versions.
    """

    owner: str
    function: FunctionVersion
    count: int
    #: When it was asked for; a later moment tries again what has failed.
    asked_ms: int = 0


class Provisioned(msgspec.Struct, frozen=True, kw_only=True):
    """What there is of an owner's wishes: initialised environments, and why there are not more; empty: they are under way."""

    ready: int = 0
    failure: str = ""


class RoleCredentials(msgspec.Struct, frozen=True, kw_only=True):
    """What a function signs its calls with. Its text has no secret in it."""

    access_key: str
    secret: str
    session_token: str
    #: None: never.
    expires_ms: int | None = None

    def __repr__(self) -> str:
        return f"RoleCredentials(access_key={self.access_key!r})"


class InvocationThrottled(Exception):
    """No execution environment may be used now. ``reason`` is Lambda's ``Reason`` of TooManyRequestsException."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class RuntimeUnavailable(Exception):
    """The function cannot be run on this machine: its runtime is missing or an environment could not be started."""
