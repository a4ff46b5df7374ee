"""Log lines of functions are written a moment after they were printed; a server that is stopped writes every one first."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.functions import create_function
from tests.server import Server

LINES = 500
SOURCE = f"""
    import pathlib, time

    def handler(event, context):
        for number in range({LINES}):
            print(f"line {{number}} of {{event['run']}}")
        if event.get("sleeps"):
            time.sleep(9)
"""


def lines(server: Server) -> list[str]:
    found: list[str] = []
    pages = server.client("logs").get_paginator("filter_log_events").paginate(logGroupName="/aws/lambda/chatty")
    for page in pages:
        found += [event["message"].rstrip("\n") for event in page["events"]]
    return found


def begun(server: Server) -> None:
    """An asynchronous run that has begun to print and goes on when the server is stopped."""
    server.client("lambda").invoke(
        FunctionName="chatty", InvocationType="Event", Payload=b'{"run": "last", "sleeps": true}'
    )
    end = time.monotonic() + 20
    while "line 0 of last" not in lines(server):
        assert time.monotonic() < end
        time.sleep(0.02)


def answered(server: Server) -> None:
    """A run that has just answered; its lines are at most a few milliseconds old."""
    server.client("lambda").invoke(FunctionName="chatty", Payload=b'{"run": "last"}')


@pytest.mark.parametrize("last", [answered, begun])
def test_a_server_that_is_stopped_loses_no_line(tmp_path: Path, last: Callable[[Server], Any]) -> None:
    with Server(tmp_path) as server:
        create_function(server.client("lambda"), "chatty", SOURCE)
        server.client("logs").create_log_group(logGroupName="/aws/lambda/chatty")
        last(server)
        assert server.stop() == 0
        server.start()
        found = lines(server)
    assert [line for line in found if line.startswith("line ")] == [f"line {n} of last" for n in range(LINES)]
