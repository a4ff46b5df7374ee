"""The platforms under measurement: Bascule from this checkout, and MiniStack from the package index in its own environment.

Each is a child process on a free loopback port that is stopped by the pid we started.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any

import boto3
from botocore.config import Config

REPOSITORY = Path(__file__).parents[1]
PEER_ENVIRONMENT = REPOSITORY / ".bench" / "ministack"
PEER_REQUIREMENT = "ministack~=1.5.0"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def install_peer() -> Path:
    """The MiniStack command, installed on first use."""
    command = PEER_ENVIRONMENT / "bin" / "ministack"
    if not command.exists():
        print("installing MiniStack into .bench/ministack ...", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(PEER_ENVIRONMENT)], check=True)
        pip = [
            str(PEER_ENVIRONMENT / "bin" / "python"),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ]
        subprocess.run([*pip, PEER_REQUIREMENT, "boto3"], check=True)
    return command


class Platform:
    """A running platform: ``with Platform("Bascule") as platform``.

    Takes    options: of ``bascule serve``; a peer has none of them and ignores them.
    """

    def __init__(self, name: str, *options: str) -> None:
        self.name = name
        self._options = options
        self.port = free_port()
        self._directory = tempfile.TemporaryDirectory(prefix="bascule-bench-")
        self._process: subprocess.Popen[bytes] | None = None
        self.start_s = 0.0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _command(self) -> tuple[list[str], dict[str, str]]:
        if self.name == "Bascule":
            data = str(Path(self._directory.name) / "data")
            serve = [sys.executable, "-m", "bascule", "serve", "--port", str(self.port), "--data", data]
            return [*serve, *self._options], dict(os.environ)
        environment = {**os.environ, "GATEWAY_PORT": str(self.port), "EDGE_PORT": str(self.port)}
        environment["PATH"] = f"{PEER_ENVIRONMENT / 'bin'}:{environment['PATH']}"
        return [str(install_peer())], environment

    def start(self) -> float:
        """Start and wait until it answers HTTP; gives the seconds it took."""
        command, environment = self._command()
        began = time.perf_counter()
        with (Path(self._directory.name) / "log").open("wb") as log:
            self._process = subprocess.Popen(command, env=environment, cwd=self._directory.name, stdout=log, stderr=log)
        health = f"{self.url}/_localstack/health"
        while time.perf_counter() - began < 60:
            try:
                with urllib.request.urlopen(health, timeout=1) as answer:
                    if answer.status == 200:
                        break
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.005)
        else:
            raise SystemExit(f"{self.name} did not start; its log: {self._directory.name}/log")
        self.start_s = time.perf_counter() - began
        return self.start_s

    def kill(self) -> None:
        """SIGKILL, as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def close(self) -> None:
        """Stop it and remove its data."""
        self.stop()
        self._directory.cleanup()

    def memory_mb(self) -> float:
        """Resident memory of the process and its descendants, shared pages counted once by proportion. megabytes"""
        assert self._process is not None
        kib = 0
        for pid in _family(self._process.pid):
            try:
                rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            except OSError:
                continue
            kib += next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
        return kib / 1024

    def client(self, service: str) -> Any:
        config = Config(retries={"max_attempts": 0}, read_timeout=60, max_pool_connections=32)
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=config,
        )

    def __enter__(self) -> Platform:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _family(pid: int) -> list[int]:
    found = [pid]
    for parent in found:
        tasks = Path(f"/proc/{parent}/task")
        for children in tasks.glob("*/children") if tasks.exists() else ():
            try:
                found.extend(int(child) for child in children.read_text().split())
            except OSError:
                continue
    return found
