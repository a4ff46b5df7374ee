"""``--enforce-policies``: what a target's resource policy does not allow ends in the dead-letter queue."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.functions import create_function
from tests.world import World

HANDLER = "def handler(event, context):\n    return event\n"


@pytest.fixture
def strict() -> Iterator[World]:
    with World(enforce_policies=True) as running:
        yield running


def policy(service: str, arn: str, effect: str = "Allow") -> str:
    statement = {
        "Effect": effect,
        "Principal": {"Service": f"{service}.amazonaws.com"},
        "Action": "sqs:SendMessage" if ":sqs:" in arn else "sns:Publish",
        "Resource": arn,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


class Stage:
    """A rule that matches everything of ``shop`` and whose dead letters are kept."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.sqs, self.events = world.client("sqs"), world.client("events")
        self.dead_url, self.dead_arn = self.queue("dead")
        self.allow(self.dead_url, policy("events", self.dead_arn))
        pattern = json.dumps({"source": ["shop"]})
        self.rule_arn = self.events.put_rule(Name="r", EventPattern=pattern)["RuleArn"]

    def queue(self, name: str) -> tuple[str, str]:
        url = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        return url, arn

    def allow(self, url: str, text: str) -> None:
        self.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": text})

    def target(self, arn: str) -> None:
        target = {"Id": "t", "Arn": arn, "DeadLetterConfig": {"Arn": self.dead_arn}}
        assert self.events.put_targets(Rule="r", Targets=[target])["FailedEntryCount"] == 0

    def put(self) -> None:
        entry = {"Source": "shop", "DetailType": "order", "Detail": "{}"}
        assert self.events.put_events(Entries=[entry])["FailedEntryCount"] == 0
        self.world.settle()

    def bodies(self, url: str) -> list[Any]:
        found = self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
        return found.get("Messages", [])

    def refusals(self) -> list[tuple[str, str]]:
        """Code and message of the dead letters."""
        found = [message["MessageAttributes"] for message in self.bodies(self.dead_url)]
        return [(one["ERROR_CODE"]["StringValue"], one["ERROR_MESSAGE"]["StringValue"]) for one in found]


def test_a_queue_takes_events_when_its_policy_lets_the_rule_in(strict: World) -> None:
    stage = Stage(strict)
    url, arn = stage.queue("q")
    stage.target(arn)
    stage.put()
    ((code, message),) = stage.refusals()
    assert code == "NO_PERMISSIONS"
    assert "events.amazonaws.com is not authorized to perform: sqs:SendMessage" in message
    stage.allow(url, policy("events", arn))
    stage.put()
    assert len(stage.bodies(url)) == 1
    assert stage.refusals() == []


def test_an_explicit_deny_is_heard_without_the_setting(world: World) -> None:
    stage = Stage(world)
    url, arn = stage.queue("q")
    stage.target(arn)
    stage.put()
    assert len(stage.bodies(url)) == 1
    stage.allow(url, policy("events", arn, "Deny"))
    stage.put()
    assert stage.bodies(url) == []
    ((code, message),) = stage.refusals()
    assert (code, "explicit deny" in message) == ("NO_PERMISSIONS", True)


def test_a_topic_needs_the_queue_and_the_rule_needs_the_topic(strict: World) -> None:
    stage = Stage(strict)
    sns = strict.client("sns")
    url, arn = stage.queue("q")
    topic = sns.create_topic(Name="t")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    stage.target(topic)
    stage.put()
    ((code, message),) = stage.refusals()
    assert (code, "sns:Publish" in message) == ("NO_PERMISSIONS", True)
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy("events", topic))
    stage.put()
    assert stage.bodies(url) == []
    stage.allow(url, policy("sns", arn))
    stage.put()
    assert len(stage.bodies(url)) == 1


def test_a_function_takes_events_after_add_permission(strict: World) -> None:
    stage = Stage(strict)
    functions = strict.client("lambda")
    arn = create_function(functions, "f", HANDLER)
    stage.target(arn)
    stage.put()
    ((code, message),) = stage.refusals()
    assert (code, "lambda:InvokeFunction" in message) == ("NO_PERMISSIONS", True)
    functions.add_permission(
        FunctionName="f",
        StatementId="rule",
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=stage.rule_arn,
    )
    stage.put()
    assert stage.refusals() == []


def test_a_bus_of_another_account_takes_events_after_put_permission(strict: World) -> None:
    stage = Stage(strict)
    stage.target("arn:aws:events:us-east-1:111122223333:event-bus/default")
    stage.put()
    ((code, message),) = stage.refusals()
    assert (code, "events:PutEvents" in message) == ("NO_PERMISSIONS", True)
    strict.client("events", account="111122223333").put_permission(
        Action="events:PutEvents", Principal="000000000000", StatementId="friend"
    )
    stage.put()
    assert stage.refusals() == []


def test_a_role_is_assumed_by_those_it_trusts(strict: World) -> None:
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::000000000000:root"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    made = strict.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(trust))
    arn = made["Role"]["Arn"]
    assert strict.client("sts").assume_role(RoleArn=arn, RoleSessionName="me")["Credentials"]
    stranger = strict.client("sts", account="111122223333")
    with pytest.raises(stranger.exceptions.ClientError, match="AccessDenied"):
        stranger.assume_role(RoleArn=arn, RoleSessionName="me")
