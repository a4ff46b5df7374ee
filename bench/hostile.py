"""``python -m bench.hostile``: how much worse a function's warm Invoke becomes beside another that misbehaves.

Alone and beside each hostile function by turns, in rounds, so that a change of the machine's speed hits all; p50 and p99 of a
round are taken over a single keep-alive connection that asks again as soon as it is answered, and the medians of the rounds
are printed with their ratio to "alone". Load generator, server and functions share the cores.
"""

from __future__ import annotations

import argparse
import os
import socket
import threading
import time
from statistics import median

from bench.http_load import authorization, raw_request
from bench.measures import Stage, percentile
from bench.platforms import Platform

_NEIGHBOUR = "def handler(event, context): return 1\n"
_HEAD = "import mmap, os, signal, threading, time\ndef handler(event, context):\n"
#: What hostile functions do until their timeout.
HOSTILE = {
    "41 processes spin": """
    for _ in range(40):
        if os.fork() == 0: break
    while True: pass
""",
    "41 processes spin, each in a session": """
    for _ in range(40):
        if os.fork() == 0:
            os.setsid()
            break
    while True: pass
""",
    "40 threads spin": """
    for _ in range(40):
        threading.Thread(target=lambda: [None for _ in iter(int, 1)], daemon=True).start()
    while True: pass
""",
    "forks in a loop": """
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        try:
            if os.fork() == 0: os._exit(0)
        except OSError: pass
""",
    "starts sessions in a loop": """
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        try:
            if os.fork() == 0:
                os.setsid()
                for _ in range(100_000): pass
                os._exit(0)
        except OSError: pass
""",
    "writes /tmp in a loop": """
    block = bytes(2 ** 20)
    while True:
        with open("/tmp/x", "wb") as file:
            for _ in range(400): file.write(block)
""",
    "takes and frees memory": """
    while True:
        with mmap.mmap(-1, 60 * 2 ** 20) as memory:
            for at in range(0, len(memory), 4096): memory[at] = 1
""",
    "prints without end": """
    while True: print("x" * 10_000)
""",
}


def _latencies(port: int, request: bytes, seconds: float) -> list[float]:
    """Milliseconds of each request of one connection that always has one open."""
    waits: list[float] = []
    end = time.perf_counter() + seconds
    connection: socket.socket | None = None
    while time.perf_counter() < end:
        if connection is None:
            connection = socket.create_connection(("127.0.0.1", port))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        began = time.perf_counter()
        connection.sendall(request)
        answer = b""
        while b"\r\n\r\n" not in answer or len(answer.partition(b"\r\n\r\n")[2]) < 1:
            if not (chunk := connection.recv(65_536)):
                break
            answer += chunk
        if not answer:
            # The server closes a connection after so many answers.
            connection.close()
            connection = None
            continue
        assert answer.startswith(b"HTTP/1.1 200"), answer[:500]
        waits.append((time.perf_counter() - began) * 1000)
    return waits


def _create(stage: Stage, name: str, source: str, timeout_s: int) -> None:
    stage.create_function(name, source)
    stage.functions.update_function_configuration(FunctionName=name, Timeout=timeout_s, MemorySize=1769)
    stage.functions.get_waiter("function_updated_v2").wait(FunctionName=name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3, help="of each measurement")
    parser.add_argument("--only", default="", help="hostile functions whose names contain this")
    given = parser.parse_args()
    cases = {name: source for name, source in HOSTILE.items() if given.only in name}
    p50s: dict[str, list[float]] = {}
    p99s: dict[str, list[float]] = {}

    def measure(name: str) -> None:
        waits = _latencies(platform.port, request, given.seconds)
        p50s.setdefault(name, []).append(median(waits))
        p99s.setdefault(name, []).append(percentile(waits, 0.99))

    with Platform("Bascule") as platform:
        stage = Stage(platform, "neighbours")
        _create(stage, "neighbour", _NEIGHBOUR, 30)
        for number, source in enumerate(cases.values()):
            _create(stage, f"hostile-{number}", _HEAD + source, given.seconds + 2)
        path = "/2015-03-31/functions/neighbour/invocations"
        request = raw_request(platform.port, path, {"Authorization": authorization("lambda")}, b"{}")
        _latencies(platform.port, request, 1)
        for _ in range(given.rounds):
            for number, name in enumerate(cases):
                measure("alone")
                hostile = threading.Thread(
                    target=stage.functions.invoke, kwargs={"FunctionName": f"hostile-{number}", "Payload": b"{}"}
                )
                hostile.start()
                time.sleep(1.0)
                measure(name)
                hostile.join()
                time.sleep(0.3)
    print(
        f"{'beside a function that ...':<40}{'p50 ms':>9}{'p99 ms':>9}{'p50 x':>9}{'p99 x':>9}   {os.cpu_count()} cores"
    )
    for name in p50s:
        p50, p99 = median(p50s[name]), median(p99s[name])
        ratios = f"{p50 / median(p50s['alone']):>9.2f}{p99 / median(p99s['alone']):>9.2f}"
        print(f"{name:<40}{p50:>9.2f}{p99:>9.2f}{ratios}")


if __name__ == "__main__":
    main()
