"""Buses, their policies and their tags."""

from __future__ import annotations

import json

import pytest

from bascule.api import events as api
from bascule.kernel.errors import AwsError, ValidationError
from bascule.kernel.scope import Scope
from bascule.services.events.errors import (
    BusExists,
    BusNotFound,
    EventSourceNotFound,
    LimitExceeded,
    PolicyTooLong,
    StatementNotFound,
)
from tests.unit.services.events.desk import HOME, START_MS, Desk

ORDERS = HOME.arn("events", "event-bus/orders")


def refused(desk: Desk, name: str, /, **members: object) -> str:
    """The message an operation refuses with."""
    with pytest.raises(AwsError) as caught:
        desk.call(name, **members)
    return caught.value.message


def test_the_default_bus_exists_in_every_scope(desk: Desk) -> None:
    for scope in (HOME, Scope("444455556666", "eu-west-1")):
        bus = desk.call("DescribeEventBus", scope)
        assert (bus.name, bus.arn) == ("default", scope.arn("events", "event-bus/default"))
        assert bus.policy is None
        assert [listed.name for listed in desk.call("ListEventBuses", scope).event_buses] == ["default"]


def test_a_created_bus_is_described_with_what_was_given(desk: Desk) -> None:
    config = api.DeadLetterConfig(arn=HOME.arn("sqs", "dead"))
    made = desk.call("CreateEventBus", name="orders", description="d", dead_letter_config=config)
    assert (made.event_bus_arn, made.description) == (ORDERS, "d")
    for name in ("orders", ORDERS):
        bus = desk.call("DescribeEventBus", name=name)
        assert (bus.name, bus.arn, bus.description) == ("orders", ORDERS, "d")
        assert bus.dead_letter_config == config
        assert bus.creation_time == bus.last_modified_time == START_MS / 1000


def test_an_update_changes_only_what_is_given(desk: Desk) -> None:
    desk.call("CreateEventBus", name="orders", description="before")
    desk.clock.advance(1000)
    desk.call("UpdateEventBus", name="orders", dead_letter_config=api.DeadLetterConfig(arn=HOME.arn("sqs", "dead")))
    bus = desk.call("DescribeEventBus", name="orders")
    assert bus.description == "before"
    assert bus.last_modified_time == START_MS / 1000 + 1
    changed = desk.call("UpdateEventBus", name="orders", description="after")
    assert (changed.name, changed.arn, changed.description) == ("orders", ORDERS, "after")
    assert changed.dead_letter_config.arn == HOME.arn("sqs", "dead")


def test_buses_are_listed_by_name_in_pages(desk: Desk) -> None:
    for name in ("zebra", "alpha", "delta", "apple"):
        desk.call("CreateEventBus", name=name)
    names: list[str] = []
    token = None
    while True:
        page = desk.call("ListEventBuses", limit=2, next_token=token)
        names += [bus.name for bus in page.event_buses]
        token = page.next_token
        if token is None:
            break
    assert names == ["alpha", "apple", "default", "delta", "zebra"]
    assert [bus.name for bus in desk.call("ListEventBuses", name_prefix="a").event_buses] == ["alpha", "apple"]
    assert [bus.name for bus in desk.call("ListEventBuses", name_prefix="def").event_buses] == ["default"]
    assert refused(desk, "ListEventBuses", next_token="###") == "Parameter NextToken is not valid."


@pytest.mark.parametrize("name", ["orders", "default"])
def test_a_name_can_be_taken_once(desk: Desk, name: str) -> None:
    if name != "default":
        desk.call("CreateEventBus", name=name)
    with pytest.raises(BusExists) as caught:
        desk.call("CreateEventBus", name=name)
    assert caught.value.message == f"Event bus {name} already exists."


def test_partner_buses_need_a_partner(desk: Desk) -> None:
    assert refused(desk, "CreateEventBus", name="a/b") == "Event bus name must not contain '/'."
    with pytest.raises(EventSourceNotFound, match="Event source aws"):
        desk.call("CreateEventBus", name="aws.partner/x/y", event_source_name="aws.partner/x/y")


