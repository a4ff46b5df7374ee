"""A handler that raises, exits, loops, prints megabytes or eats memory harms neither the server nor another function."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.functions import create_function
from tests.server import Server

GOOD = "def handler(event, context): return 'fine'\n"


@pytest.fixture
def functions(server: Server) -> Any:
    return server.client("lambda")


def _invoke(functions: Any, name: str, **more: Any) -> tuple[Any, Any]:
    answer = functions.invoke(FunctionName=name, **more)
    return answer, json.loads(answer["Payload"].read())


def _others_run(functions: Any, name: str) -> None:
    create_function(functions, f"{name}-neighbour", GOOD)
    assert _invoke(functions, f"{name}-neighbour")[1] == "fine"


def test_a_handler_that_raises_answers_its_traceback_as_the_python_runtime_gives_it(functions: Any) -> None:
    create_function(functions, "raises", "def handler(event, context):\n    raise ValueError('no ' + event['what'])\n")
    answer, payload = _invoke(functions, "raises", Payload=b'{"what": "way"}')
    assert answer["StatusCode"] == 200
    assert answer["FunctionError"] == "Unhandled"
    assert list(payload) == ["errorMessage", "errorType", "requestId", "stackTrace"]
    assert payload["errorMessage"] == "no way"
    assert payload["stackTrace"][0].startswith('  File "/var/task/handler.py", line 2, in handler\n')


def test_a_handler_that_exits_ends_its_environment_only(functions: Any) -> None:
    create_function(functions, "exits", "import os\ndef handler(event, context): os._exit(event['code'])\n")
    answer, payload = _invoke(functions, "exits", Payload=b'{"code": 3}')
    assert answer["FunctionError"] == "Unhandled"
    assert payload["errorType"] == "Runtime.ExitError"
    assert payload["errorMessage"].endswith("Runtime exited with error: exit status 3")
    _others_run(functions, "exits")


def test_a_handler_that_loops_for_ever_is_ended_by_its_timeout(functions: Any) -> None:
    create_function(functions, "loops", "def handler(event, context):\n    while True: pass\n", Timeout=1)
    answer, payload = _invoke(functions, "loops")
    assert answer["FunctionError"] == "Unhandled"
    assert payload["errorType"] == "Sandbox.Timedout"
    assert payload["errorMessage"].endswith("Error: Task timed out after 1.00 seconds")
    _others_run(functions, "loops")


def test_a_handler_that_prints_megabytes_finishes_and_the_tail_is_4_kb(functions: Any) -> None:
    source = "def handler(event, context):\n    for n in range(200_000): print('x' * 100, n)\n    return 'printed'\n"
    create_function(functions, "prints", source, Timeout=60)
    answer, payload = _invoke(functions, "prints", LogType="Tail")
    assert payload == "printed"
    tail = base64.b64decode(answer["LogResult"])
    assert len(tail) <= 4096
    assert b"REPORT RequestId:" in tail
    _others_run(functions, "prints")


def test_a_handler_that_takes_all_memory_is_ended(functions: Any) -> None:
    source = "def handler(event, context):\n    kept = []\n    while True: kept.append(bytearray(10_000_000))\n"
    create_function(functions, "eats", source, MemorySize=128, Timeout=30)
    answer, payload = _invoke(functions, "eats")
    assert answer["FunctionError"] == "Unhandled"
    assert payload["errorType"] in ("Runtime.OutOfMemory", "Runtime.ExitError", "MemoryError")
    _others_run(functions, "eats")
