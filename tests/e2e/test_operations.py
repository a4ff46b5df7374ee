"""Dead-letter queues and retries as people see them: ``bascule dlq`` and ``bascule retries`` on a running server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from bascule.cli import build
from tests.functions import create_function
from tests.server import Server

PREFIX = "arn:aws:sqs:us-east-1:000000000000:"
#: Fails until its variable says otherwise; then it tells what it got.
MOODY = """
import json, os, boto3
sqs = boto3.client("sqs")
def handler(event, context):
    if os.environ["MOOD"] == "bad":
        raise ValueError("no mood for this")
    sqs.send_message(QueueUrl=os.environ["DONE"], MessageBody=json.dumps(event))
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("operations"), "--test") as running:
        httpx.post(f"{running.url}/_bascule/clock", json={"freeze": True})
        yield running


def _bascule(server: Server, *arguments: str) -> Any:
    """The command in this process, because starting one takes longer than what it does."""
    url = () if "--url" in arguments else ("--url", server.url)
    return CliRunner().invoke(build(arguments[:1]), [*arguments, *url], env={"COLUMNS": "240"})


def _json(server: Server, *arguments: str, code: int = 0) -> Any:
    done = _bascule(server, *arguments, "--json")
    assert done.exit_code == code, done.stderr
    return json.loads(done.stdout)


def _advance(server: Server, seconds: int) -> None:
    answer = httpx.post(f"{server.url}/_bascule/clock", json={"advance_s": seconds}, timeout=70)
    assert answer.status_code == 200, answer.text


def _queue(server: Server, name: str, **attributes: str) -> str:
    url: str = server.client("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    return url


def _bodies(server: Server, url: str) -> list[str]:
    found = server.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    return [message["Body"] for message in found]


def _put(server: Server, source: str, **detail: Any) -> str:
    entry = {"Source": source, "DetailType": "Happened", "Detail": json.dumps(detail)}
    event_id: str = server.client("events").put_events(Entries=[entry])["Entries"][0]["EventId"]
    return event_id


def _rule(server: Server, name: str, **target: Any) -> None:
    events = server.client("events")
    events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))
    assert events.put_targets(Rule=name, Targets=[{"Id": "1", **target}])["FailedEntryCount"] == 0


def _depth(server: Server, name: str) -> int:
    (queue,) = [one for one in _json(server, "dlq", "ls")["queues"] if one["name"] == name]
    depth: int = queue["messages"]
    return depth


def test_an_event_that_missed_its_target_is_shown_explained_and_delivered_after_all(server: Server) -> None:
    _queue(server, "rule-dead")
    target = {"Arn": PREFIX + "comes-later", "DeadLetterConfig": {"Arn": PREFIX + "rule-dead"}}
    _rule(server, "orders", **target, InputPath="$.detail")
    event_id = _put(server, "orders", amount=7)
    (listed,) = [one for one in _json(server, "dlq", "ls")["queues"] if one["name"] == "rule-dead"]
    assert (listed["messages"], listed["exists"], listed["oldest_ms"] > 0) == (1, True, True)
    rule_arn = "arn:aws:events:us-east-1:000000000000:rule/orders"
    assert listed["used_by"] == [{"kind": "rule", "source_arn": rule_arn, "target_arn": PREFIX + "comes-later"}]
    (message,) = _json(server, "dlq", "show", "rule-dead")["messages"]
    assert message["event_id"] == event_id
    assert (message["why"]["kind"], message["why"]["code"]) == ("rule", "NO_RESOURCE")
    told = _bascule(server, "dlq", "show", "rule-dead").stdout
    assert "rule orders could not reach queue comes-later: NO_RESOURCE" in told, told

    again = _json(server, "dlq", "redrive", "rule-dead")
    assert (again["moved"], again["stays"]) == (1, [])
    assert _depth(server, "rule-dead") == 1, "what fails again comes back, and is not taken a second time"

    url = _queue(server, "comes-later")
    assert "1 of 1 messages were sent again" in _bascule(server, "dlq", "redrive", "rule-dead").stdout
    assert _depth(server, "rule-dead") == 0
    assert [json.loads(body) for body in _bodies(server, url)] == [{"amount": 7}], "with the input of its target"


def test_messages_that_a_queue_gave_up_go_back_to_it(server: Server) -> None:
    _queue(server, "given-up")
    policy = json.dumps({"deadLetterTargetArn": PREFIX + "given-up", "maxReceiveCount": "1"})
    url = _queue(server, "work", RedrivePolicy=policy, VisibilityTimeout="1")
    sqs = server.client("sqs")
    for n in range(3):
        sqs.send_message(QueueUrl=url, MessageBody=f"m{n}")
    assert sorted(_bodies(server, url)) == ["m0", "m1", "m2"]
    _advance(server, 2)
    assert _bodies(server, url) == []
    shown = _json(server, "dlq", "show", PREFIX + "given-up")
    assert [message["why"]["source_arn"] for message in shown["messages"]] == [PREFIX + "work"] * 3
    assert "It was received once and not deleted." in shown["messages"][0]["why"]["message"]

    chosen = [message["message_id"] for message in shown["messages"] if message["body"] == "m1"]
    assert _json(server, "dlq", "redrive", "given-up", "--message", chosen[0])["moved"] == 1
    assert _bodies(server, url) == ["m1"]
    gone = _bascule(server, "dlq", "redrive", "given-up", "--message", chosen[0])
    assert gone.exit_code == 1
    assert "not in the queue" in gone.stderr
    elsewhere = _queue(server, "elsewhere")
    assert _json(server, "dlq", "redrive", "given-up", "--to", PREFIX + "elsewhere")["moved"] == 2
    assert sorted(_bodies(server, elsewhere)) == ["m0", "m2"]


