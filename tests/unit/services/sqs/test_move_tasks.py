"""Message move tasks: from a dead-letter queue to where its messages are wanted."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from bascule.engines.sqlite import open_store
from bascule.services.sqs import errors, moving
from tests.unit.services.sqs.desk import Desk


def _poisoned(desk: Desk, count: int = 3, suffix: str = "") -> tuple[str, str]:
    """A source and its dead-letter queue that holds ``count`` of the source's messages."""
    dead = desk.queue("dead" + suffix)
    policy = json.dumps({"deadLetterTargetArn": desk.arn("dead" + suffix), "maxReceiveCount": 1})
    url = desk.queue("orders" + suffix, RedrivePolicy=policy, VisibilityTimeout="1")
    fifo: dict[str, Any] = {"message_group_id": "g"} if suffix else {}
    for number in range(count):
        if suffix:
            fifo["message_deduplication_id"] = str(number)
        desk.send(url, str(number), **fifo)
    while desk.bodies(url):
        desk.pass_time(1)
    desk.pass_time(1)
    desk.bodies(url)
    assert desk.count(dead) == (count, 0, 0)
    return url, dead


def _start(desk: Desk, source: str = "dead", **members: Any) -> str:
    handle = desk.call("StartMessageMoveTask", source_arn=desk.arn(source), **members).task_handle
    assert isinstance(handle, str)
    return handle


def _tasks(desk: Desk, source: str = "dead", count: int = 10) -> list[Any]:
    result = desk.call("ListMessageMoveTasks", source_arn=desk.arn(source), max_results=count).results
    assert isinstance(result, list)
    return result


def test_messages_go_back_to_the_queue_they_came_from_as_new_messages(desk: Desk) -> None:
    url, dead = _poisoned(desk)
    handle = _start(desk)
    running = _tasks(desk)[0]
    assert (running.status, running.task_handle) == ("RUNNING", handle)
    desk.run_loops()
    assert desk.count(dead) == (0, 0, 0)
    found = desk.receive(url, attribute_names=["All"])
    assert sorted(message.body for message in found) == ["0", "1", "2"]
    assert found[0].attributes["SentTimestamp"] == str(desk.clock.now_ms())
    assert "DeadLetterQueueSourceArn" not in found[0].attributes
    done = _tasks(desk)[0]
    assert (done.status, done.task_handle) == ("COMPLETED", None)
    assert done.approximate_number_of_messages_moved == done.approximate_number_of_messages_to_move == 3
    assert done.started_timestamp is not None
    assert done.destination_arn is None


def test_a_destination_takes_them_all_whatever_their_source(desk: Desk) -> None:
    _poisoned(desk)
    desk.send("dead", "sent here by hand")
    other = desk.queue("other")
    _start(desk, destination_arn=desk.arn("other"))
    desk.run_loops()
    assert len(desk.receive(other)) == 4
    assert _tasks(desk)[0].destination_arn == desk.arn("other")


def test_a_fifo_dead_letter_queue_gives_its_messages_back_in_order(desk: Desk) -> None:
    url, _ = _poisoned(desk, suffix=".fifo")
    _start(desk, "dead.fifo")
    desk.run_loops()
    assert desk.bodies(url) == ["0", "1", "2"]


def test_a_task_keeps_its_rate(desk: Desk) -> None:
    url, _ = _poisoned(desk, 10)
    _start(desk, max_number_of_messages_per_second=2)
    start_ms = desk.clock.now_ms()
    desk.run_loops(until_ms=start_ms + 2_400)
    assert desk.count(url)[0] == 5
    desk.run_loops(until_ms=start_ms + 10_000)
    assert desk.count(url)[0] == 10
    assert _tasks(desk)[0].max_number_of_messages_per_second == 2


def test_a_task_goes_on_after_a_restart(tmp_path: Path) -> None:
    desk = Desk(open_store(tmp_path))
    _poisoned(desk, 4)
    _start(desk, max_number_of_messages_per_second=1)
    desk.run_loops(until_ms=desk.clock.now_ms() + 1_100)
    desk.store.close()
    later = Desk(open_store(tmp_path))
    later.clock.jump_to(desk.clock.now_ms())
    assert _tasks(later)[0].approximate_number_of_messages_moved == 2
    later.run_loops(until_ms=later.clock.now_ms() + 5_000)
    assert _tasks(later)[0].status == "COMPLETED"
    assert later.count("orders")[0] == 4
    later.store.close()


def test_messages_that_die_again_are_not_moved_for_ever(desk: Desk) -> None:
    url, dead = _poisoned(desk, 2)
    _start(desk, max_number_of_messages_per_second=1)
    desk.run_loops(until_ms=desk.clock.now_ms() + 500)
    desk.send(dead, "came later")
    desk.run_loops(until_ms=desk.clock.now_ms() + 5_000)
    assert _tasks(desk)[0].approximate_number_of_messages_moved == 2
    assert desk.count(dead) == (1, 0, 0)
    assert desk.count(url) == (2, 0, 0)


def test_a_cancelled_task_keeps_what_it_moved(desk: Desk) -> None:
    url, dead = _poisoned(desk, 5)
    handle = _start(desk, max_number_of_messages_per_second=1)
    desk.run_loops(until_ms=desk.clock.now_ms() + 1_100)
    stopped = desk.call("CancelMessageMoveTask", task_handle=handle)
    assert stopped.approximate_number_of_messages_moved == 2
    desk.run_loops(until_ms=desk.clock.now_ms() + 5_000)
    assert (desk.count(url)[0], desk.count(dead)[0]) == (2, 3)
    assert _tasks(desk)[0].status == "CANCELLED"
    with pytest.raises(errors.UnsupportedOperation):
        desk.call("CancelMessageMoveTask", task_handle=handle)


