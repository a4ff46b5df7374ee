"""A function runtime with real processes, driven from tests that are plain functions.

``machine`` is shared by a module (its zygote starts once); each test deploys functions of its own. ``fresh_machine`` makes one
with other settings, for tests about limits, or that break things. Functions are isolated when this machine can, but in modules
that look at their processes from outside: those set ``ISOLATION = "off"``.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import os
import sys
import textwrap
import time
import zipfile
from collections.abc import Awaitable, Callable, Collection, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
import uvloop

from bascule.kernel.clock import RealClock
from bascule.kernel.ids import SeededIds
from bascule.kernel.invocation import FunctionVersion, Invocation, InvocationResult
from bascule.kernel.metrics import Metrics
from bascule.kernel.scope import Scope
from bascule.kernel.settings import Settings
from bascule.runtime import FunctionRuntime

T = TypeVar("T")

#: The runtime of the interpreter that runs the tests.
RUNTIME = f"python3.{sys.version_info.minor}"
#: Long enough for a machine that is busy with everything else.
PATIENCE_S = 30.0


class Machine:
    """A runtime, its packages and its logs, on an event loop that runs while a test waits for something."""

    def __init__(self, root: Path, settings: Settings) -> None:
        self.root = root
        self.logs: list[str] = []
        self.streams: dict[str, list[str]] = {}
        self.ids = SeededIds(7)
        #: Where functions find Bascule.
        self.base_url = "http://127.0.0.1:4566"
        self._packages = root / "packages"
        self._packages.mkdir(parents=True)
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self.metrics = Metrics()
        self.runtime = FunctionRuntime(
            settings, RealClock(), self.ids, self, self, lambda: self.base_url, root / "work", metrics=self.metrics
        )
        self.wait(self.runtime.start())

    def package_path(self, digest: str) -> Path | None:
        path = self._packages / digest
        return path if path.exists() else None

    def write(self, scope: Scope, group: str, stream: str, events: list[tuple[int, str]]) -> None:
        messages = [message for _, message in events]
        self.logs += messages
        self.streams.setdefault(f"{group} {stream}", []).extend(messages)

    def wait(self, work: Awaitable[T]) -> T:
        async def waiting() -> T:
            return await work

        return self._runner.run(waiting())

    def on_loop(self, call: Callable[..., None], *arguments: object) -> None:
        """Call something that must be called from the event loop."""

        async def calling() -> None:
            call(*arguments)

        self._runner.run(calling())

    def store(self, files: dict[str, str | bytes], programs: Collection[str] = ()) -> str:
        """The digest of a package of these files; those in ``programs`` may be executed."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as package:
            for name, text in files.items():
                entry = zipfile.ZipInfo(name)
                entry.external_attr = (0o755 if name in programs else 0o644) << 16
                package.writestr(entry, textwrap.dedent(text) if isinstance(text, str) else text)
        digest = hashlib.sha256(packed.getvalue()).hexdigest()
        (self._packages / digest).write_bytes(packed.getvalue())
        return digest

    def deploy(
        self, source: str | dict[str, str | bytes], programs: Collection[str] = (), **fields: Any
    ) -> FunctionVersion:
        """A function whose module ``app`` is ``source``; a dict gives several files."""
        digest = self.store({"app.py": source} if isinstance(source, str) else source, programs)
        values: dict[str, Any] = {
            "scope": Scope(),
            "name": f"function-{self.ids.token(4)}",
            "version": "$LATEST",
            "revision_id": self.ids.uuid(),
            "runtime": RUNTIME,
            "handler": "app.handler",
            "code_digest": digest,
            "timeout_s": 60,
        }
        return FunctionVersion(**(values | fields))

    def invocation(self, function: FunctionVersion, event: object = None, **fields: Any) -> Invocation:
        values: dict[str, Any] = {
            "request_id": self.ids.uuid(),
            "payload": json.dumps(event or {}).encode(),
            "invoked_arn": function.arn,
        }
        return Invocation(function=function, **(values | fields))

    def invoke(self, function: FunctionVersion, event: object = None, **fields: Any) -> InvocationResult:
        return self.wait(self.runtime.invoke(self.invocation(function, event, **fields)))

    def invoke_all(self, *invocations: Invocation) -> list[Any]:
        async def all_of_them() -> list[Any]:
            running = (self.runtime.invoke(invocation) for invocation in invocations)
            return await asyncio.gather(*running, return_exceptions=True)

        return self.wait(all_of_them())

    def run(self, source: str | dict[str, str | bytes], event: object = None, **fields: Any) -> Any:
        """Deploy, invoke once, and give the decoded result of a success."""
        result = self.invoke(self.deploy(source, **fields), event)
        assert result.function_error is None, result.payload
        return json.loads(result.payload)

    def fail(self, source: str | dict[str, str | bytes], event: object = None, **fields: Any) -> dict[str, Any]:
        """Deploy, invoke once, and give the decoded error object of a failure."""
        result = self.invoke(self.deploy(source, **fields), event)
        assert result.function_error == "Unhandled", result.payload
        error: dict[str, Any] = json.loads(result.payload)
        assert (result.error_type, result.error_message) == (error["errorType"], error["errorMessage"])
        return error

    def until(self, is_true: Callable[[], bool]) -> None:
        """Let the runtime work until something is true."""

        async def polling() -> None:
            deadline = time.monotonic() + PATIENCE_S
            while not is_true():
                assert time.monotonic() < deadline, "it never became true"
                await asyncio.sleep(0.01)

        self.wait(polling())

    def stop(self) -> None:
        self.wait(self.runtime.stop())
        self._runner.close()


def is_running(pid: int) -> bool:
    """Whether a process exists and is not merely a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _isolation(request: pytest.FixtureRequest) -> str:
    return str(getattr(request.module, "ISOLATION", "auto"))


@pytest.fixture(scope="module")
def machine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    shared = Machine(tmp_path_factory.mktemp("machine"), Settings(isolation=_isolation(request)))
    yield shared
    shared.stop()


@pytest.fixture
def fresh_machine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., Machine]]:
    made: list[Machine] = []

    def make(**settings: Any) -> Machine:
        machine = Machine(
            tmp_path / f"machine-{len(made)}", Settings(**({"isolation": _isolation(request)} | settings))
        )
        made.append(machine)
        return machine

    yield make
    for machine in made:
        machine.stop()


@pytest.fixture
def server_secret() -> Iterator[str]:
    """A variable in the environment of this process, which plays the server."""
    os.environ["BASCULE_TEST_SECRET"] = "must-not-leak"
    yield "BASCULE_TEST_SECRET"
    del os.environ["BASCULE_TEST_SECRET"]
