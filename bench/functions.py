"""Invocations cold, warm and at full load, and what functions cost that do not run.

Rules of the file: the full load comes over raw keep-alive connections, so that the client costs next to nothing of the shared
cores; single invocations are timed as boto3 sees them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from bench.http_load import authorization, raw_request, requests_per_second
from bench.measures import Stage
from bench.platforms import Platform

#: Environments of ``idle_functions`` go after this long. seconds
IDLE_S = 5
#: ... and are gone, their processes too, by this much later. seconds
_GONE_AFTER_S = 4.0
#: What a platform prepares in the background for its first function is done by then. seconds
_SETTLES_S = 2.0
_PLAIN_HANDLER = "def handler(event, context):\n    return {'ok': True}\n"


def _timed(call: Callable[[], Any]) -> float:
    began = time.perf_counter()
    answer = call()
    took = (time.perf_counter() - began) * 1000
    assert "FunctionError" not in answer, answer
    return took


def cold_invoke(platform: Platform, *, rounds: int) -> list[float]:
    """First Invoke of a new function that imports boto3, by boto3. milliseconds"""
    stage = Stage(platform, "cold")
    waits: list[float] = []
    for n in range(rounds + 1):
        stage.create_function(f"cold-{n}")
        if not n:
            time.sleep(_SETTLES_S)
        waits.append(_timed(partial(stage.functions.invoke, FunctionName=f"cold-{n}", Payload=b"{}")))
    return waits[1:]


def cold_invoke_unlocked(*, rounds: int) -> list[float]:
    """``cold_invoke`` on a Bascule of its own that does not isolate functions. milliseconds"""
    with Platform("Bascule", "--isolation", "off") as platform:
        return cold_invoke(platform, rounds=rounds)


def warm_invoke(platform: Platform, *, rounds: int) -> list[float]:
    """Invoke of a warm function by boto3, one after the other. milliseconds"""
    stage = Stage(platform, "warm")
    stage.create_function("warm")
    for _ in range(5):
        stage.functions.invoke(FunctionName="warm", Payload=b"{}")
    return [_timed(partial(stage.functions.invoke, FunctionName="warm", Payload=b"{}")) for _ in range(rounds)]


def warm_rate(platform: Platform, *, connections: int, seconds: float) -> float:
    """Invokes of one warm function over raw HTTP, each connection waiting for its answer before the next. invocations/s"""
    stage = Stage(platform, "warm-rate")
    stage.create_function("warm-rate", _PLAIN_HANDLER)
    path = "/2015-03-31/functions/warm-rate/invocations"
    request = raw_request(platform.port, path, {"Authorization": authorization("lambda")}, b'{"n": 1}')
    requests_per_second(platform.port, request, connections=connections, seconds=min(1.0, seconds))
    return requests_per_second(platform.port, request, connections=connections, seconds=seconds)


class IdleCost(NamedTuple):
    """Memory beyond the server that has just started, all processes together. megabytes"""

    #: One function created: the interpreter that starts functions is ready.
    first_mb: float
    #: All functions created, none ever run.
    created_mb: float
    #: Some ran once; their environments wait for more.
    warm_mb: float
    #: After those environments were reclaimed.
    reclaimed_mb: float


def idle_functions(name: str, *, count: int, run_count: int) -> IdleCost:
    """Create ``count`` functions on a fresh platform, run ``run_count`` of them once, and let these idle out."""
    with Platform(name, "--environment-idle", str(IDLE_S)) as platform:
        before_mb = platform.memory_mb()
        stage = Stage(platform, "idle")

        def settled_mb() -> float:
            time.sleep(_GONE_AFTER_S)
            return platform.memory_mb() - before_mb

        stage.create_function("idle-0", _PLAIN_HANDLER)
        first_mb = settled_mb()
        for n in range(1, count):
            stage.create_function(f"idle-{n}", _PLAIN_HANDLER, is_awaited=False)
        created_mb = settled_mb()
        for n in range(run_count):
            stage.functions.invoke(FunctionName=f"idle-{n}", Payload=b"{}")
        warm_mb = platform.memory_mb() - before_mb if run_count else 0.0
        time.sleep(IDLE_S if run_count else 0)
        return IdleCost(first_mb, created_mb, warm_mb, settled_mb() if run_count else 0.0)
