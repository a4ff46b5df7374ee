"""The server of the demo: a child process that is killed and started again, and never left behind."""

from __future__ import annotations

import re
import select
import subprocess
import sys
import time
from pathlib import Path

START_S_MAX = 15.0


class DemoServer:
    """``bascule serve`` with a data directory of its own."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._process: subprocess.Popen[str] | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> float:
        """Start it and wait for its ready line; gives the seconds that took."""
        began = time.monotonic()
        command = [sys.executable, "-m", "bascule", "serve", "--port", str(self.port), "--async-retry-base", "1"]
        with (self._directory / "server.log").open("a") as log:
            self._process = subprocess.Popen(
                [*command, "--data", str(self._directory / "data")], stdout=subprocess.PIPE, stderr=log, text=True
            )
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], START_S_MAX)
        line = self._process.stdout.readline() if ready else ""
        found = re.search(r"http://[0-9.]+:(\d+)", line)
        if found is None:
            self.kill()
            raise RuntimeError(f"the server did not start; see {self._directory / 'server.log'}")
        self.port = int(found[1])
        return time.monotonic() - began

    def kill(self) -> None:
        """SIGKILL: no goodbye, no flush."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """End it politely."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
