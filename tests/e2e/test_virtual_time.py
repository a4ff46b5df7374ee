"""A server with ``--test``: hours of retries, schedules and timeouts in a moment, and faults on demand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.functions import create_function
from tests.server import Server
from tests.waiting import eventually

HOUR = 3_600
FAILS = "def handler(event, context):\n    raise RuntimeError('broken on purpose')\n"
SLOW = "import time\ndef handler(event, context):\n    time.sleep(2)\n"


class Steered:
    """A server and what steers it."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.events, self.sqs = server.client("events"), server.client("sqs")
        self.functions = server.client("lambda")
        self._http = httpx.Client(base_url=server.url, timeout=90)

    def close(self) -> None:
        self._http.close()

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
        answer = self._http.request(method, f"/_bascule/{path}", json=body)
        return answer.status_code, answer.json()

    def clock(self, **form: Any) -> dict[str, Any]:
        status, shown = self.ask("POST", "clock", form)
        assert status == 200, shown
        return shown

    def settle(self) -> None:
        assert self.ask("POST", "settle", {"timeout_s": 20})[0] == 200

    def fault(self, target: str, error: str, times: int = 1, **form: Any) -> None:
        status, shown = self.ask("POST", "faults", {"target": target, "error": error, "times": times, **form})
        assert status == 200, shown

    def queue(self, name: str, **attributes: str) -> tuple[str, str]:
        url = self.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        return url, arn

    def rule(self, name: str, **target: Any) -> None:
        self.events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))
        assert self.events.put_targets(Rule=name, Targets=[{"Id": "1", **target}])["FailedEntryCount"] == 0

    def put(self, source: str) -> str:
        entry = {"Source": source, "DetailType": "Happened", "Detail": json.dumps({"source": source})}
        event_id: str = self.events.put_events(Entries=[entry])["Entries"][0]["EventId"]
        return event_id

    def take(self, url: str, **parameters: Any) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = self.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], **parameters
        ).get("Messages", [])
        return messages

    def story(self, event_id: str) -> dict[str, Any]:
        return self.ask("GET", f"stories/{event_id}")[1]


def _attributes(message: dict[str, Any]) -> dict[str, str]:
    return {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}


@pytest.fixture(scope="module")
def steered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Steered]:
    with Server(tmp_path_factory.mktemp("steered"), "--test") as server:
        found = Steered(server)
        found.clock(freeze=True)
        yield found
        found.close()


def _cpu_s(server: Server) -> float:
    assert server.process is not None
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_day_of_185_retries_passes_in_under_a_second(steered: Steered) -> None:
    _, work = steered.queue("day-work")
    dead_url, dead = steered.queue("day-dead")
    steered.rule("day", Arn=work, DeadLetterConfig={"Arn": dead})
    steered.fault(work, "throttled", times=1_000)
    event_id = steered.put("day")
    before_s = _cpu_s(steered.server)
    steered.clock(advance_s=24 * HOUR)
    # Processor time, because the machine may be busy with other tests; alone it is also the time on the wall.
    assert _cpu_s(steered.server) - before_s < 1.0
    (message,) = steered.take(dead_url)
    attributes = _attributes(message)
    assert attributes["RETRY_ATTEMPTS"] == "185"
    assert attributes["EXHAUSTED_RETRY_CONDITION"] == "MaximumRetryAttempts"
    assert attributes["ERROR_CODE"] == "THROTTLING"
    assert json.loads(message["Body"])["id"] == event_id
    (delivery,) = steered.story(event_id)["deliveries"]
    tries_ms = [tried["at_ms"] for tried in delivery["tries"]]
    assert delivery["try_count"] == 186
    assert tries_ms == sorted(tries_ms)
    assert 23 * HOUR * 1000 < tries_ms[-1] - tries_ms[0] < 24 * HOUR * 1000
    steered.ask("DELETE", "faults")