def test_a_message_of_unknown_source_fails_the_task_and_stays(desk: Desk) -> None:
    _, dead = _poisoned(desk, 1)
    desk.send(dead, "sent here by hand")
    _start(desk)
    desk.run_loops()
    task = _tasks(desk)[0]
    assert (task.status, task.failure_reason) == ("FAILED", "CouldNotDetermineMessageSource")
    desk.pass_time(1)
    assert desk.count(dead) == (1, 0, 0)


def test_a_destination_deleted_on_the_way_fails_the_task(desk: Desk) -> None:
    _poisoned(desk, 2)
    other = desk.queue("other")
    _start(desk, destination_arn=desk.arn("other"))
    desk.call("DeleteQueue", queue_url=other)
    desk.run_loops()
    assert _tasks(desk)[0].failure_reason == "AWS.SimpleQueueService.NonExistentQueue"


def test_only_one_task_of_a_source_runs_at_a_time_and_ten_are_remembered(desk: Desk) -> None:
    _poisoned(desk, 1)
    _start(desk)
    with pytest.raises(errors.UnsupportedOperation, match="There is already a task running"):
        _start(desk)
    for _ in range(11):
        desk.run_loops(until_ms=desk.clock.now_ms() + 1_000)
        _start(desk)
    assert [task.status for task in _tasks(desk)] == ["RUNNING"] + ["COMPLETED"] * 9
    assert len(desk.call("ListMessageMoveTasks", source_arn=desk.arn("dead")).results) == 1


def test_a_deleted_dead_letter_queue_takes_its_tasks_along(desk: Desk) -> None:
    _, dead = _poisoned(desk, 3)
    handle = _start(desk)
    desk.call("DeleteQueue", queue_url=dead)
    desk.run_loops()
    with pytest.raises(errors.ResourceNotFound, match="SourceArn parameter doesn't exist"):
        desk.call("CancelMessageMoveTask", task_handle=handle)


def test_what_cannot_be_a_task_is_refused(desk: Desk) -> None:
    _poisoned(desk, 1)
    desk.queue("plain")
    desk.queue("other.fifo")
    with pytest.raises(errors.InvalidParameterValue, match="Source queue must be configured as a Dead Letter Queue"):
        _start(desk, "plain")
    with pytest.raises(errors.ResourceNotFound, match="specified for the SourceArn parameter doesn't exist"):
        _start(desk, "nowhere")
    with pytest.raises(errors.ResourceNotFound, match="specified for the DestinationArn parameter doesn't exist"):
        _start(desk, destination_arn=desk.arn("nowhere"))
    with pytest.raises(errors.InvalidParameterValue, match="of the same type"):
        _start(desk, destination_arn=desk.arn("other.fifo"))
    with pytest.raises(errors.InvalidParameterValue, match="cannot be the same"):
        _start(desk, destination_arn=desk.arn("dead"))
    for rate in (0, 501):
        with pytest.raises(
            errors.InvalidParameterValue, match=f"Value {rate} for parameter MaxNumberOfMessagesPerSecond"
        ):
            _start(desk, max_number_of_messages_per_second=rate)
    with pytest.raises(errors.MissingParameter):
        desk.call("StartMessageMoveTask", source_arn="")
    with pytest.raises(errors.InvalidParameterValue, match="Value 11 for parameter MaxResults"):
        _tasks(desk, count=11)


def test_bad_handles_are_told_apart(desk: Desk) -> None:
    _poisoned(desk, 1)
    for handle in ("nonsense!", b64encode(b"{}").decode()):
        with pytest.raises(errors.InvalidParameterValue, match="Value for parameter TaskHandle is invalid"):
            desk.call("CancelMessageMoveTask", task_handle=handle)
    unknown = b64encode(json.dumps({"taskId": "x", "sourceArn": desk.arn("dead")}).encode()).decode()
    with pytest.raises(errors.ResourceNotFound, match="Task does not exist"):
        desk.call("CancelMessageMoveTask", task_handle=unknown)
    with pytest.raises(errors.MissingParameter):
        desk.call("CancelMessageMoveTask", task_handle="")


def test_however_many_tasks_run_one_step_moves_a_few_of_them_and_none_waits_for_ever(desk: Desk) -> None:
    sources = [desk.queue(f"orders-{number}") for number in range(5)]
    for number in range(5):
        dead = desk.queue(f"dead-{number}")
        policy = json.dumps({"deadLetterTargetArn": desk.arn(f"dead-{number}"), "maxReceiveCount": 1})
        desk.call("SetQueueAttributes", queue_url=sources[number], attributes={"RedrivePolicy": policy})
        for message in range(2):
            desk.send(dead, str(message))
        _start(
            desk, f"dead-{number}", destination_arn=desk.arn(f"orders-{number}"), max_number_of_messages_per_second=10
        )
    desk.store.write(lambda tx: moving.tick(desk.context(), tx))
    assert sorted(desk.count(url)[0] for url in sources) == [0, 0, 1, 1, 1]
    desk.store.write(lambda tx: moving.tick(desk.context(), tx))
    assert [desk.count(url)[0] for url in sources] == [1, 1, 1, 1, 1]
