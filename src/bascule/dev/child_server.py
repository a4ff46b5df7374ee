"""A server for the time of one ``bascule dev``: a child process that ends with it, whatever way it ends."""

from __future__ import annotations

import ctypes
import re
import select
import signal
import subprocess
import sys
from pathlib import Path

from bascule.dev.functions import CannotDevelop

START_S_MAX = 20.0
STOP_S_MAX = 15.0
_PR_SET_PDEATHSIG = 1
_READY = re.compile(r"ready at (http://\S+?),")


class ChildServer:
    """``bascule serve`` as a child."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.url = url
        self._process = process

    @classmethod
    def start(cls, port: int, data: Path) -> ChildServer:
        """Start one and wait until it is ready. Raises CannotDevelop with what it said."""
        log = data / "dev-server.log"
        try:
            data.mkdir(parents=True, exist_ok=True)
            log.touch()
        except OSError as error:
            raise CannotDevelop(
                f"{data} cannot be used as a data directory: {error.strerror}; choose another with --data."
            ) from None
        command = [sys.executable, "-m", "bascule", "serve", "--port", str(port), "--data", str(data)]
        libc = ctypes.CDLL(None)

        def end_with_parent() -> None:
            libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)

        with log.open("w") as errors:
            # A session of its own: Ctrl-C is for bascule dev, which has something to tell the server before it ends.
            process = subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,
                preexec_fn=end_with_parent if sys.platform == "linux" else None,
            )
        assert process.stdout is not None
        is_readable, _, _ = select.select([process.stdout], [], [], START_S_MAX)
        found = _READY.search(process.stdout.readline() if is_readable else "")
        if found is None:
            process.kill()
            process.wait()
            process.stdout.close()
            said = log.read_text().strip().removeprefix("bascule: ") or f"it was not ready in {START_S_MAX:.0f} s."
            raise CannotDevelop(f"a server could not be started: {said}")
        return cls(process, found[1])

    def stop(self) -> None:
        """End it politely, and wait."""
        self._process.terminate()
        try:
            self._process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
