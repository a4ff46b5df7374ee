"""Rules and their targets: what is stored, listed and refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bascule.api import events as api
from bascule.kernel.errors import AwsError, NotImplementedHere, ValidationError
from bascule.kernel.scope import Scope
from bascule.services.events.errors import InvalidPattern, LimitExceeded, RuleNotFound
from tests.unit.services.events.desk import HOME, Desk

PATTERN = '{"source": ["shop"]}'
QUEUE = HOME.arn("sqs", "q")


def refused(desk: Desk, name: str, /, **members: object) -> str:
    with pytest.raises(AwsError) as caught:
        desk.call(name, **members)
    return caught.value.message


def target_refused(desk: Desk, **members: Any) -> str:
    target = api.Target(**({"id": "t1", "arn": QUEUE} | members))
    return refused(desk, "PutTargets", rule="r", targets=[target])


def test_arns_leave_the_default_bus_out(desk: Desk) -> None:
    desk.call("CreateEventBus", name="orders")
    assert desk.rule("r") == HOME.arn("events", "rule/r")
    assert desk.rule("r", event_bus_name="orders") == HOME.arn("events", "rule/orders/r")


def test_a_rule_is_described_with_what_was_given(desk: Desk) -> None:
    desk.call("PutRule", name="r", event_pattern=PATTERN, description="d", role_arn="arn:aws:iam::1:role/x")
    rule = desk.call("DescribeRule", name="r")
    assert rule == api.DescribeRuleResponse(
        name="r",
        arn=HOME.arn("events", "rule/r"),
        event_pattern=PATTERN,
        state="ENABLED",
        description="d",
        role_arn="arn:aws:iam::1:role/x",
        event_bus_name="default",
        created_by=HOME.account,
    )


def test_putting_again_resets_what_is_left_out_and_keeps_targets(desk: Desk) -> None:
    desk.call("PutRule", name="r", event_pattern=PATTERN, description="d", state="DISABLED")
    desk.target("r")
    desk.call("PutRule", name="r", schedule_expression="rate(5 minutes)")
    rule = desk.call("DescribeRule", name="r")
    assert (rule.event_pattern, rule.description, rule.state) == (None, None, "ENABLED")
    assert rule.schedule_expression == "rate(5 minutes)"
    assert len(desk.call("ListTargetsByRule", rule="r").targets) == 1


def test_enable_and_disable_change_only_the_state(desk: Desk) -> None:
    desk.rule("r", description="d")
    desk.target("r")
    for _ in range(2):
        desk.call("DisableRule", name="r")
        assert desk.call("DescribeRule", name="r").state == "DISABLED"
    desk.put()
    assert desk.received == []
    for _ in range(2):
        desk.call("EnableRule", name="r")
        assert desk.call("DescribeRule", name="r").state == "ENABLED"
    desk.put()
    assert len(desk.received) == 1
    assert desk.call("DescribeRule", name="r").description == "d"


def test_rules_are_listed_by_name_prefix_and_page(desk: Desk) -> None:
    desk.call("CreateEventBus", name="other")
    desk.rule("elsewhere", event_bus_name="other")
    for name in ("b2", "a1", "b1", "b3"):
        desk.rule(name)
    page = desk.call("ListRules", name_prefix="b", limit=2)
    assert [rule.name for rule in page.rules] == ["b1", "b2"]
    rest = desk.call("ListRules", name_prefix="b", limit=2, next_token=page.next_token)
    assert [rule.name for rule in rest.rules] == ["b3"]
    assert rest.next_token is None
    assert json.loads(page.rules[0].event_pattern) == {"source": ["shop"]}
    assert [rule.name for rule in desk.call("ListRules").rules] == ["a1", "b1", "b2", "b3"]


def test_rules_are_found_by_target(desk: Desk) -> None:
    for name in ("c", "a", "b"):
        desk.rule(name)
        desk.target(name, "same", arn=QUEUE)
    desk.rule("d")
    desk.target("d", "other")
    page = desk.call("ListRuleNamesByTarget", target_arn=QUEUE, limit=2)
    assert page.rule_names == ["a", "b"]
    assert desk.call("ListRuleNamesByTarget", target_arn=QUEUE, next_token=page.next_token).rule_names == ["c"]
    assert desk.call("ListRuleNamesByTarget", target_arn="arn:none").rule_names == []


def test_a_rule_with_targets_is_not_deleted(desk: Desk) -> None:
    desk.rule("r")
    desk.target("r", "t")
    assert refused(desk, "DeleteRule", name="r") == "Rule can't be deleted since it has targets."
    desk.call("RemoveTargets", rule="r", ids=["t", "never"])
    desk.call("DeleteRule", name="r")
    desk.call("DeleteRule", name="r")
    assert desk.call("ListRules").rules == []


@pytest.mark.parametrize(
    ("operation", "members"),
    [
        ("DescribeRule", {"name": "nope"}),
        ("EnableRule", {"name": "nope"}),
        ("DisableRule", {"name": "nope"}),
        ("PutTargets", {"rule": "nope", "targets": [api.Target(id="a", arn=QUEUE)]}),
        ("RemoveTargets", {"rule": "nope", "ids": ["a"]}),
        ("ListTargetsByRule", {"rule": "nope"}),
        ("TagResource", {"resource_arn": HOME.arn("events", "rule/nope"), "tags": []}),
    ],
)
def test_an_unknown_rule_is_named(desk: Desk, operation: str, members: dict[str, object]) -> None:
    with pytest.raises(RuleNotFound) as caught:
        desk.call(operation, **members)
    assert caught.value.message == "Rule nope does not exist on EventBus default."


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({}, "Parameter(s) EventPattern or ScheduleExpression must be specified."),
        ({"schedule_expression": "rate(1 minutes)"}, "Parameter ScheduleExpression is not valid."),
        ({"schedule_expression": "rate(5 minutes)", "event_bus_name": "orders"},
         "ScheduleExpression is supported only on the default event bus."),
    ],
)  # fmt: skip
def test_a_rule_needs_something_that_sets_it_off(desk: Desk, members: dict[str, object], message: str) -> None:
    desk.call("CreateEventBus", name="orders")
    assert refused(desk, "PutRule", name="r", **members) == message


def test_a_bad_pattern_is_refused_in_the_words_of_the_service(desk: Desk) -> None:
    with pytest.raises(InvalidPattern) as caught:
        desk.call("PutRule", name="r", event_pattern='{"a": 1}')
    assert caught.value.message == (
        'Event pattern is not valid. Reason: "a" must be an object or an array\n'
        ' at [Source: (String)"{"a": 1}"; line: 1, column: 8]'
    )
    assert caught.value.code == "InvalidEventPatternException"


def test_targets_are_echoed_exactly(desk: Desk) -> None:
    desk.rule("r")
    given = [
        api.Target(id="a", arn=QUEUE, input='{"x": 1}', retry_policy=api.RetryPolicy(maximum_retry_attempts=0)),
        api.Target(id="b", arn=QUEUE, input_path="$.detail", dead_letter_config=api.DeadLetterConfig(arn=QUEUE)),
        api.Target(
            id="c",
            arn=HOME.arn("sqs", "q.fifo"),
            input_transformer=api.InputTransformer(input_paths_map={"x": "$.id"}, input_template='"<x>"'),
            sqs_parameters=api.SqsParameters(message_group_id="g"),
            role_arn="arn:aws:iam::1:role/x",
        ),
        api.Target(id="d", arn="arn:aws:logs:us-east-1:111122223333:log-group:/aws/events/x"),
    ]
    answer = desk.call("PutTargets", rule="r", targets=given[::-1])
    assert (answer.failed_entry_count, answer.failed_entries) == (0, [])
    assert desk.call("ListTargetsByRule", rule="r").targets == given
    page = desk.call("ListTargetsByRule", rule="r", limit=3)
    assert desk.call("ListTargetsByRule", rule="r", limit=3, next_token=page.next_token).targets == given[3:]


def test_the_same_id_replaces_the_whole_target(desk: Desk) -> None:
    desk.rule("r")
    desk.target("r", "t", arn=QUEUE, input="1")
    desk.target("r", "t", arn=HOME.arn("sqs", "other"))
    targets = desk.call("ListTargetsByRule", rule="r").targets
    assert targets == [api.Target(id="t", arn=HOME.arn("sqs", "other"))]


def test_a_rule_has_at_most_five_targets(desk: Desk) -> None:
    desk.rule("r")
    for number in range(5):
        desk.target("r", f"t{number}")
    with pytest.raises(LimitExceeded, match="The requested resource exceeds the maximum number allowed"):
        desk.target("r", "t5")
    desk.target("r", "t4", arn=QUEUE)
    assert len(desk.call("ListTargetsByRule", rule="r").targets) == 5


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"input": "1", "input_path": "$"},
         "Only one of Input, InputPath, or InputTransformer must be provided for target t1."),
        ({"input_transformer": api.InputTransformer(input_paths_map={"a": "$.a"}, input_template='"<b> <a>"')},
         "InputTemplate for target t1 contains invalid placeholder b."),
        ({"input_transformer": api.InputTransformer(input_paths_map={"AWSx": "$.a"}, input_template='"<AWSx>"')},
         "InputPathsMap for target t1 contains invalid key AWSx."),
        ({"arn": "queue"}, "Parameter queue is not valid. Reason: Provided Arn is not in correct format."),
        ({"arn": HOME.arn("sqs", "q.fifo")}, "Parameter(s) SqsParameters must be specified for target: t1."),
        ({"arn": HOME.arn("kinesis", "stream/s")}, f"RoleArn is required for target {HOME.arn('kinesis', 'stream/s')}."),
        ({"input": "{'a': 1}"},
         "JSON syntax error in input for target t1: [Source: (String)\"{'a': 1}\"; line: 1, column: 3]"),
        ({"arn": HOME.arn("events", "event-bus/x"), "input": "1"},
         "Input, InputPath and InputTransformer are not supported for target t1: an event bus receives events unchanged."),
        ({"dead_letter_config": api.DeadLetterConfig(arn="dead")},
         "Parameter dead is not valid. Reason: Provided Arn is not in correct format."),
    ],
)  # fmt: skip
def test_a_target_that_cannot_work_is_refused(desk: Desk, members: dict[str, Any], message: str) -> None:
    desk.rule("r")
    assert target_refused(desk, **members) == message
    assert desk.call("ListTargetsByRule", rule="r").targets == []


@pytest.mark.parametrize(
    ("arn", "reason"),
    [
        ("no-arn", "Provided Arn is not in correct format."),
        (HOME.arn("sns", "t"), "Provided Arn is not in correct format."),
        (HOME.arn("sqs", "dead.fifo"), "A dead-letter queue must be a standard queue."),
        (f"arn:aws:sqs:eu-west-1:{HOME.account}:dead", "A dead-letter queue must be in the Region of the rule."),
    ],
)
def test_a_dead_letter_queue_that_could_never_take_a_letter_is_refused(desk: Desk, arn: str, reason: str) -> None:
    desk.rule("r")
    message = target_refused(desk, dead_letter_config=api.DeadLetterConfig(arn=arn))
    assert message == f"Parameter {arn} is not valid. Reason: {reason}"


@pytest.mark.parametrize(
    "resource", [("sqs", "q"), ("lambda", "function:f"), ("sns", "t"), ("logs", "log-group:g"), ("events", "rule/r")]
)
def test_only_a_bus_may_be_in_another_region(desk: Desk, resource: tuple[str, str]) -> None:
    desk.rule("r")
    far = Scope(HOME.account, "eu-west-1")
    assert target_refused(desk, arn=far.arn(*resource)) == "Cross-region api call is not allowed."
    desk.target("r", arn=far.arn("events", "event-bus/b"))
    desk.target("r", "other-account", arn=Scope("444455556666", HOME.region).arn(*resource))


def test_sqs_parameters_are_for_queues(desk: Desk) -> None:
    desk.rule("r")
    members = {"arn": HOME.arn("lambda", "function:f"), "sqs_parameters": api.SqsParameters(message_group_id="g")}
    assert target_refused(desk, **members) == "Parameter(s) SqsParameters are not valid for target: t1."


def test_parameters_without_a_delivery_behind_them_are_refused_loudly(desk: Desk) -> None:
    desk.rule("r")
    with pytest.raises(NotImplementedHere, match="KinesisParameters"):
        desk.target("r", kinesis_parameters=api.KinesisParameters(partition_key_path="$.id"))
    with pytest.raises(NotImplementedHere, match="EcsParameters"):
        desk.target("r", ecs_parameters=api.EcsParameters(task_definition_arn="x"))


def test_rules_of_another_scope_are_reached_by_the_arn_of_their_bus(desk: Desk) -> None:
    other = Scope("444455556666", "eu-west-1")
    desk.call("CreateEventBus", other, name="shared")
    bus = other.arn("events", "event-bus/shared")
    assert desk.rule("mine", event_bus_name=bus) == other.arn("events", "rule/shared/mine")
    assert desk.call("DescribeRule", other, name="mine", event_bus_name="shared").created_by == HOME.account
    assert desk.call("ListRules").rules == []


@pytest.mark.parametrize(
    ("event", "result"),
    [
        ({"id": "1", "account": "1", "source": "shop", "time": "t", "region": "r", "detail-type": "d"}, True),
        ({"id": "1", "account": "1", "source": "other", "time": "t", "region": "r", "detail-type": "d"}, False),
    ],
)
def test_a_pattern_is_tested_without_bus_or_rule(desk: Desk, event: dict[str, str], result: bool) -> None:
    assert desk.call("TestEventPattern", event_pattern=PATTERN, event=json.dumps(event)).result is result


@pytest.mark.parametrize("event", ["text", "[]", "{}", '{"id":"1","account":"1","source":"s","time":"t","region":"r"}'])
def test_what_is_not_an_event_is_not_tested(desk: Desk, event: str) -> None:
    with pytest.raises(ValidationError, match="Parameter Event is not valid"):
        desk.call("TestEventPattern", event_pattern=PATTERN, event=event)
    with pytest.raises(InvalidPattern, match="Filter is not an object"):
        desk.call("TestEventPattern", event_pattern="[]", event=event)
