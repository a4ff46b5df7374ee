"""``bascule dev`` as a person runs it: a process, its output line by line, Ctrl-C at the end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType


class Developer:
    """``with Developer(folder, "--url", server.url) as dev`` runs ``bascule dev`` until the block ends."""

    def __init__(self, place: Path, *flags: str, variables: Mapping[str, str] | None = None) -> None:
        self._variables = variables or {}
        self._command = [sys.executable, "-m", "bascule", "dev", str(place), *flags]
        self._lines: list[str] = []
        self._more = threading.Condition()
        self.process: subprocess.Popen[str]

    def __enter__(self) -> Developer:
        self.start()
        self.saw("watching;")
        return self

    def start(self) -> None:
        """Start it without waiting."""
        environment = {**os.environ, "NO_COLOR": "1", "TERM": "dumb", **self._variables}
        self.process = subprocess.Popen(
            self._command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout:
            for line in self.process.stdout:
                with self._more:
                    self._lines.append(line.rstrip("\n"))
                    self._more.notify_all()

    @property
    def output(self) -> str:
        """All that it printed."""
        return "\n".join(self._lines)

    def saw(self, text: str, *, within_s: float = 30.0, count: int = 1) -> str:
        """Wait for the nth line that holds a text; gives it."""
        deadline = time.monotonic() + within_s
        with self._more:
            while True:
                found = [line for line in self._lines if text in line]
                if len(found) >= count:
                    return found[count - 1]
                left = deadline - time.monotonic()
                assert left > 0, f"no line with {text!r} in:\n{self.output}"
                self._more.wait(min(left, 0.2))

    def stop(self) -> int:
        """Ctrl-C; gives the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.wait()

    def wait(self) -> int:
        """Wait for its end; gives the exit code."""
        try:
            code = self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        self._reader.join(10)
        return code

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
