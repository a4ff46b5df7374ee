"""What functions print, read as ``aws logs tail`` and the SDKs read it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.functions import create_function
from tests.world import World

GROUP = "/aws/lambda/talker"


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World() as running:
        create_function(
            running.client("lambda"),
            "talker",
            """
            def handler(event, context):
                print("hello", event["n"])
            """,
        )
        yield running


@pytest.fixture
def logs(world: World) -> Any:
    return world.client("logs")


class Tail:
    """``aws logs tail --follow``: asks from the time of the newest event seen and drops what it has already shown."""

    def __init__(self, logs: Any, since_ms: int) -> None:
        self._logs = logs
        self._asked: dict[str, Any] = {"logGroupName": GROUP, "interleaved": True, "startTime": since_ms, "limit": 3}
        self._seen: set[str] = set()

    def poll(self) -> list[str]:
        shown: list[str] = []
        while True:
            page = self._logs.filter_log_events(**self._asked)
            for event in page["events"]:
                if event["eventId"] not in self._seen:
                    self._seen.add(event["eventId"])
                    shown.append(event["message"].rstrip("\n"))
                self._asked["startTime"] = max(self._asked["startTime"], event["timestamp"])
            self._asked.pop("nextToken", None)
            if "nextToken" not in page:
                return shown
            self._asked["nextToken"] = page["nextToken"]


def invoke(world: World, number: int) -> None:
    world.client("lambda").invoke(FunctionName="talker", Payload=b'{"n": %d}' % number)
    world.settle()


def test_following_shows_every_line_once_and_in_order(world: World, logs: Any) -> None:
    tail = Tail(logs, world.clock.now_ms())
    for number in range(3):
        invoke(world, number)
        lines = [line for line in tail.poll() if not line.startswith("INIT_START")]
        assert [line.split()[0] for line in lines] == ["START", "hello", "END", "REPORT"]
        assert lines[1] == f"hello {number}"
        assert tail.poll() == []
        world.advance(seconds=5)


def test_stream_name_carries_date_and_version(world: World, logs: Any) -> None:
    invoke(world, 9)
    (stream,) = logs.describe_log_streams(logGroupName=GROUP)["logStreams"]
    assert stream["logStreamName"].startswith("2026/01/01/[$LATEST]")
    events = logs.get_log_events(logGroupName=GROUP, logStreamName=stream["logStreamName"], startFromHead=True)[
        "events"
    ]
    assert any(event["message"].startswith("hello 9") for event in events)


def test_search_finds_lines_by_pattern(world: World, logs: Any) -> None:
    invoke(world, 41)
    found = logs.filter_log_events(logGroupName=GROUP, filterPattern='"hello 41"')["events"]
    assert [event["message"] for event in found] == ["hello 41\n"]


def test_paginator_of_the_sdk_reads_everything(world: World, logs: Any) -> None:
    invoke(world, 1)
    whole = logs.filter_log_events(logGroupName=GROUP)["events"]
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=GROUP, PaginationConfig={"PageSize": 2})
    assert [event["eventId"] for page in pages for event in page["events"]] == [event["eventId"] for event in whole]


def test_errors_have_the_codes_of_logs(world: World, logs: Any) -> None:
    invoke(world, 0)
    with pytest.raises(logs.exceptions.ResourceNotFoundException):
        logs.filter_log_events(logGroupName="nothing")
    with pytest.raises(logs.exceptions.ResourceAlreadyExistsException):
        logs.create_log_group(logGroupName=GROUP)
    with pytest.raises(logs.exceptions.InvalidParameterException):
        logs.put_retention_policy(logGroupName=GROUP, retentionInDays=2)
    with pytest.raises(logs.exceptions.InvalidParameterException):
        logs.filter_log_events(logGroupName=GROUP, filterPattern="{ broken")


def test_events_put_by_a_client_are_read_back(world: World, logs: Any) -> None:
    now_ms = world.clock.now_ms()
    logs.create_log_group(logGroupName="own", tags={"a": "1"})
    logs.create_log_stream(logGroupName="own", logStreamName="s")
    answer = logs.put_log_events(
        logGroupName="own",
        logStreamName="s",
        logEvents=[{"timestamp": now_ms, "message": "one"}, {"timestamp": now_ms + 1, "message": "two"}],
    )
    assert answer["nextSequenceToken"]
    page = logs.get_log_events(logGroupName="own", logStreamName="s")
    assert [(event["timestamp"], event["message"]) for event in page["events"]] == [
        (now_ms, "one"),
        (now_ms + 1, "two"),
    ]
    end = logs.get_log_events(logGroupName="own", logStreamName="s", nextToken=page["nextForwardToken"])
    assert end["nextForwardToken"] == page["nextForwardToken"]
    assert logs.list_tags_log_group(logGroupName="own")["tags"] == {"a": "1"}