def test_a_functions_dead_letters_and_failure_records_run_it_again(server: Server) -> None:
    done = _queue(server, "done")
    _queue(server, "function-dead")
    _queue(server, "function-failed")
    functions = server.client("lambda")
    variables = {"Variables": {"MOOD": "bad", "DONE": done}}
    dead_letters = {"TargetArn": PREFIX + "function-dead"}
    arn = create_function(functions, "moody", MOODY, Environment=variables, DeadLetterConfig=dead_letters)
    functions.put_function_event_invoke_config(
        FunctionName="moody",
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": PREFIX + "function-failed"}},
    )
    functions.invoke(FunctionName="moody", InvocationType="Event", Payload=b'{"n": 1}')
    _advance(server, 1)
    why = _json(server, "dlq", "show", "function-dead")["messages"][0]["why"]
    assert why == {"kind": "function", "source_arn": arn, "code": "200", "message": "no mood for this"}
    why = _json(server, "dlq", "show", "function-failed")["messages"][0]["why"]
    assert (why["kind"], why["code"]) == ("destination", "RetriesExhausted")
    assert why["message"] == "ValueError: no mood for this"
    assert "no mood for this" in _bascule(server, "dlq", "show", "function-failed").stdout

    variables["Variables"]["MOOD"] = "good"
    functions.update_function_configuration(FunctionName="moody", Environment=variables)
    functions.get_waiter("function_updated_v2").wait(FunctionName="moody")
    for name in ("function-dead", "function-failed"):
        assert _json(server, "dlq", "redrive", name)["moved"] == 1
        _advance(server, 1)
        assert [json.loads(body) for body in _bodies(server, done)] == [{"n": 1}]
        assert _depth(server, name) == 0

    uses = next(one for one in _json(server, "dlq", "ls")["queues"] if one["name"] == "function-failed")["used_by"]
    assert uses == [{"kind": "destination", "source_arn": f"{arn}:$LATEST", "target_arn": ""}]


def test_a_notification_that_missed_its_subscriber_reaches_it_after_all(server: Server) -> None:
    sns = server.client("sns")
    topic = sns.create_topic(Name="news")["TopicArn"]
    _queue(server, "news-dead")
    for name in ("reader", "raw-reader"):
        url = _queue(server, name)
        attributes = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": PREFIX + "news-dead"})}
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=PREFIX + name, Attributes=attributes)
        server.client("sqs").delete_queue(QueueUrl=url)
    _rule(server, "newsroom", Arn=topic)
    event_id = _put(server, "newsroom", n=1)
    shown = _json(server, "dlq", "show", "news-dead")["messages"]
    assert [message["event_id"] for message in shown] == [event_id] * 2
    assert {message["why"]["target_arn"] for message in shown} == {PREFIX + "reader", PREFIX + "raw-reader"}
    assert {message["why"]["code"] for message in shown} == {"NO_RESOURCE"}
    _advance(server, 61)
    url = _queue(server, "reader")
    _queue(server, "raw-reader")
    assert _json(server, "dlq", "redrive", "news-dead")["moved"] == 2
    (body,) = _bodies(server, url)
    assert json.loads(json.loads(body)["Message"])["id"] == event_id


def test_what_does_not_say_where_it_came_from_needs_a_target(server: Server) -> None:
    url = _queue(server, "strangers")
    policy = json.dumps({"deadLetterTargetArn": PREFIX + "strangers", "maxReceiveCount": "1"})
    _queue(server, "strangers-source", RedrivePolicy=policy)
    server.client("sqs").send_message(QueueUrl=url, MessageBody="who knows")
    assert "Nothing in it tells why it died." in _bascule(server, "dlq", "show", "strangers").stdout
    refused = _bascule(server, "dlq", "redrive", "strangers")
    assert refused.exit_code == 1
    assert "name a target with --to" in refused.stdout
    assert refused.stderr.strip().endswith("1 message stays in strangers.")
    assert _bodies(server, url) == ["who knows"]
    held = _json(server, "dlq", "redrive", "strangers", "--to", PREFIX + "strangers-source", code=1)
    assert held["stays"][0]["reason"].startswith("A consumer has received it")


