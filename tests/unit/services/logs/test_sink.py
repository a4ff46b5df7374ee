"""The sink of function output: grouped, ordered, bounded."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bascule.kernel.scope import Scope
from bascule.kernel.store import Outcome, Store, StoreBusy, Tx
from bascule.services.logs import sink as sink_module
from bascule.services.logs.sink import LogSink
from tests.unit.services.logs.desk import Desk

GROUP = "/aws/lambda/f"


class Later:
    """Collects callbacks until a test runs them."""

    def __init__(self) -> None:
        self.planned: list[Callable[[], None]] = []

    def __call__(self, delay_s: float, callback: Callable[[], None]) -> None:
        self.planned.append(callback)

    def run(self) -> None:
        planned, self.planned = self.planned, []
        for callback in planned:
            callback()


class Gate:
    """A store whose inbox can be full, and which counts the commands it takes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.is_full = False
        self.command_count = 0

    def submit(self, command: Callable[[Tx], object], done: Callable[[Outcome], None]) -> None:
        if self.is_full:
            raise StoreBusy
        self.command_count += 1
        done(Outcome(self._store.write(command)))


@pytest.fixture
def later() -> Later:
    return Later()


@pytest.fixture
def gate(desk: Desk) -> Gate:
    return Gate(desk.store)


@pytest.fixture
def sink(desk: Desk, later: Later, gate: Gate) -> LogSink:
    return LogSink(gate, desk.clock, desk.ids, later)  # type: ignore[arg-type]  # the sink only submits


def written(desk: Desk, stream: str) -> list[str]:
    page = desk.call("GetLogEvents", log_group_name=GROUP, log_stream_name=stream, start_from_head=True)
    return [event.message for event in page.events]


def write(desk: Desk, sink: LogSink, stream: str, *messages: str) -> None:
    sink.write(Scope(), GROUP, stream, [(desk.clock.now_ms(), message) for message in messages])


def test_lines_of_all_streams_become_one_command_and_make_group_and_streams(
    desk: Desk, sink: LogSink, later: Later, gate: Gate
) -> None:
    write(desk, sink, "a", "1", "2")
    write(desk, sink, "b", "3")
    write(desk, sink, "a", "4")
    assert not sink.is_idle
    later.run()
    assert gate.command_count == 1
    assert (written(desk, "a"), written(desk, "b")) == (["1", "2", "4"], ["3"])
    assert sink.is_idle


def test_full_inbox_keeps_lines_in_order_for_later(desk: Desk, sink: LogSink, later: Later, gate: Gate) -> None:
    gate.is_full = True
    write(desk, sink, "a", "1")
    later.run()
    write(desk, sink, "a", "2")
    gate.is_full = False
    later.run()
    assert written(desk, "a") == ["1", "2"]


def test_more_than_fits_is_counted_and_said_in_the_log(
    desk: Desk, sink: LogSink, later: Later, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sink_module, "LINES_MAX", 2)
    write(desk, sink, "a", "1", "2")
    write(desk, sink, "a", "3", "4", "5")
    later.run()
    assert sink.lost_count == 3
    assert written(desk, "a") == [
        "1",
        "2",
        "3 log lines were lost here: they came faster than they could be written.\n",
    ]


def test_when_idle_writes_without_delay_and_tells_once(desk: Desk, sink: LogSink, later: Later) -> None:
    told: list[str] = []
    write(desk, sink, "a", "1")
    sink.when_idle(lambda: told.append("idle"))
    assert told == ["idle"]
    assert written(desk, "a") == ["1"]
    later.run()
    assert told == ["idle"]


def test_when_idle_tells_at_once_when_there_is_nothing(sink: LogSink) -> None:
    told: list[str] = []
    sink.when_idle(lambda: told.append("idle"))
    assert told == ["idle"]


def test_deleted_group_is_made_again_by_the_next_line(desk: Desk, sink: LogSink, later: Later) -> None:
    write(desk, sink, "a", "1")
    later.run()
    desk.call("DeleteLogGroup", log_group_name=GROUP)
    write(desk, sink, "a", "2")
    later.run()
    assert written(desk, "a") == ["2"]
