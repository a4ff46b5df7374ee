"""Log groups as targets of rules: what is written there, what is refused, and who may."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.world import World

GROUP = "/aws/events/orders"
ARN = f"arn:aws:logs:us-east-1:000000000000:log-group:{GROUP}"


class Stage:
    """A rule for everything of ``shop`` with one target whose dead letters are kept."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.logs, self.events, self.sqs = world.client("logs"), world.client("events"), world.client("sqs")
        self.dead_url = self.sqs.create_queue(QueueName="dead")["QueueUrl"]
        self.rule_arn = self.events.put_rule(Name="r", EventPattern='{"source": ["shop"]}')["RuleArn"]

    def target(self, **members: Any) -> dict[str, Any]:
        dead = {"Arn": "arn:aws:sqs:us-east-1:000000000000:dead"}
        target = {"Id": "t", "Arn": ARN, "DeadLetterConfig": dead} | members
        return dict(self.events.put_targets(Rule="r", Targets=[target]))

    def put(self, detail: Any = None, **members: Any) -> str:
        entry = {"Source": "shop", "DetailType": "order", "Detail": json.dumps(detail or {})} | members
        event_id = self.events.put_events(Entries=[entry])["Entries"][0]["EventId"]
        self.world.settle()
        return str(event_id)

    def written(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.logs.filter_log_events(logGroupName=GROUP)["events"]
        return found

    def dead_letters(self) -> list[dict[str, Any]]:
        found = self.sqs.receive_message(
            QueueUrl=self.dead_url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        ).get("Messages", [])
        for message in found:
            self.sqs.delete_message(QueueUrl=self.dead_url, ReceiptHandle=message["ReceiptHandle"])
        return list(found)

    def refusals(self) -> list[tuple[str, str]]:
        attributes = [letter["MessageAttributes"] for letter in self.dead_letters()]
        return [(one["ERROR_CODE"]["StringValue"], one["ERROR_MESSAGE"]["StringValue"]) for one in attributes]

    def refused(self, **members: Any) -> str:
        with pytest.raises(ClientError) as caught:
            self.target(**members)
        assert caught.value.response["Error"]["Code"] == "ValidationException"
        return str(caught.value.response["Error"]["Message"])


@pytest.fixture
def stage() -> Iterator[Stage]:
    with World() as world:
        made = Stage(world)
        made.logs.create_log_group(logGroupName=GROUP)
        yield made


@pytest.fixture
def strict() -> Iterator[Stage]:
    with World(enforce_policies=True) as world:
        made = Stage(world)
        made.logs.create_log_group(logGroupName=GROUP)
        statement = {"Effect": "Allow", "Principal": "*", "Action": "sqs:*", "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        made.sqs.set_queue_attributes(QueueUrl=made.dead_url, Attributes={"Policy": policy})
        yield made


def transformer(template: str, **paths: str) -> dict[str, Any]:
    return {"InputPathsMap": paths, "InputTemplate": template}


def policy(effect: str = "Allow", resource: str = f"{ARN}:*", **condition: Any) -> str:
    statement = {
        "Effect": effect,
        "Principal": {"Service": ["events.amazonaws.com", "delivery.logs.amazonaws.com"]},
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": resource,
    } | ({"Condition": condition} if condition else {})
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.mark.parametrize("arn", [ARN, f"{ARN}:*"])
def test_the_whole_event_is_one_log_event_at_the_time_of_the_event(stage: Stage, arn: str) -> None:
    stage.target(Arn=arn)
    event_id = stage.put({"n": 1}, Time=datetime(2025, 12, 31, 23, 0, tzinfo=UTC))
    [written] = stage.written()
    event = json.loads(written["message"])
    assert (event["id"], event["detail"], event["detail-type"]) == (event_id, {"n": 1}, "order")
    assert written["timestamp"] == datetime(2025, 12, 31, 23, 0, tzinfo=UTC).timestamp() * 1000
    assert written["ingestionTime"] == stage.world.clock.now_ms()


def test_the_story_of_an_event_names_its_log_stream(stage: Stage) -> None:
    stage.target()
    story = json.loads(stage.world.get(f"/_bascule/stories/{stage.put()}").body)
    [delivery] = story["deliveries"]
    [stream] = stage.logs.describe_log_streams(logGroupName=GROUP)["logStreams"]
    assert (delivery["state"], delivery["target_arn"], delivery["reference"]) == (
        "accepted",
        ARN,
        stream["logStreamName"],
    )


def test_the_stream_is_made_by_the_service_and_shared_by_the_events_of_a_day(stage: Stage) -> None:
    stage.target()
    for n in range(3):
        stage.put({"n": n})
    stage.world.advance(hours=24)
    stage.put({"n": 3})
    streams = stage.logs.describe_log_streams(logGroupName=GROUP)["logStreams"]
    assert len(streams) == 2
    assert sorted(json.loads(one["message"])["detail"]["n"] for one in stage.written()) == [0, 1, 2, 3]


def test_an_event_with_a_thousand_levels_is_written(stage: Stage) -> None:
    stage.target()
    stage.put(None, Detail='{"a":' * 999 + "1" + "}" * 999)
    assert '"detail":{"a":' in stage.written()[0]["message"]


@pytest.mark.parametrize(
    ("timestamp", "expected_ms"),
    [
        ("<at>", 1_767_222_000_000),
        ('"<at>"', 1_767_222_000_000),
        ('"2025-12-31T23:00:00.25Z"', 1_767_222_000_250),
        ("1767222000001", 1_767_222_000_001),
        ('"1767222000001"', 1_767_222_000_001),
    ],
)
def test_a_template_gives_time_and_message(stage: Stage, timestamp: str, expected_ms: int) -> None:
    template = '{"timestamp": ' + timestamp + ', "message": "order <n> of \\"<who>\\""}'
    stage.target(InputTransformer=transformer(template, at="$.time", n="$.detail.n", who="$.detail.who"))
    stage.put({"n": 7, "who": "ann"}, Time=datetime(2025, 12, 31, 23, 0, tzinfo=UTC))
    assert [(one["timestamp"], one["message"]) for one in stage.written()] == [(expected_ms, 'order 7 of "ann"')]


def test_a_message_that_is_an_object_is_written_as_its_json(stage: Stage) -> None:
    template = '{"message":<what>,"timestamp":<at>}'
    stage.target(InputTransformer=transformer(template, at="$.time", what="$.detail"))
    stage.put({"n": [1, "x"]})
    assert stage.written()[0]["message"] == '{"n":[1,"x"]}'


def test_a_template_whose_time_is_none_sends_the_original_event_to_the_dead_letter_queue(stage: Stage) -> None:
    template = '{"timestamp":<at>,"message":"m"}'
    stage.target(InputTransformer=transformer(template, at="$.detail.at"))
    stage.put({"at": "yesterday"})
    [letter] = stage.dead_letters()
    assert letter["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "INVALID_JSON"
    assert json.loads(letter["Body"])["detail"] == {"at": "yesterday"}
    assert stage.written() == []


def test_put_targets_refuses_what_a_log_group_cannot_be_given(stage: Stage) -> None:
    assert stage.refused(RoleArn="arn:aws:iam::000000000000:role/r") == f"RoleArn is not supported for target {ARN}."
    assert stage.refused(Input='{"a":1}') == f"Input is not supported for target {ARN}."
    assert stage.refused(InputPath="$.detail") == f"InputPath is not supported for target {ARN}."
    assert (
        stage.refused(InputTransformer=transformer('"<n> orders"', n="$.detail.n"))
        == "Input for target t is not a valid JSON text."
    )
    form = '{"timestamp":<timestamp>,"message":<message>}'
    for template in ('{"SomeParam": "x"}', '{"timestamp": 1}', '{"timestamp": 1, "message": "m", "more": 1}'):
        found = stage.refused(InputTransformer=transformer(template))
        assert found == f"InputTemplate for target t must be of the form {form}."
    assert "Provided Arn is not in correct format." in stage.refused(Arn=ARN.replace("log-group", "destination"))
    assert stage.events.list_targets_by_rule(Rule="r")["Targets"] == []


def test_a_missing_group_is_final_and_another_target_of_the_rule_is_not_hurt(stage: Stage) -> None:
    stage.target(Arn=f"{ARN}-missing")
    stage.events.put_targets(Rule="r", Targets=[{"Id": "u", "Arn": ARN}])
    event_id = stage.put({"n": 1})
    [letter] = stage.dead_letters()
    attributes = {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}
    assert attributes == {
        "RULE_ARN": stage.rule_arn,
        "TARGET_ARN": f"{ARN}-missing",
        "ERROR_CODE": "NO_RESOURCE",
        "ERROR_MESSAGE": "The specified log group does not exist.",
        "RETRY_ATTEMPTS": "0",
    }
    assert json.loads(letter["Body"])["id"] == event_id
    assert len(stage.written()) == 1


def test_an_event_that_logs_would_not_take_is_a_dead_letter_and_never_silently_gone(stage: Stage) -> None:
    stage.target()
    stage.put(Time=datetime(2025, 12, 1, tzinfo=UTC))
    assert stage.refusals() == [("INVALID_PARAMETER", "The log event is too old or has expired.")]
    stage.put(Time=datetime(2026, 1, 1, 3, tzinfo=UTC))
    assert stage.refusals() == [("INVALID_PARAMETER", "The log event is too new.")]
    stage.logs.put_retention_policy(logGroupName=GROUP, retentionInDays=1)
    stage.put(Time=datetime(2025, 12, 30, tzinfo=UTC))
    assert stage.refusals() == [("INVALID_PARAMETER", "The log event is too old or has expired.")]
    assert stage.written() == []


def test_a_target_that_is_throttled_for_a_while_is_tried_again(stage: Stage) -> None:
    stage.target()
    faults = stage.world.bascule.delivery.faults
    assert faults is not None
    faults.put(ARN, "throttled", times=2)
    stage.put({"n": 1})
    assert stage.written() == []
    stage.world.advance(minutes=1)
    assert len(stage.written()) == 1
    assert stage.refusals() == []


def test_a_schedule_writes_its_event(stage: Stage) -> None:
    stage.events.put_rule(Name="r", ScheduleExpression="rate(5 minutes)")
    stage.target()
    stage.world.advance(minutes=11)
    assert [json.loads(one["message"])["detail-type"] for one in stage.written()] == ["Scheduled Event"] * 2


def test_enforced_policies_ask_the_resource_policies_of_the_account(strict: Stage) -> None:
    strict.target()
    strict.put()
    [(code, message)] = strict.refusals()
    assert code == "NO_PERMISSIONS"
    assert message.startswith(
        f"events.amazonaws.com is not authorized to perform: logs:CreateLogStream on resource: {ARN}:log-stream:"
    )
    strict.logs.put_resource_policy(policyName="other", policyDocument=policy(resource=f"{ARN}-other:*"))
    strict.put()
    assert len(strict.refusals()) == 1
    strict.logs.put_resource_policy(
        policyName="TrustEvents", policyDocument=policy(ArnLike={"aws:SourceArn": strict.rule_arn})
    )
    strict.put({"n": 1})
    assert (strict.refusals(), len(strict.written())) == ([], 1)
    strict.logs.delete_resource_policy(policyName="TrustEvents")
    strict.put()
    assert (len(strict.refusals()), len(strict.written())) == (1, 1)


def test_the_policy_of_the_group_itself_is_enough(strict: Stage) -> None:
    strict.target()
    strict.logs.put_resource_policy(resourceArn=ARN, policyDocument=policy())
    strict.put()
    assert (strict.refusals(), len(strict.written())) == ([], 1)


def test_a_deny_counts_without_enforcement(stage: Stage) -> None:
    stage.target()
    stage.logs.put_resource_policy(policyName="no", policyDocument=policy("Deny"))
    stage.put()
    assert [code for code, _ in stage.refusals()] == ["NO_PERMISSIONS"]


def test_rules_are_found_by_the_group_they_write_to_and_count_their_deliveries(stage: Stage) -> None:
    stage.target()
    stage.put()
    assert stage.events.list_rule_names_by_target(TargetArn=ARN)["RuleNames"] == ["r"]
    counted = json.loads(stage.world.get("/_bascule/metrics").body)["events.SuccessfulInvocationAttempts"]
    assert counted == {stage.rule_arn: 1}