def test_a_throttled_target_gets_the_event_when_it_can_take_it(steered: Steered) -> None:
    work_url, work = steered.queue("late-work")
    steered.rule("late", Arn=work)
    steered.fault(work, "unavailable", times=3)
    event_id = steered.put("late")
    assert steered.take(work_url) == []
    waiting = [row for row in steered.ask("GET", "retries")[1]["deliveries"] if row["event_id"] == event_id]
    assert [(row["try_count"], row["code"]) for row in waiting] == [(1, "CONNECTION_FAILURE")]
    steered.clock(advance_s=10)
    assert [json.loads(message["Body"])["id"] for message in steered.take(work_url)] == [event_id]
    assert steered.story(event_id)["deliveries"][0]["try_count"] == 4


def test_a_forbidden_target_sends_the_event_to_its_dead_letter_queue_at_once(steered: Steered) -> None:
    _, work = steered.queue("forbidden-work")
    dead_url, dead = steered.queue("forbidden-dead")
    steered.rule("forbidden", Arn=work, DeadLetterConfig={"Arn": dead})
    steered.fault("arn:aws:sqs:us-east-1:000000000000:forbidden-w*", "access-denied")
    steered.put("forbidden")
    attributes = _attributes(steered.take(dead_url)[0])
    assert (attributes["ERROR_CODE"], attributes["RETRY_ATTEMPTS"]) == ("NO_PERMISSIONS", "0")
    assert "EXHAUSTED_RETRY_CONDITION" not in attributes


def test_an_event_that_ends_nowhere_is_in_its_story_and_counted(steered: Steered) -> None:
    steered.rule("nowhere", Arn="arn:aws:sqs:us-east-1:000000000000:not-there")
    event_id = steered.put("nowhere")
    (delivery,) = steered.story(event_id)["deliveries"]
    assert (delivery["state"], delivery["code"]) == ("lost", "NO_RESOURCE")
    counted = steered.ask("GET", "metrics")[1]["delivery.Lost"]
    assert counted["arn:aws:events:us-east-1:000000000000:rule/nowhere"] == 1
    assert "deliveries lost since the start: 1" in _bascule(steered.server, "status").stdout


def test_delayed_and_duplicated_deliveries(steered: Steered) -> None:
    work_url, work = steered.queue("odd-work")
    steered.rule("odd", Arn=work)
    steered.fault(work, "delay", delay_ms=90_000)
    steered.put("odd")
    steered.clock(advance_s=89)
    assert steered.take(work_url) == []
    steered.clock(advance_s=2)
    assert len(steered.take(work_url)) == 1
    steered.fault(work, "duplicate")
    steered.put("odd")
    bodies = [message["Body"] for message in steered.take(work_url)]
    assert len(bodies) == 2
    assert len(set(bodies)) == 1


def test_a_failing_function_is_retried_after_one_and_two_minutes_and_ends_in_its_dead_letter_queue(
    steered: Steered,
) -> None:
    dead_url, dead = steered.queue("function-dead")
    arn = create_function(steered.functions, "fails", FAILS, DeadLetterConfig={"TargetArn": dead})
    steered.rule("fails", Arn=arn)
    event_id = steered.put("fails")
    steered.settle()
    waiting = steered.ask("GET", "retries")[1]["invocations"]
    assert [(row["function_arn"], row["failure_count"], row["message"]) for row in waiting] == [
        (arn, 1, "broken on purpose")
    ]
    steered.clock(advance_s=59)
    assert steered.ask("GET", "retries")[1]["invocations"][0]["failure_count"] == 1
    steered.clock(advance_s=1 + 120)
    attributes = _attributes(steered.take(dead_url)[0])
    assert attributes["ErrorMessage"] == "broken on purpose"
    told = steered.story(event_id)["deliveries"][0]["invocations"]
    assert [run["attempt"] for run in told] == [1, 2, 3]
    gaps_s = [round((after["started_ms"] - before["started_ms"]) / 1000) for before, after in pairwise(told)]
    assert gaps_s == [60, 120]


def test_a_throttled_function_is_invoked_later(steered: Steered) -> None:
    arn = create_function(steered.functions, "busy", "def handler(event, context):\n    return 'done'\n")
    steered.fault(arn, "throttled", times=2, at="invocation")
    with pytest.raises(steered.functions.exceptions.TooManyRequestsException):
        steered.functions.invoke(FunctionName="busy")
    steered.rule("busy", Arn=arn)
    event_id = steered.put("busy")
    steered.settle()
    assert steered.story(event_id)["deliveries"][0]["invocations"][-1]["state"] == "waiting"
    steered.clock(advance_s=5)
    assert steered.story(event_id)["deliveries"][0]["invocations"][-1]["state"] == "succeeded"


