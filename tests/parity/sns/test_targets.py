"""Topics between other services: rules and failed functions publish to them, functions listen to them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bascule.services.sns import state
from tests.functions import create_function
from tests.parity.sns.conftest import signing_key
from tests.parity.sns.endpoint import Endpoint
from tests.parity.sns.inbox import Inbox
from tests.world import World

ECHOES = """
import boto3, json, os
def handler(event, context):
    print("SAW " + json.dumps(event))
"""
FAILS = """
def handler(event, context):
    raise ValueError("broken on purpose")
"""


def listening(sns: Any, inbox: Inbox, name: str, **attributes: str) -> tuple[str, str]:
    """A topic with one queue; gives both ARNs."""
    topic = sns.create_topic(Name=name)["TopicArn"]
    queue = inbox.queue(name)
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes=attributes)
    return topic, queue


def rule(world: World, name: str, **target: Any) -> Any:
    events = world.client("events")
    events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))
    events.put_targets(Rule=name, Targets=[{"Id": "t", **target}])
    return events


def put(events: Any, source: str, detail: dict[str, Any]) -> str:
    entry = {"Source": source, "DetailType": "d", "Detail": json.dumps(detail)}
    return str(events.put_events(Entries=[entry])["Entries"][0]["EventId"])


def story(world: World, event_id: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(world.get(f"/_bascule/stories/{event_id}").body)
    return found


def test_a_rule_publishes_the_event_and_its_story_goes_on_to_the_subscribers(
    world: World, sns: Any, inbox: Inbox, endpoint: Endpoint
) -> None:
    topic, queue = listening(sns, inbox, "from-rule")
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=endpoint.url)
    world.settle()
    sns.confirm_subscription(TopicArn=topic, Token=endpoint.take()[0].json["Token"])
    endpoint.answers.append(500)
    event_id = put(rule(world, "from-rule", Arn=topic), "from-rule", {"n": 1})
    world.advance(minutes=1)
    [body] = inbox.bodies(queue)
    event = json.loads(body["Message"])
    assert (event["id"], event["detail"]) == (event_id, {"n": 1})
    assert "Subject" not in body
    told = json.dumps(story(world, event_id))
    for target in (topic, queue, endpoint.url):
        assert target in told
    assert "The end point answered with status 500." in told


def test_a_fifo_topic_is_refused_as_a_rule_target(world: World, sns: Any, inbox: Inbox) -> None:
    topic = sns.create_topic(Name="rule.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
    letters = inbox.queue("rule-letters")
    events = rule(world, "to-fifo", Arn=topic, DeadLetterConfig={"Arn": letters})
    put(events, "to-fifo", {})
    [letter] = inbox.messages(letters)
    assert letter["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "INVALID_PARAMETER"


def test_a_function_is_invoked_with_one_record(world: World, sns: Any) -> None:
    function = create_function(world.client("lambda"), "listener", ECHOES)
    topic = sns.create_topic(Name="to-function")["TopicArn"]
    arn = sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=function)["SubscriptionArn"]
    sns.publish(TopicArn=topic, Message="hello")
    world.settle()
    logs = world.client("logs").filter_log_events(logGroupName="/aws/lambda/listener", filterPattern='"SAW"')
    [event] = [json.loads(one["message"][4:]) for one in logs["events"]]
    [record] = event["Records"]
    assert (record["EventSource"], record["EventVersion"], record["EventSubscriptionArn"]) == ("aws:sns", "1.0", arn)
    assert list(record["Sns"]) == [
        "Type",
        "MessageId",
        "TopicArn",
        "Subject",
        "Message",
        "Timestamp",
        "SignatureVersion",
        "Signature",
        "SigningCertUrl",
        "UnsubscribeUrl",
        "MessageAttributes",
    ]
    assert (record["Sns"]["Subject"], record["Sns"]["MessageAttributes"]) == (None, {})


def test_dead_letters_and_destinations_of_functions_are_published(world: World, sns: Any, inbox: Inbox) -> None:
    dead, dead_queue = listening(sns, inbox, "function-dead", RawMessageDelivery="true")
    failed, failed_queue = listening(sns, inbox, "function-failed")
    functions = world.client("lambda")
    create_function(functions, "failing", FAILS, DeadLetterConfig={"TargetArn": dead})
    functions.put_function_event_invoke_config(
        FunctionName="failing",
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": failed}},
    )
    functions.invoke(FunctionName="failing", InvocationType="Event", Payload=b'{"order": 7}')
    world.advance(minutes=1)
    [letter] = inbox.messages(dead_queue)
    assert json.loads(letter["Body"]) == {"order": 7}
    assert letter["MessageAttributes"].keys() == {"RequestID", "ErrorCode", "ErrorMessage"}
    assert letter["MessageAttributes"]["ErrorCode"] == {"StringValue": "200", "DataType": "Number"}
    [body] = inbox.bodies(failed_queue)
    assert json.loads(body["Message"])["requestContext"]["condition"] == "RetriesExhausted"


def test_http_retries_go_on_after_a_restart(tmp_path: Path, endpoint: Endpoint) -> None:
    with World(tmp_path) as world:
        world.write(lambda tx: state.put_signing_key(tx, signing_key()))
        sns = world.client("sns")
        topic = sns.create_topic(Name="durable")["TopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=endpoint.url)
        world.settle()
        sns.confirm_subscription(TopicArn=topic, Token=endpoint.take()[0].json["Token"])
        endpoint.answers.extend([500, 500])
        sns.publish(TopicArn=topic, Message="durable")
        world.advance(seconds=5)
        assert len(endpoint.take()) == 1
    with World(tmp_path) as world:
        world.advance(seconds=19)
        assert endpoint.take() == []
        world.advance(seconds=25)
        assert len(endpoint.take()) == 2
        world.advance(minutes=10)
        assert endpoint.take() == []
