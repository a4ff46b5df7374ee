"""Starting and stopping: one clear sentence and a non-zero exit for every way it can go wrong; no orphans, no loss."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path

from bascule.runtime import usage
from tests.functions import create_function
from tests.server import Server
from tests.waiting import eventually


def _serve(*flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bascule", "serve", *flags], capture_output=True, text=True, timeout=30, check=False
    )


def _one_sentence(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode != 0
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("bascule: ")
    assert lines[0].endswith(".")
    return lines[0]


def test_occupied_port_is_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"port {port}" in _one_sentence(_serve("--port", str(port), "--data", str(tmp_path / "d")))


def test_second_server_on_the_same_data_is_one_sentence(fresh_server: Server) -> None:
    assert fresh_server.process is not None
    sentence = _one_sentence(_serve("--port", "0", "--data", str(fresh_server.data)))
    assert str(fresh_server.process.pid) in sentence


def test_public_address_without_authentication_is_refused(tmp_path: Path) -> None:
    assert "authentication" in _one_sentence(_serve("--host", "0.0.0.0", "--port", "0", "--data", str(tmp_path / "d")))


def test_unwritable_directory_is_one_sentence(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a directory")
    assert str(blocked) in _one_sentence(_serve("--port", "0", "--data", str(blocked / "data")))


def test_directory_that_nobody_may_write_is_one_sentence() -> None:
    assert "/sys/bascule" in _one_sentence(_serve("--port", "0", "--data", "/sys/bascule"))


def test_stopping_is_clean_and_starting_again_finds_everything(fresh_server: Server) -> None:
    fresh_server.client("sqs").create_queue(QueueName="kept")
    assert fresh_server.stop() == 0
    fresh_server.start()
    assert fresh_server.client("sqs").list_queues()["QueueUrls"][0].endswith("/kept")


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_killing_the_server_leaves_no_function_process(fresh_server: Server) -> None:
    functions = fresh_server.client("lambda")
    create_function(functions, "any", "def handler(event, context): return 1\n")
    assert functions.invoke(FunctionName="any")["Payload"].read() == b"1"
    assert fresh_server.process is not None
    # Not what the function knows as its id: in a sandbox that is another number.
    pids = usage.descendants(fresh_server.process.pid, 100)
    assert len(pids) >= 2
    fresh_server.kill()
    eventually(lambda: not any(_alive(pid) for pid in pids), what="the end of the function's processes")


def test_restart_after_a_kill_is_quick(fresh_server: Server) -> None:
    fresh_server.kill()
    began = time.monotonic()
    fresh_server.start()
    assert time.monotonic() - began < 10
