"""``python -m bench.reload``: from saving a handler's file to the first answer of the new code, while other clients invoke it.

The figure is what a person waits for: the save is over when the file is closed, and the answer is there when boto3 gives it.
Every invocation of the load must succeed; one that fails ends the run with exit code 1.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

from bench.measures import median, percentile
from bench.platforms import Platform

NAME = "reloaded"
#: The load's invocations of each client follow each other after this pause. seconds
PAUSE_S = 0.005
ANSWER_S_MAX = 20.0


class Reloads(NamedTuple):
    """What a run found."""

    took_ms: list[float]
    invocations: int
    failures: list[str]


def _write(place: Path, answer: str) -> None:
    (place / "app.py").write_text(f"def handler(event, context):\n    return {answer!r}\n")


def _invoke(functions: Any) -> str:
    answer = functions.invoke(FunctionName=NAME)
    text = answer["Payload"].read().decode()
    return f"failed: {text}" if answer.get("FunctionError") else str(json.loads(text))


def reloads(platform: Platform, *, rounds: int, clients: int) -> Reloads:
    """Save a handler ``rounds`` times under load."""
    found = Reloads([], 0, [])
    count = [0] * clients
    stop = threading.Event()

    def load(number: int) -> None:
        functions = platform.client("lambda")
        while not stop.is_set():
            answer = _invoke(functions)
            count[number] += 1
            if not answer.startswith("v"):
                found.failures.append(answer)
            stop.wait(PAUSE_S)

    with tempfile.TemporaryDirectory(prefix="bascule-reload-") as root:
        place = Path(root)
        _write(place, "v0")
        command = [sys.executable, "-m", "bascule", "dev", root, "--name", NAME, "--url", platform.url]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as developer:
            assert developer.stdout is not None
            while "watching" not in developer.stdout.readline():
                assert developer.poll() is None, "bascule dev ended"
            # What it prints is read, or it would stop when the pipe is full.
            threading.Thread(target=developer.stdout.read, daemon=True).start()
            threads = [threading.Thread(target=load, args=(number,)) for number in range(clients)]
            for thread in threads:
                thread.start()
            functions = platform.client("lambda")
            for number in range(1, rounds + 1):
                time.sleep(0.2)
                _write(place, f"v{number}")
                saved_s = time.perf_counter()
                while _invoke(functions) != f"v{number}":
                    if time.perf_counter() - saved_s > ANSWER_S_MAX:
                        raise RuntimeError("the new code never answered")
                found.took_ms.append((time.perf_counter() - saved_s) * 1000)
            stop.set()
            for thread in threads:
                thread.join()
            developer.terminate()
    return found._replace(invocations=sum(count))


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=50)
    arguments.add_argument("--clients", type=int, default=3)
    given = arguments.parse_args()
    with Platform("Bascule") as platform:
        found = reloads(platform, rounds=given.rounds, clients=given.clients)
    took = found.took_ms
    print(f"{given.rounds} saves while {given.clients} clients invoked {found.invocations} times")
    print(f"save to behaviour: p50 {median(took):.0f} ms, p90 {percentile(took, 0.9):.0f} ms, max {max(took):.0f} ms")
    print(f"failed invocations: {len(found.failures)}")
    for failure in found.failures[:5]:
        print(f"  {failure}")
    return 1 if found.failures else 0


if __name__ == "__main__":
    sys.exit(main())
