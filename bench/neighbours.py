"""What a function that sleeps for 20 s costs its neighbours, on a platform of its own that is killed before it wakes up."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable
from typing import NamedTuple

from bench.http_load import authorization
from bench.measures import Stage, median
from bench.platforms import Platform
from bench.queues import Mapped

SLEEP_S = 20
#: Messages that wait for the sleeper, so that every one of its lanes stays busy. count
SLOW_MESSAGES = 30
#: Between two messages to the quick function. seconds
PAUSE_S = 0.01

SLEEPING_HANDLER = f"""
import time
def handler(event, context):
    time.sleep({SLEEP_S})
"""


#: Connections whose answers nobody reads; they end with the platform.
_callers: list[http.client.HTTPConnection] = []


class Delay(NamedTuple):
    """How much longer messages took while the neighbours slept. milliseconds"""

    p50: float
    max: float


def _waits(mapped: Mapped, rounds: int) -> list[float]:
    """SendMessage call begun -> the handler runs. milliseconds"""
    waits: list[float] = []
    for n in range(rounds):
        began = time.time_ns()
        mapped.send(n)
        while (report := mapped.inbox.next(30))["n"] != n:
            pass
        waits.append((report["at"] - began) / 1e6)
        time.sleep(PAUSE_S)
    return waits


def sleeping_mappings(platform: Platform, *, count: int, fifo: bool = False) -> None:
    """``count`` mappings of sleepers, each with more messages (FIFO: more groups) than it will take."""
    for number in range(count):
        name = f"sleeper-{number}" + ("fifo" if fifo else "")
        mapped = Mapped(platform, name, source=SLEEPING_HANDLER, BatchSize=1)
        mapped.wait_until("Enabled")
        for n in range(SLOW_MESSAGES if count == 1 else 2):
            mapped.send(n)


def sleeping_invocations(platform: Platform) -> None:
    """One sleeper with asynchronous invocations waiting for it."""
    stage = Stage(platform, "sleeper")
    stage.create_function("sleeper", SLEEPING_HANDLER)
    for _ in range(SLOW_MESSAGES):
        stage.functions.invoke(FunctionName="sleeper", InvocationType="Event", Payload=b"{}")


def sleeping_callers(platform: Platform) -> None:
    """One sleeper with ten callers waiting for its answer."""
    Stage(platform, "sleeper").create_function("sleeper", SLEEPING_HANDLER)
    path = "/2015-03-31/functions/sleeper/invocations"
    for _ in range(10):
        caller = http.client.HTTPConnection("127.0.0.1", platform.port)
        caller.request("POST", path, b"{}", {"Authorization": authorization("lambda")})
        _callers.append(caller)


NEIGHBOURS: dict[str, tuple[str, Callable[[Platform], None]]] = {
    "1 mapping": ("", lambda platform: sleeping_mappings(platform, count=1)),
    "20 mappings": ("", lambda platform: sleeping_mappings(platform, count=20)),
    "synchronous invocations": ("", sleeping_callers),
    "asynchronous invocations": ("", sleeping_invocations),
    "1 mapping, both FIFO": ("fifo", lambda platform: sleeping_mappings(platform, count=1, fifo=True)),
}


def delay_beside(neighbours: str, *, rounds: int) -> Delay:
    """Messages to a quick function before and while its neighbours sleep: what was added to the median and to the worst."""
    kind, begin = NEIGHBOURS[neighbours]
    platform = Platform("Bascule")
    try:
        platform.start()
        quick = Mapped(platform, f"quick{kind}")
        quick.wait_until("Enabled")
        _waits(quick, 10)
        usual = _waits(quick, rounds)
        begin(platform)
        began = time.perf_counter()
        during = _waits(quick, rounds)
        if time.perf_counter() - began > SLEEP_S - 5:
            raise SystemExit("the machine is too slow: the sleepers woke up during the measure")
        return Delay(median(during) - median(usual), max(during) - max(usual))
    finally:
        while _callers:
            _callers.pop().close()
        platform.kill()
        platform.close()


if __name__ == "__main__":
    for name in NEIGHBOURS:
        print(json.dumps({"beside": name, **delay_beside(name, rounds=100)._asdict()}))
