"""PutEvents: results per entry, the event as it travels, and where it goes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bascule.api import events as api
from bascule.kernel.errors import ValidationError
from bascule.kernel.scope import Scope
from bascule.kernel.settings import Settings
from tests.unit.services.events.desk import HOME, START_MS, Desk


def entry(**members: Any) -> api.PutEventsRequestEntry:
    return api.PutEventsRequestEntry(**({"source": "shop", "detail_type": "Order", "detail": "{}"} | members))


def test_the_event_arrives_compact_in_the_fixed_key_order(desk: Desk) -> None:
    desk.rule("all")
    desk.target("all")
    result = desk.put('{ "b" : 2500.10, "a": [1, 2] }', resources=["r2", "r1"], time=1_768_471_000.9)
    assert desk.deliveries[0].payload.decode() == (
        '{"version":"0","id":"' + result.event_id + '","detail-type":"Order","source":"shop","account":"111122223333",'
        '"time":"2026-01-15T09:56:40Z","region":"us-east-1","resources":["r2","r1"],"detail":{"b":2500.10,"a":[1,2]}}'
    )


def test_time_defaults_to_the_call_in_whole_seconds(desk: Desk) -> None:
    desk.rule("all")
    desk.target("all")
    desk.clock.advance(999)
    desk.put()
    assert desk.received[0]["time"] == "2026-01-15T10:07:30Z"
    assert desk.received[0]["resources"] == []


def test_event_ids_are_uuid_shaped_and_share_the_batch(desk: Desk) -> None:
    results = desk.call("PutEvents", entries=[entry() for _ in range(10)]).entries
    ids = [result.event_id for result in results]
    assert len(set(ids)) == 10
    assert all(len(one) == 36 and one[:34] == ids[0][:34] for one in ids)
    assert all(result.error_code is None and result.error_message is None for result in results)


@pytest.mark.parametrize(
    ("members", "code", "message"),
    [
        (
            {"source": None, "detail_type": None},
            "InvalidArgument",
            "Parameter Source is not valid. Reason: Source is a required argument.",
        ),
        ({"source": ""}, "InvalidArgument", "Parameter Source is not valid. Reason: Source is a required argument."),
        (
            {"detail_type": None, "detail": None},
            "InvalidArgument",
            "Parameter DetailType is not valid. Reason: DetailType is a required argument.",
        ),
        (
            {"detail": "", "source": "aws.s3"},
            "InvalidArgument",
            "Parameter Detail is not valid. Reason: Detail is a required argument.",
        ),
        ({"detail": "[1]"}, "MalformedDetail", "Detail is malformed."),
        ({"detail": "not json", "source": "aws.s3"}, "MalformedDetail", "Detail is malformed."),
        ({"source": "aws.s3"}, "NotAuthorizedForSourceException", "Not authorized for the source."),
        (
            {"detail_type": "x" * 129},
            "InvalidArgument",
            "Parameter DetailType is not valid. Reason: DetailType is longer than 128 characters.",
        ),
        (
            {"time": 1e18},
            "InvalidArgument",
            "Parameter Time is not valid. Reason: Time is outside the years 1 to 9999.",
        ),
    ],
)
def test_a_bad_entry_is_answered_in_its_place(desk: Desk, members: dict[str, Any], code: str, message: str) -> None:
    desk.rule("all", {"source": [{"exists": True}]})
    desk.target("all")
    answer = desk.call("PutEvents", entries=[entry(), entry(**members), entry()])
    assert answer.failed_entry_count == 1
    assert [result.event_id is not None for result in answer.entries] == [True, False, True]
    assert (answer.entries[1].error_code, answer.entries[1].error_message) == (code, message)
    assert len(desk.received) == 2


def test_an_event_for_an_unknown_bus_is_accepted_and_only_journaled(desk: Desk) -> None:
    result = desk.put(event_bus_name="nowhere")
    assert result.event_id
    assert result.error_code is None
    story = desk.story(result.event_id)
    assert story.event is not None
    assert story.event.bus == ""
    assert story.event.matched == ()


@pytest.mark.parametrize(("size", "is_allowed"), [(999, True), (1000, False)])
def test_the_sum_of_entry_sizes_stays_below_the_limit(size: int, is_allowed: bool) -> None:
    desk = Desk(settings=Settings(put_events_bytes_max=1000))
    detail = '{"a":"é"}'
    fixed = len("shop") + len("Order") + len(detail.encode()) + len("ré".encode()) + 14
    filler = entry(detail='{"a":"' + "x" * (size - fixed - 9 - 8) + '"}')
    entries = [entry(detail=detail, resources=["ré"], time=1.0, event_bus_name="b" * 300), filler]
    if is_allowed:
        assert desk.call("PutEvents", entries=entries).failed_entry_count == 0
    else:
        with pytest.raises(ValidationError, match="Total size of the entries"):
            desk.call("PutEvents", entries=entries)
    desk.store.close()


def test_a_custom_bus_and_the_default_bus_do_not_share_events(desk: Desk) -> None:
    desk.call("CreateEventBus", name="orders")
    desk.rule("on-default")
    desk.target("on-default", "a")
    desk.rule("on-orders", event_bus_name="orders")
    desk.target("on-orders", "b", bus="orders")
    desk.put()
    assert [delivery.target_arn for delivery in desk.deliveries] == [HOME.arn("sqs", "a")]
    desk.put(event_bus_name="orders")
    desk.put(event_bus_name=HOME.arn("events", "event-bus/orders"))
    assert [delivery.target_arn for delivery in desk.deliveries][1:] == [HOME.arn("sqs", "b")] * 2


def test_the_numeric_rule_of_the_tutorial(desk: Desk) -> None:
    pattern = {
        "source": ["myapp.orders"],
        "detail-type": ["Order Created"],
        "detail": {"amount": [{"numeric": [">=", 1000]}]},
    }
    desk.rule("big", pattern)
    desk.target("big")
    for amount in ("1000", "1000.0", "999.99", '"1000"', "null"):
        desk.put(f'{{"amount": {amount}}}', source="myapp.orders", detail_type="Order Created")
    desk.put({}, source="myapp.orders", detail_type="Order Created")
    assert [delivery.payload.rpartition(b'"detail":')[2] for delivery in desk.deliveries] == [
        b'{"amount":1000}}',
        b'{"amount":1000.0}}',
    ]


def test_all_targets_of_all_rules_get_the_same_id(desk: Desk) -> None:
    for name in ("one", "two"):
        desk.rule(name)
        desk.target(name, f"{name}-a")
        desk.target(name, f"{name}-b")
    result = desk.put()
    assert [event["id"] for event in desk.received] == [result.event_id] * 4
    assert len({delivery.delivery_id for delivery in desk.deliveries}) == 4


def test_a_foreign_bus_receives_the_event_of_the_callers_account(desk: Desk) -> None:
    other = Scope("444455556666", "us-east-1")
    desk.call("CreateEventBus", other, name="shared")
    desk.rule("theirs", scope=other, event_bus_name="shared")
    desk.target("theirs", scope=other, bus="shared")
    result = desk.put(event_bus_name=other.arn("events", "event-bus/shared"))
    assert desk.received[0]["account"] == HOME.account
    delivery = desk.deliveries[0]
    assert delivery.scope == other
    assert delivery.source_arn == other.arn("events", "rule/shared/theirs")
    story = desk.story(result.event_id)
    assert story.event is not None
    assert story.event.bus == other.arn("events", "event-bus/shared")


def test_the_trace_header_travels_beside_the_event(desk: Desk) -> None:
    desk.rule("all")
    desk.target("all")
    desk.put(trace_header="Root=1-entry")
    desk.put(trace="Root=1-request")
    assert [delivery.trace_header for delivery in desk.deliveries] == ["Root=1-entry", "Root=1-request"]
    assert all("trace" not in json.dumps(event).lower() for event in desk.received)


def test_the_story_names_the_rules_and_the_delivery(desk: Desk) -> None:
    desk.rule("b-rule")
    desk.rule("a-rule")
    arn = desk.target("a-rule")
    result = desk.put()
    story = desk.story(result.event_id)
    assert story.event is not None
    assert story.event.matched == ("a-rule", "b-rule")
    assert [(note.kind, note.target_arn) for note in story.notes] == [("accepted", arn)]


def test_matches_are_counted_by_rule(desk: Desk) -> None:
    arn = desk.rule("all")
    desk.target("all")
    desk.call("PutEvents", entries=[entry(), entry(source="else"), entry(), entry(source="")])
    value = desk.metrics.value
    assert value("events.MatchedEvents", arn) == 2
    assert value("events.TriggeredRules", arn) == 2
    assert value("events.InvocationsCreated") == 2
    assert value("events.PutEventsEntriesCount") == 4
    assert value("events.PutEventsFailedEntriesCount") == 1
    assert value("events.PutEventsApproximateCallCount") == 1


def test_a_target_gets_what_its_settings_say(desk: Desk) -> None:
    arn = desk.rule("all")
    desk.target(
        "all",
        sqs_parameters=api.SqsParameters(message_group_id="g"),
        retry_policy=api.RetryPolicy(maximum_retry_attempts=3, maximum_event_age_in_seconds=60),
        dead_letter_config=api.DeadLetterConfig(arn=HOME.arn("sqs", "dead")),
    )
    result = desk.put()
    delivery = desk.deliveries[0]
    assert delivery.parameters == {"MessageGroupId": "g"}
    assert (delivery.retry.retries_max, delivery.retry.age_max_ms) == (3, 60_000)
    assert delivery.dead_letter_arn == HOME.arn("sqs", "dead")
    assert (delivery.origin, delivery.source_arn, delivery.event_id) == ("rule", arn, result.event_id)
    assert delivery.created_ms == START_MS


@pytest.mark.parametrize("levels", [100, 400, 700, 990])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_deep_events_reach_every_kind_of_target(desk: Desk, levels: int, opening: str, closing: str) -> None:
    far = Scope(HOME.account, "eu-west-1")
    desk.rule("all", {"detail": {"tag": ["deep"]}})
    desk.target("all", "event")
    desk.target("all", "path", input_path="$.detail.deep")
    transformer = api.InputTransformer(
        input_paths_map={"tag": "$.detail.tag", "deep": "$.detail.deep"},
        input_template='{"tag": <tag>, "head": <aws.events.event>, "deep": <deep>}',
    )
    desk.target("all", "template", input_transformer=transformer)
    desk.target("all", "far", arn=far.arn("events", "event-bus/default"))
    desk.rule("far", {"detail": {"tag": ["deep"]}}, scope=far)
    desk.target("far", scope=far)
    deep = opening * levels + ("1" if opening != "[" else "") + closing * levels
    result = desk.put('{"tag": "deep", "deep": ' + deep + "}")
    assert result.error_code is None
    payloads = {delivery.target_arn.rpartition(":")[2]: delivery.payload for delivery in desk.deliveries}
    assert payloads.keys() == {"event", "path", "template", "box"}
    assert payloads["path"] == deep.encode()
    assert payloads["event"].endswith(b'"deep":' + deep.encode() + b"}}")
    assert b'"tag": "deep", "head": {"id":' in payloads["template"]
