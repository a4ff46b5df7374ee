"""A real Bascule process for tests: started on a free port, killed and restarted at will, never left behind."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import boto3
from botocore.config import Config

READY = re.compile(r"ready .*?(http://[0-9.]+:(\d+))")
START_S_MAX = 20.0


class Server:
    """``with Server(dir) as server`` runs ``bascule serve``; ``server.client("sqs")`` is plain boto3."""

    def __init__(self, directory: Path, *flags: str) -> None:
        self.data = directory / "data"
        self.log = directory / "server.log"
        self.flags = flags
        self.port = 0
        self.process: subprocess.Popen[str] | None = None
        self._clients: list[Any] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "BASCULE_URL": self.url,
        }

    def start(self) -> float:
        """Start the process and wait for its ready line; gives the seconds it took."""
        assert self.process is None
        began = time.monotonic()
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "bascule",
                    "serve",
                    "--port",
                    str(self.port),
                    "--data",
                    str(self.data),
                    *self.flags,
                ],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], START_S_MAX)
        line = self.process.stdout.readline() if ready else ""
        found = READY.search(line)
        if found is None:
            self.kill()
            raise AssertionError(f"the server did not become ready: {line!r}\n{self.log.read_text()}")
        self.port = int(found[2])
        return time.monotonic() - began

    def kill(self) -> None:
        """SIGKILL, as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM; gives the exit code."""
        return self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> int:
        if self.process is None:
            return 0
        process, self.process = self.process, None
        process.send_signal(number)
        try:
            code = process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        if process.stdout is not None:
            process.stdout.close()
        return code

    def client(self, service: str, *, region: str = "us-east-1", account: str = "test", **config: Any) -> Any:
        """A plain boto3 client for this server, without retries so that every error is seen."""
        client = boto3.client(
            service,
            endpoint_url=self.url,
            region_name=region,
            aws_access_key_id=account,
            aws_secret_access_key="test",
            config=Config(retries={"max_attempts": 0}, **config),
        )
        self._clients.append(client)
        return client

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for client in self._clients:
            client.close()
        self.stop()
