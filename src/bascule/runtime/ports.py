"""The ports of the runtime: what it needs from the rest of Bascule, and what a kind of execution environment must offer.

``PythonFactory`` implements ``EnvironmentFactory`` with forks of a zygote. A runtime that speaks the Runtime API over HTTP,
or a container sandbox, is another factory; nothing else changes.
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import msgspec

from bascule.kernel.invocation import FunctionVersion, RoleCredentials
from bascule.kernel.scope import Scope
from bascule.runtime.response_stream import ResponseStream

#: Why an environment is initialised: an invocation waits for it, or it is made ahead. ``AWS_LAMBDA_INITIALIZATION_TYPE``.
ON_DEMAND = "on-demand"
PROVISIONED = "provisioned-concurrency"


class CodeSource(Protocol):
    """Where packages come from; the store's blobs are one."""

    def package_path(self, digest: str) -> Path | None:
        """A file that holds the zip archive, or None when it does not exist."""


class LogSink(Protocol):
    """Where log events go."""

    def write(self, scope: Scope, group: str, stream: str, events: list[tuple[int, str]]) -> None:
        """Take (at_ms, message) events of one stream, in order. Never blocks; bounded by the implementer."""


class OutcomeKind(enum.Enum):
    """How a phase (init or invocation) of a process ended."""

    READY = "ready"
    RESULT = "result"
    #: The runtime inside reported an error; ``body`` is AWS's error object.
    FAILED = "failed"
    OVERSIZE = "oversize"
    EXITED = "exited"
    TIMED_OUT = "timed out"
    OUT_OF_MEMORY = "out of memory"


class Outcome(msgspec.Struct, frozen=True):
    """The end of a phase. ``exit_status`` is negative for a signal.

    ``error_type`` is what the platform calls the failure when the kind does not say it; ``reason`` words an EXITED that has
    no status.
    """

    kind: OutcomeKind
    body: bytes = b""
    exit_status: int = 0
    error_type: str = ""
    reason: str = ""


class Request(msgspec.Struct, frozen=True):
    """What a process is told about an invocation, besides the event."""

    request_id: str
    invoked_arn: str
    remaining_ms: int
    trace: str
    client_context: str | None = None


class Plan(msgspec.Struct, frozen=True):
    """Everything a process of an environment is started from."""

    function: FunctionVersion
    code_root: Path
    layer_root: Path | None
    tmp_dir: Path
    log_stream: str
    #: Receives what the process prints, as whole events; ends in a bounded log.
    printed: Callable[[list[str]], bool]
    credentials: RoleCredentials
    initialization: str = ON_DEMAND


class ExtensionNote(msgspec.Struct, frozen=True):
    """What the log says of an extension when an initialisation is over."""

    name: str
    state: str
    events: list[str]


class Worker(Protocol):
    """A live process (and its descendants) that initialises once and then runs one invocation at a time."""

    #: Largest memory used so far, descendants included. megabytes
    memory_used_mb: int

    @property
    def is_alive(self) -> bool:
        """False from the moment it ended or was told to."""

    def extensions(self) -> list[ExtensionNote]:
        """Its extensions, as they are now."""

    def initialise(self, wait_s: float) -> asyncio.Future[Outcome]:
        """Wait for the init phase: READY, or how it failed. After TIMED_OUT the process is dead."""

    def invoke(
        self, request: Request, payload: bytes, wait_s: float, stream: ResponseStream | None = None
    ) -> asyncio.Future[Outcome]:
        """Run one event. After TIMED_OUT, EXITED and OUT_OF_MEMORY the process is dead.

        A runtime that answers piece by piece writes to ``stream``, if there is one; the RESULT then has no body.
        """

    def look(self, is_census: bool) -> None:
        """Compare what the process uses with what it may use; kills it beyond. Called often while it is busy."""

    def family(self) -> list[int]:
        """Ids of all its processes, as this machine knows them. Blocking; from any thread."""

    def freeze(self) -> None:
        """Stop the process and its group between invocations."""

    def thaw(self) -> None:
        """Let them go on."""

    def kill(self) -> None:
        """End the process and all its descendants now. Twice is fine."""


class EnvironmentFactory(Protocol):
    """Starts processes for the runtimes it knows."""

    def runs(self, runtime: str) -> bool:
        """Whether it is the one for this runtime identifier."""

    def runtime_version(self, runtime: str) -> str:
        """What INIT_START says about the runtime."""

    def prepare(self, runtime: str) -> None:
        """Make the next start fast; returns at once."""

    async def start(self, plan: Plan) -> Worker:
        """Start a process. Raises RuntimeUnavailable."""

    async def stop(self) -> None:
        """Kill everything it started and wait until it is gone."""