def test_settling_says_what_is_still_busy(steered: Steered) -> None:
    create_function(steered.functions, "slow", SLOW)
    steered.functions.invoke(FunctionName="slow", InvocationType="Event")
    status, told = steered.ask("POST", "settle", {"timeout_s": 0.3})
    assert (status, told["settled"]) == (408, False)
    assert "asynchronous invocations" in told["busy"]
    status, told = steered.ask("POST", "clock", {"advance_s": 10, "timeout_s": 0.1})
    assert status == 408
    refused = _bascule(steered.server, "clock", "settle", "--timeout", "0.1")
    assert refused.returncode == 1
    assert "still busy: asynchronous invocations" in refused.stderr
    steered.settle()


def test_schedules_fire_on_the_way(steered: Steered) -> None:
    work_url, work = steered.queue("hourly")
    steered.events.put_rule(Name="hourly", ScheduleExpression="rate(1 hour)")
    steered.events.put_targets(Rule="hourly", Targets=[{"Id": "1", "Arn": work}])
    steered.clock(advance_s=5 * HOUR)
    times = [json.loads(message["Body"])["time"] for message in steered.take(work_url)]
    assert len(times) == 5
    assert times == sorted(set(times))
    steered.events.disable_rule(Name="hourly")


def test_visibility_timeouts_and_delays_follow_the_clock(steered: Steered) -> None:
    url, _ = steered.queue("hidden", VisibilityTimeout="30")
    steered.sqs.send_message(QueueUrl=url, MessageBody="now")
    assert len(steered.take(url)) == 1
    steered.clock(advance_s=29)
    assert steered.take(url) == []
    steered.clock(advance_s=1)
    (message,) = steered.take(url)
    steered.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    steered.sqs.send_message(QueueUrl=url, MessageBody="later", DelaySeconds=600)
    steered.clock(advance_s=599)
    assert steered.take(url) == []
    steered.clock(advance_s=1)
    assert [message["Body"] for message in steered.take(url)] == ["later"]


def _in_background(call: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(call()))
    thread.start()
    return thread, found


def test_a_waiting_receive_ends_at_its_own_time_and_gets_what_becomes_visible_on_the_way(steered: Steered) -> None:
    url, _ = steered.queue("awaited")

    def waits(count: int) -> bool:
        return bool(steered.ask("GET", "status")[1]["waiters"] == count)

    thread, found = _in_background(lambda: steered.take(url, WaitTimeSeconds=20))
    eventually(lambda: waits(1), what="a waiting receive")
    began = time.monotonic()
    steered.clock(advance_s=HOUR)
    thread.join()
    assert found == [[]]
    steered.sqs.send_message(QueueUrl=url, MessageBody="soon", DelaySeconds=10)
    thread, found = _in_background(lambda: steered.take(url, WaitTimeSeconds=20))
    eventually(lambda: waits(1), what="a waiting receive")
    steered.clock(advance_s=HOUR)
    thread.join()
    assert [message["Body"] for message in found[0]] == ["soon"]
    assert time.monotonic() - began < 15


