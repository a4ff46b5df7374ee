"""An event bus as a target: of rules, of functions, across Regions and accounts; and what a target is sent."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bascule.api import events as api
from bascule.kernel.context import Context
from bascule.kernel.delivery import Delivery, Refused
from bascule.kernel.scope import Scope
from bascule.kernel.store import Tx
from tests.unit.services.events.desk import HOME, Desk

FAR = Scope(HOME.account, "eu-west-1")
FURTHER = Scope(HOME.account, "ap-northeast-1")
OTHER = Scope("444455556666", HOME.region)
THIRD = Scope("777788889999", HOME.region)
DEAD = HOME.arn("sqs", "dead")


def bus_arn(scope: Scope, name: str = "default") -> str:
    return scope.arn("events", f"event-bus/{name}")


def forward(desk: Desk, start: Scope, end: str, name: str = "forward", **members: Any) -> str:
    """A rule that sends everything of the shop on to another bus."""
    arn = desk.rule(name, scope=start)
    desk.target(name, "bus", scope=start, arn=end, **members)
    return arn


def listen(desk: Desk, scope: Scope, **members: Any) -> None:
    desk.rule("listen", scope=scope, **members)
    desk.target("listen", scope=scope, bus=members.get("event_bus_name"))


def codes(desk: Desk) -> list[str]:
    """Error codes of the dead letters in the boxes."""
    return [one.attributes["ERROR_CODE"][1] for one in desk.deliveries if one.origin == "dead-letter"]


def test_another_bus_of_the_region_gets_the_very_same_event(desk: Desk) -> None:
    desk.call("CreateEventBus", name="inner")
    forward(desk, HOME, bus_arn(HOME, "inner"))
    listen(desk, HOME, event_bus_name="inner")
    result = desk.put({"a": 1.50})
    delivery = desk.deliveries[0]
    assert json.loads(delivery.payload)["id"] == result.event_id
    assert delivery.source_arn == HOME.arn("events", "rule/inner/listen")
    notes = desk.story(result.event_id).notes
    assert {note.kind for note in notes} == {"accepted", "received"}
    received = next(note for note in notes if note.kind == "received")
    assert received.target_arn == bus_arn(HOME, "inner")
    assert received.detail["matched"] == "listen"


def test_another_account_of_the_region_keeps_the_id_too(desk: Desk) -> None:
    forward(desk, HOME, bus_arn(OTHER))
    listen(desk, OTHER)
    result = desk.put()
    event = desk.received[0]
    assert (event["id"], event["account"], event["region"]) == (result.event_id, HOME.account, HOME.region)


def test_another_region_gives_a_new_id_and_keeps_the_origin(desk: Desk) -> None:
    forward(desk, HOME, bus_arn(FAR))
    listen(desk, FAR)
    result = desk.put({"id": result_like()}, time=1.0)
    event = desk.received[0]
    assert event["id"] != result.event_id
    assert (event["account"], event["region"], event["time"]) == (HOME.account, HOME.region, "1970-01-01T00:00:01Z")
    assert event["detail"] == {"id": result_like()}
    there = desk.story(event["id"]).event
    assert there is not None
    assert (there.caused_by, there.scope, there.matched) == (result.event_id, FAR, ("listen",))
    caused = next(note for note in desk.story(result.event_id).notes if note.kind == "caused")
    assert caused.detail["event_id"] == event["id"]


def result_like() -> str:
    return "00000000-0000-0000-0000-000000000000"


@pytest.mark.parametrize(
    ("middle", "last", "code"),
    [(OTHER, THIRD, "THIRD_ACCOUNT_HOP_DETECTED"), (FAR, FURTHER, "THIRD_REGION_HOP_DETECTED")],
)
def test_a_third_account_or_region_is_refused(desk: Desk, middle: Scope, last: Scope, code: str) -> None:
    forward(desk, HOME, bus_arn(middle))
    forward(desk, middle, bus_arn(last), dead_letter_config=api.DeadLetterConfig(arn=middle.arn("sqs", "dead")))
    listen(desk, last)
    desk.put()
    assert codes(desk) == [code]
    assert all(delivery.origin == "dead-letter" for delivery in desk.deliveries)


def test_a_missing_bus_ends_in_the_dead_letter_queue(desk: Desk) -> None:
    forward(desk, HOME, bus_arn(HOME, "gone"), dead_letter_config=api.DeadLetterConfig(arn=DEAD))
    result = desk.put()
    assert codes(desk) == ["NO_RESOURCE"]
    assert json.loads(desk.deliveries[0].payload)["id"] == result.event_id


def test_a_loop_of_buses_is_cut(desk: Desk) -> None:
    desk.call("CreateEventBus", name="inner")
    forward(desk, HOME, bus_arn(HOME, "inner"))
    desk.rule("back", event_bus_name="inner")
    desk.target("back", bus="inner", arn=bus_arn(HOME), dead_letter_config=api.DeadLetterConfig(arn=DEAD))
    desk.put()
    for _ in range(20):
        desk.wake_loops()
        desk.run_loops()
    assert (
        desk.metrics.value("events.DeadLetterInvocations", HOME.arn("events", "rule/inner/back"))
        + (desk.metrics.value("events.DeadLetterInvocations", HOME.arn("events", "rule/forward")))
        == 1
    )


def send(desk: Desk, payload: object, **members: Any) -> None:
    """What a function's destination does."""
    delivery = Delivery(
        **(
            {
                "delivery_id": "d-1",
                "scope": HOME,
                "origin": "destination",
                "source_arn": HOME.arn("lambda", "function:f"),
                "target_arn": bus_arn(HOME),
                "payload": payload if isinstance(payload, bytes) else json.dumps(payload).encode(),
                "created_ms": desk.clock.now_ms(),
                "parameters": {"put": "entry"},
                "dead_letter_arn": DEAD,
            }
            | members
        )
    )

    def hand_over(ctx: Context, tx: Tx) -> None:
        ctx.courier.send(ctx, tx, delivery)

    desk.write(hand_over)