def test_hundreds_of_messages_are_redriven_in_steps(server: Server) -> None:
    _queue(server, "many-dead")
    policy = json.dumps({"deadLetterTargetArn": PREFIX + "many-dead", "maxReceiveCount": "1"})
    url = _queue(server, "many", RedrivePolicy=policy, VisibilityTimeout="1")
    sqs = server.client("sqs")
    for start in range(0, 250, 10):
        sqs.send_message_batch(
            QueueUrl=url, Entries=[{"Id": str(n), "MessageBody": str(n)} for n in range(start, start + 10)]
        )
    while _bodies(server, url):
        pass
    _advance(server, 2)
    while _depth(server, "many-dead") < 250:
        assert _bodies(server, url) == []
    assert _json(server, "dlq", "redrive", "many-dead") == {"moved": 250, "stays": []}
    assert _depth(server, "many-dead") == 0


def test_retries_show_what_waits_until_when_and_why(server: Server) -> None:
    _queue(server, "waiting-work")
    _rule(server, "waiting", Arn=PREFIX + "waiting-work")
    fault = {"target": PREFIX + "waiting-work", "error": "throttled", "times": 2}
    httpx.post(f"{server.url}/_bascule/faults", json=fault)
    event_id = _put(server, "waiting")
    (row,) = _json(server, "retries")["deliveries"]
    assert (row["event_id"], row["try_count"], row["code"]) == (event_id, 1, "THROTTLING")
    assert row["expires_ms"] - row["due_ms"] > 86_000_000
    told = _bascule(server, "retries").stdout
    assert "rule waiting to queue waiting-work" in told
    assert "THROTTLING: Rate exceeded" in told
    assert json.loads(_bascule(server, "status", "--json").stdout)["waiting"]["retries of deliveries"] == 1
    _advance(server, 10)
    assert "Nothing waits for another try." in _bascule(server, "retries").stdout


def test_retries_of_http_subscribers_are_among_what_waits(server: Server) -> None:
    sns = server.client("sns")
    topic = sns.create_topic(Name="web")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint="http://127.0.0.1:1/nobody")
    assert httpx.post(f"{server.url}/_bascule/settle", json={"timeout_s": 20}, timeout=30).status_code == 200
    rows = _json(server, "retries")["deliveries"]
    assert [(row["origin"], row["target_arn"], row["try_count"]) for row in rows] == [
        ("subscription", "http://127.0.0.1:1/nobody", 1)
    ]
    assert "http://127.0.0.1:1/nobody" in _bascule(server, "retries").stdout


def test_a_missing_dead_letter_queue_is_listed_as_missing(server: Server) -> None:
    _rule(server, "careless", Arn=PREFIX + "work", DeadLetterConfig={"Arn": PREFIX + "never-made"})
    listed = {queue["name"]: queue["exists"] for queue in _json(server, "dlq", "ls")["queues"]}
    assert listed["never-made"] is False
    assert "missing" in _bascule(server, "dlq", "ls").stdout


def test_wrong_requests_are_one_sentence(server: Server) -> None:
    for arguments in (
        ("dlq", "show", "no-such-queue"),
        ("dlq", "redrive", "no-such-queue"),
        ("dlq", "redrive", "work", "--to", "nonsense"),
        ("dlq", "show", "work", "--url", "http://127.0.0.1:1"),
        ("retries", "--url", "http://127.0.0.1:1"),
    ):
        refused = _bascule(server, *arguments)
        assert refused.exit_code == 1, arguments
        assert refused.stderr.startswith("bascule: ")
        assert refused.stderr.count("\n") == 1, refused.stderr
    answer = httpx.post(f"{server.url}/_bascule/dlq/jobs/redrive", json={"onto": "x"})
    assert answer.status_code == 400
    assert httpx.post(f"{server.url}/_bascule/dlq/jobs", json={}).status_code == 405
    assert httpx.get(f"{server.url}/_bascule/dlq/no-such").status_code == 404
    for path in ("dlq/jobs?count=x", "dlq/jobs?count=0", "dlq/jobs?after=-1", "retries?count=501", "retries?count="):
        refused = httpx.get(f"{server.url}/_bascule/{path}")
        assert (refused.status_code, refused.json()["message"][-1]) == (400, ".")
    for form in ({"count_max": 0}, {"count_max": 501}, {"after": -1}):
        assert httpx.post(f"{server.url}/_bascule/dlq/jobs/redrive", json=form).status_code == 400


def test_tables_that_are_piped_keep_every_word_on_one_line(server: Server) -> None:
    _rule(server, "piped", Arn=PREFIX + "piped-away", RetryPolicy={"MaximumRetryAttempts": 3})
    httpx.post(f"{server.url}/_bascule/faults", json={"target": PREFIX + "piped-away", "error": "throttled"})
    event_id = _put(server, "piped")
    shown = CliRunner().invoke(build(["retries"]), ["retries", "--url", server.url], env={"COLUMNS": "80"}).stdout
    (line,) = [line for line in shown.splitlines() if event_id in line]
    assert "rule piped to queue piped-away" in line
    assert "THROTTLING: Rate exceeded (injected fault)." in line