def test_at_most_a_hundred_buses(desk: Desk) -> None:
    for number in range(100):
        desk.call("CreateEventBus", name=f"bus-{number}")
    with pytest.raises(LimitExceeded, match="The requested resource exceeds the maximum number allowed"):
        desk.call("CreateEventBus", name="one-more")


@pytest.mark.parametrize(
    ("operation", "members"),
    [
        ("DescribeEventBus", {"name": "nope"}),
        ("UpdateEventBus", {"name": "nope"}),
        ("DeleteEventBus", {"name": "nope"}),
        ("PutPermission", {"event_bus_name": "nope", "policy": "{}"}),
        ("RemovePermission", {"event_bus_name": "nope", "remove_all_permissions": True}),
        ("ListRules", {"event_bus_name": "nope"}),
        ("PutRule", {"name": "r", "event_bus_name": "nope", "event_pattern": '{"a":["b"]}'}),
        ("DescribeRule", {"name": "r", "event_bus_name": "nope"}),
        ("DeleteRule", {"name": "r", "event_bus_name": "nope"}),
        ("ListRuleNamesByTarget", {"target_arn": "a", "event_bus_name": "nope"}),
        ("ListTargetsByRule", {"rule": "r", "event_bus_name": "nope"}),
        ("ListTagsForResource", {"resource_arn": HOME.arn("events", "event-bus/nope")}),
        ("ListTagsForResource", {"resource_arn": HOME.arn("events", "rule/nope/r")}),
    ],
)
def test_an_unknown_bus_is_named(desk: Desk, operation: str, members: dict[str, object]) -> None:
    with pytest.raises(BusNotFound) as caught:
        desk.call(operation, **members)
    assert caught.value.message == "Event bus nope does not exist."
    assert (caught.value.code, caught.value.status) == ("ResourceNotFoundException", 400)


def test_a_bus_is_deleted_only_without_rules(desk: Desk) -> None:
    assert refused(desk, "DeleteEventBus", name="default") == "Cannot delete event bus default."
    desk.call("CreateEventBus", name="orders", tags=[api.Tag(key="a", value="1")])
    desk.rule("r", event_bus_name="orders")
    assert refused(desk, "DeleteEventBus", name="orders") == "Event bus can't be deleted since it has rules."
    desk.call("DeleteRule", name="r", event_bus_name="orders")
    desk.call("DeleteEventBus", name="orders")
    desk.call("CreateEventBus", name="orders")
    assert desk.call("ListTagsForResource", resource_arn=ORDERS).tags == []


def test_a_statement_is_written_as_aws_writes_it(desk: Desk) -> None:
    desk.call("CreateEventBus", name="orders")
    add = {"event_bus_name": "orders", "action": "events:PutEvents"}
    desk.call("PutPermission", statement_id="one", principal="444455556666", **add)
    condition = api.Condition(type="StringEquals", key="aws:PrincipalOrgID", value="o-1")
    desk.call("PutPermission", statement_id="two", principal="*", condition=condition, **add)
    assert json.loads(desk.call("DescribeEventBus", name="orders").policy) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "one",
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::444455556666:root"},
                "Action": "events:PutEvents",
                "Resource": ORDERS,
            },
            {
                "Sid": "two",
                "Effect": "Allow",
                "Principal": "*",
                "Action": "events:PutEvents",
                "Resource": ORDERS,
                "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}},
            },
        ],
    }
    desk.call("RemovePermission", event_bus_name="orders", statement_id="one")
    assert [one["Sid"] for one in json.loads(desk.call("DescribeEventBus", name="orders").policy)["Statement"]] == [
        "two"
    ]
    desk.call("RemovePermission", event_bus_name="orders", remove_all_permissions=True)
    assert desk.call("DescribeEventBus", name="orders").policy is None