@pytest.mark.parametrize("detail", ['{"ok": 1.50}', {"ok": 1.50}])
def test_a_put_request_becomes_an_event_of_the_sender(desk: Desk, detail: object) -> None:
    desk.rule("all", {"source": ["lambda", "aws.s3"]})
    desk.target("all")
    cause = desk.put()
    form = {"Source": "lambda", "DetailType": "Done", "Detail": detail, "Resources": ["r"]}
    send(desk, form, event_id=cause.event_id)
    event = desk.received[0]
    assert (event["source"], event["detail-type"], event["resources"]) == ("lambda", "Done", ["r"])
    assert (event["account"], event["detail"]) == (HOME.account, {"ok": 1.5})
    story = desk.story(event["id"]).event
    assert story is not None
    assert story.caused_by == cause.event_id


def test_services_may_put_reserved_sources_with_their_own_time(desk: Desk) -> None:
    desk.rule("all", {"source": ["aws.s3"]})
    desk.target("all")
    send(desk, {"Source": "aws.s3", "DetailType": "Object Created", "Detail": {}, "Time": 0})
    assert desk.received[0]["time"] == "1970-01-01T00:00:00Z"


@pytest.mark.parametrize(
    "payload",
    [
        b"no json",
        {"Source": "lambda"},
        {"Source": "", "DetailType": "x", "Detail": "{}"},
        {"Source": "lambda", "DetailType": "x", "Detail": "[]"},
        {"Source": "lambda", "DetailType": "x", "Detail": 5},
        {"Source": "lambda", "DetailType": "x", "Detail": {"too": "l" * 1_048_576}},
    ],
)
def test_a_bad_put_request_is_refused_for_good(desk: Desk, payload: object) -> None:
    send(desk, payload)
    assert codes(desk) == ["INVALID_PARAMETER"]


def test_a_payload_that_is_no_event_is_refused(desk: Desk) -> None:
    send(desk, {"no": "event"}, parameters={})
    assert codes(desk) == ["INVALID_PARAMETER"]


@pytest.mark.parametrize(
    ("members", "body"),
    [
        ({"input": '{"constant": [1, 2]}'}, '{"constant": [1, 2]}'),
        ({"input_path": "$.detail.who"}, '"me"'),
        ({"input_path": "$.detail"}, '{"who":"me","n":1.50}'),
        (
            {"input_transformer": api.InputTransformer(
                input_paths_map={"n": "$.detail.n"}, input_template='{"n": <n>, "rule": <aws.events.rule-name>}')},
            '{"n": 1.50, "rule": "all"}',
        ),
        (
            {"input_transformer": api.InputTransformer(input_template='"at <aws.events.event.ingestion-time>"')},
            '"at 2026-01-15T10:07:30Z"',
        ),
    ],
)  # fmt: skip
def test_a_target_is_sent_what_its_input_says(desk: Desk, members: dict[str, Any], body: str) -> None:
    desk.rule("all")
    desk.target("all", **members)
    result = desk.put('{"who": "me", "n": 1.50}')
    delivery = desk.deliveries[0]
    assert delivery.payload.decode() == body
    assert delivery.dead_letter_payload is not None
    assert json.loads(delivery.dead_letter_payload)["id"] == result.event_id


@pytest.mark.parametrize(
    "members",
    [
        {"input_path": "$.detail.missing"},
        {"input_transformer": api.InputTransformer(input_paths_map={"d": "$.detail"}, input_template='{"d": "<d>"}')},
    ],
)
def test_invalid_output_goes_to_the_dead_letter_queue_as_the_original_event(
    desk: Desk, members: dict[str, Any]
) -> None:
    arn = desk.rule("all")
    desk.target("all", dead_letter_config=api.DeadLetterConfig(arn=DEAD), **members)
    result = desk.put({"a": 1})
    assert codes(desk) == ["INVALID_JSON"]
    letter = desk.deliveries[0]
    assert json.loads(letter.payload)["id"] == result.event_id
    assert letter.attributes["RULE_ARN"] == ("String", arn)
    assert letter.attributes["RETRY_ATTEMPTS"] == ("String", "0")
    assert desk.metrics.value("events.FailedInvocations", arn) == 1


def test_a_missing_permission_goes_to_the_dead_letter_queue_at_once(desk: Desk) -> None:
    arn = desk.rule("all")
    function = HOME.arn("lambda", "function:f")
    desk.box.refusals[function] = Refused("NO_PERMISSIONS", "The function does not allow it.")
    desk.target("all", arn=function, dead_letter_config=api.DeadLetterConfig(arn=DEAD))
    desk.put()
    assert codes(desk) == ["NO_PERMISSIONS"]
    assert desk.metrics.value("events.FailedInvocations", arn) == 1
    assert desk.metrics.value("events.InvocationsSentToDlq", arn) == 1