def test_frozen_time_stands_still_and_resumed_time_goes_on(steered: Steered) -> None:
    shown = steered.clock(freeze=True)
    time.sleep(0.01)
    assert steered.ask("GET", "clock")[1]["now_ms"] == shown["now_ms"]
    assert _bascule(steered.server, "clock", "resume").returncode == 0
    before_ms = steered.ask("GET", "clock")[1]["now_ms"]
    assert before_ms >= shown["now_ms"]
    assert eventually(lambda: steered.ask("GET", "clock")[1]["now_ms"] > before_ms)
    advanced = _bascule(steered.server, "clock", "advance", "1h30m", "--json")
    assert json.loads(advanced.stdout)["now_ms"] >= before_ms + 5_400_000
    assert _bascule(steered.server, "clock", "freeze").returncode == 0
    assert "frozen" in _bascule(steered.server, "clock").stdout
    for duration in ("tomorrow", "0", "9999d"):
        wrong = _bascule(steered.server, "clock", "advance", duration)
        assert (wrong.returncode, wrong.stderr.count("\n")) == (1, 1)
        assert f"'{duration}'" in wrong.stderr


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("clock", {}),
        ("clock", {"advance_s": -1}),
        ("clock", {"advance_s": 1e12}),
        ("clock", {"advance": 5}),
        ("clock", {"freeze": "yes"}),
        ("settle", {"timeout_s": -1}),
        ("faults", {"target": "arn:*"}),
        ("faults", {"target": "arn:*", "error": "moody"}),
        ("faults", {"target": "arn:*", "error": "delay"}),
        ("faults", {"target": "arn:*", "error": "throttled", "delay_ms": 5}),
        ("faults", {"target": "arn:*", "error": "access-denied", "at": "invocation"}),
        ("faults", {"target": "arn:*", "error": "throttled", "at": "moon"}),
        ("faults", {"target": "arn:*", "error": "throttled", "times": -1}),
        ("faults", {"target": "orders", "error": "throttled"}),
        ("faults", {"target": "arn:aws:sqs:us-east-1:000000000000:orders", "error": "throttled", "at": "invocation"}),
    ],
)
def test_a_wrong_request_is_answered_in_one_sentence_and_changes_nothing(
    steered: Steered, path: str, form: dict[str, Any]
) -> None:
    before = steered.ask("GET", "faults")
    status, told = steered.ask("POST", path, form)
    assert status == 400
    assert told["message"].endswith(".")
    assert steered.ask("GET", "faults") == before


def test_faults_by_the_command_line(steered: Steered) -> None:
    added = _bascule(steered.server, "faults", "add", "arn:aws:sqs:*", "delay", "--delay", "30s", "--times", "2")
    assert "delay 30 s" in added.stdout, added.stderr
    listed = json.loads(_bascule(steered.server, "faults", "ls", "--json").stdout)["faults"]
    assert listed == [{"target": "arn:aws:sqs:*", "error": "delay", "times": 2, "delay_ms": 30_000, "at": "delivery"}]
    assert "no faults" in _bascule(steered.server, "faults", "clear").stdout
    for arguments, sentence in (
        (("add", "arn:*", "moody"), "there is no fault 'moody' at 'delivery', but access-denied, delay, duplicate"),
        (("add", "orders", "throttled"), "'orders' is no target; give an ARN"),
        (("add", "arn:*", "delay"), "say how long to delay, such as --delay 30s"),
        (("add", "arn:*", "throttled", "--delay", "3s"), "--delay is for the fault 'delay' only"),
        (("clear", "arn:none"), "no fault is set for 'arn:none'"),
    ):
        wrong = _bascule(steered.server, "faults", *arguments)
        assert wrong.returncode == 1, arguments
        assert sentence in wrong.stderr


def test_the_clock_of_a_server_outlives_it(tmp_path: Path) -> None:
    with Server(tmp_path, "--test") as server:
        url = f"{server.url}/_bascule/clock"
        moved = httpx.post(url, json={"freeze": True, "advance_s": 7 * 24 * HOUR}, timeout=30).json()
        server.kill()
        server.start()
        again = httpx.get(url).json()
        assert (again["now_ms"], again["is_frozen"]) == (moved["now_ms"], True)
        httpx.post(url, json={"resume": True})
        server.kill()
        server.start()
        shown = httpx.get(url).json()
        assert shown["now_ms"] >= moved["now_ms"]
        assert shown["ahead_s"] > 6 * 24 * HOUR


def test_an_ordinary_server_cannot_be_steered(server: Server) -> None:
    for path in ("clock", "settle", "faults"):
        assert httpx.post(f"{server.url}/_bascule/{path}", json={"freeze": True}).status_code == 404
    for command in (["clock", "freeze"], ["clock"], ["clock", "settle"], ["faults", "ls"]):
        refused = _bascule(server, *command)
        assert refused.returncode == 1
        assert "bascule serve --test" in refused.stderr


def _bascule(server: Server, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bascule", *arguments],
        env={**server.environment, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