def test_a_whole_policy_replaces_everything(desk: Desk) -> None:
    desk.call("PutPermission", statement_id="one", principal="*", action="events:PutEvents")
    text = '{"Version": "2012-10-17", "Statement": {"Sid": "mine", "Effect": "Allow"}}'
    desk.call("PutPermission", policy=text)
    assert desk.call("DescribeEventBus").policy == text
    desk.call("RemovePermission", statement_id="mine")
    assert desk.call("DescribeEventBus").policy is None


def test_wrong_permissions_are_refused(desk: Desk) -> None:
    for _ in range(2):
        with pytest.raises(StatementNotFound, match="Statement with the provided id does not exist"):
            desk.call("RemovePermission", statement_id="nope")
        desk.call("PutPermission", statement_id="one", principal="*", action="events:PutEvents")
    assert refused(desk, "RemovePermission") == "Parameter StatementId is required."
    assert (
        refused(desk, "PutPermission", principal="*", action="events:PutEvents") == "Parameter StatementId is required."
    )
    wrong = refused(desk, "PutPermission", statement_id="s", principal="*", action="events:PutRule")
    assert wrong == "Provided value in parameter 'action' is not supported."
    assert refused(desk, "PutPermission", policy="no json") == "Parameter Policy is not valid."
    assert refused(desk, "PutPermission", policy='{"Statement": [1]}') == "Parameter Policy is not valid."
    with pytest.raises(PolicyTooLong):
        desk.call("PutPermission", policy=json.dumps({"Statement": [], "x": "y" * 10_240}))


def test_tags_are_added_replaced_and_removed(desk: Desk) -> None:
    desk.call("CreateEventBus", name="orders", tags=[api.Tag(key="b", value="1"), api.Tag(key="a", value="2")])
    desk.call("TagResource", resource_arn=ORDERS, tags=[api.Tag(key="b", value="3"), api.Tag(key="c", value="")])
    desk.call("UntagResource", resource_arn=ORDERS, tag_keys=["a", "never"])
    tags = desk.call("ListTagsForResource", resource_arn=ORDERS).tags
    assert [(tag.key, tag.value) for tag in tags] == [("b", "3"), ("c", "")]


def test_the_default_bus_and_rules_have_tags(desk: Desk) -> None:
    rule = desk.rule("r", tags=[api.Tag(key="made", value="1")])
    for arn in (HOME.arn("events", "event-bus/default"), rule):
        desk.call("TagResource", resource_arn=arn, tags=[api.Tag(key="k", value="v")])
        assert "k" in {tag.key for tag in desk.call("ListTagsForResource", resource_arn=arn).tags}
    desk.rule("r", tags=[api.Tag(key="ignored", value="on update")])
    assert [tag.key for tag in desk.call("ListTagsForResource", resource_arn=rule).tags] == ["made", "k"]
    desk.call("DeleteRule", name="r")
    desk.rule("r")
    assert desk.call("ListTagsForResource", resource_arn=rule).tags == []


def test_wrong_tags_are_refused(desk: Desk) -> None:
    twice = [api.Tag(key="a", value="1"), api.Tag(key="a", value="2")]
    assert (
        refused(desk, "CreateEventBus", name="x", tags=twice) == "Invalid parameter: Duplicated keys are not allowed."
    )
    with pytest.raises(ValidationError):
        desk.call("CreateEventBus", name="x", tags=[api.Tag(key=f"k{n}", value="") for n in range(51)])
    desk.call("CreateEventBus", name="orders", tags=[api.Tag(key=f"k{n}", value="") for n in range(50)])
    with pytest.raises(ValidationError):
        desk.call("TagResource", resource_arn=ORDERS, tags=[api.Tag(key="more", value="")])
    with pytest.raises(ValidationError):
        desk.call("TagResource", resource_arn=ORDERS, tags=[api.Tag(key="aws:x", value="")])
    for arn in ("orders", HOME.arn("sqs", "orders"), HOME.arn("events", "archive/x")):
        with pytest.raises(ValidationError, match="Parameter ResourceArn is not valid"):
            desk.call("ListTagsForResource", resource_arn=arn)
