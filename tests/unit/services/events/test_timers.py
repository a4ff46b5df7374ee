"""Rules with a schedule fire, at their moments, to their own targets, across restarts, without catching up."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bascule.engines.sqlite import open_store
from bascule.kernel.scope import Scope
from tests.unit.services.events.desk import HOME, START_MS, Desk

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS


def schedule(desk: Desk, expression: str, name: str = "nightly", scope: Scope = HOME, **members: Any) -> None:
    desk.call("PutRule", scope, name=name, schedule_expression=expression, **members)
    desk.target(name, scope=scope)
    desk.wake_loops()


def times(desk: Desk) -> list[str]:
    return [event["time"] for event in desk.received]


def run_to(desk: Desk, moment: str) -> None:
    desk.run_loops(int(datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp()) * 1000)


def test_the_scheduled_event_has_its_own_form(desk: Desk) -> None:
    schedule(desk, "cron(0 3 * * ? *)")
    run_to(desk, "2026-01-16T03:00:00")
    event = desk.received[0]
    payload = desk.deliveries[0].payload.decode()
    assert payload == (
        '{"version":"0","id":"' + event["id"] + '","detail-type":"Scheduled Event","source":"aws.events",'
        '"account":"111122223333","time":"2026-01-16T03:00:00Z","region":"us-east-1",'
        '"resources":["arn:aws:events:us-east-1:111122223333:rule/nightly"],"detail":{}}'
    )
    story = desk.story(event["id"])
    assert story.event is not None
    assert story.event.matched == ("nightly",)
    assert [note.kind for note in story.notes] == ["accepted"]


def test_the_three_schedules_of_the_tutorial_fire(desk: Desk) -> None:
    schedule(desk, "cron(0 3 * * ? *)", "a")
    schedule(desk, "cron(0 */2 * * ? *)", "b")
    schedule(desk, "cron(0 9 ? * MON *)", "c")
    run_to(desk, "2026-01-19T12:00:00")
    by_rule: dict[str, list[str]] = {}
    for event in desk.received:
        by_rule.setdefault(event["resources"][0].rpartition("/")[2], []).append(event["time"])
    assert by_rule["a"] == [f"2026-01-{day}T03:00:00Z" for day in (16, 17, 18, 19)]
    assert by_rule["b"][:3] == ["2026-01-15T12:00:00Z", "2026-01-15T14:00:00Z", "2026-01-15T16:00:00Z"]
    assert by_rule["c"] == ["2026-01-19T09:00:00Z"]
    assert len(by_rule["b"]) == 49


def test_a_rate_counts_from_its_creation(desk: Desk) -> None:
    desk.clock.advance(10_000)
    schedule(desk, "rate(5 minutes)")
    run_to(desk, "2026-01-15T10:20:00")
    assert times(desk) == ["2026-01-15T10:12:40Z", "2026-01-15T10:17:40Z"]


def test_other_rules_do_not_see_the_scheduled_event(desk: Desk) -> None:
    desk.rule("nosy", {"source": ["aws.events"]})
    desk.target("nosy", "nosy")
    schedule(desk, "rate(1 minute)")
    run_to(desk, "2026-01-15T10:10:00")
    assert {delivery.source_arn for delivery in desk.deliveries} == {HOME.arn("events", "rule/nightly")}


def test_a_rule_with_both_fires_on_either(desk: Desk) -> None:
    schedule(desk, "rate(1 minute)", event_pattern='{"source": ["shop"]}')
    desk.put()
    run_to(desk, "2026-01-15T10:08:30")
    assert [event["source"] for event in desk.received] == ["shop", "aws.events"]


def test_the_input_of_the_target_replaces_the_event(desk: Desk) -> None:
    desk.call("PutRule", name="r", schedule_expression="rate(1 minute)")
    desk.target("r", input='{"job": "backup"}')
    desk.wake_loops()
    run_to(desk, "2026-01-15T10:08:30")
    assert desk.deliveries[0].payload == b'{"job": "backup"}'


def test_a_disabled_rule_does_not_fire_and_its_rate_restarts(desk: Desk) -> None:
    schedule(desk, "rate(10 minutes)")
    run_to(desk, "2026-01-15T10:12:30")
    desk.call("DisableRule", name="nightly")
    run_to(desk, "2026-01-15T11:00:00")
    assert times(desk) == []
    desk.call("EnableRule", name="nightly")
    desk.wake_loops()
    run_to(desk, "2026-01-15T11:10:00")
    assert times(desk) == ["2026-01-15T11:10:00Z"]


def test_changing_the_schedule_moves_the_timer_and_changing_the_rest_does_not(desk: Desk) -> None:
    schedule(desk, "rate(10 minutes)")
    run_to(desk, "2026-01-15T10:12:30")
    desk.call("PutRule", name="nightly", schedule_expression="rate(10 minutes)", description="new")
    run_to(desk, "2026-01-15T10:17:30")
    assert times(desk) == ["2026-01-15T10:17:30Z"]
    desk.call("PutRule", name="nightly", schedule_expression="rate(1 hour)")
    run_to(desk, "2026-01-15T11:17:30")
    assert times(desk)[1:] == ["2026-01-15T11:17:30Z"]


def test_a_deleted_or_replaced_schedule_fires_no_more(desk: Desk) -> None:
    schedule(desk, "rate(1 minute)", "a")
    schedule(desk, "rate(1 minute)", "b")
    desk.call("RemoveTargets", rule="a", ids=["box"])
    desk.call("DeleteRule", name="a")
    desk.call("PutRule", name="b", event_pattern='{"source": ["shop"]}')
    run_to(desk, "2026-01-15T11:00:00")
    assert desk.received == []
    assert desk.store.read(lambda tx: tx.queues.next_due_ms("events/timers")) is None


def test_a_schedule_that_never_fires_has_no_timer(desk: Desk) -> None:
    schedule(desk, "cron(0 0 30 2 ? *)")
    assert desk.store.read(lambda tx: tx.queues.next_due_ms("events/timers")) is None
    schedule(desk, "cron(8 10 15 1 ? 2026)", "once")
    run_to(desk, "2026-01-15T12:00:00")
    assert times(desk) == ["2026-01-15T10:08:00Z"]
    assert desk.store.read(lambda tx: tx.queues.next_due_ms("events/timers")) is None


def test_every_scope_has_its_own_timers(desk: Desk) -> None:
    far = Scope("444455556666", "eu-west-1")
    schedule(desk, "rate(1 minute)")
    schedule(desk, "rate(1 minute)", scope=far)
    run_to(desk, "2026-01-15T10:08:30")
    assert {(event["account"], event["region"]) for event in desk.received} == {HOME, far}


def test_timers_survive_a_restart_and_missed_firings_are_not_caught_up(tmp_path: Path) -> None:
    desk = Desk(open_store(tmp_path))
    schedule(desk, "rate(1 hour)")
    desk.store.close()
    again = Desk(open_store(tmp_path))
    again.clock.jump_to(START_MS + 3 * HOUR_MS + 10 * MINUTE_MS)
    again.wake_loops()
    again.run_loops(START_MS + 4 * HOUR_MS)
    assert times(again) == ["2026-01-15T14:07:30Z"]
    assert again.metrics.value("events.MissedSchedules", HOME.arn("events", "rule/nightly")) == 1
    again.store.close()


def test_a_firing_that_is_less_than_a_minute_late_still_counts_for_its_moment(desk: Desk) -> None:
    schedule(desk, "cron(0 * * * ? *)")
    desk.clock.jump_to(START_MS + 52 * MINUTE_MS + 30_000 + 59_000)
    desk.wake_loops()
    desk.run_loops()
    assert times(desk) == ["2026-01-15T11:00:00Z"]


def test_a_firing_happens_once_however_often_the_loop_looks(desk: Desk) -> None:
    schedule(desk, "rate(1 minute)")
    desk.clock.advance(MINUTE_MS)
    for _ in range(5):
        desk.wake_loops()
        desk.run_loops()
    assert len(desk.received) == 1
    assert json.loads(desk.deliveries[0].payload)["time"] == "2026-01-15T10:08:30Z"
