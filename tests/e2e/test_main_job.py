"""The main job as the README tells it: a plain boto3 program, the environment of ``bascule env``, a rule, a function, a queue."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

from tests.functions import create_function
from tests.server import Server
from tests.waiting import eventually

PROGRAM = """
import boto3, json
eventbridge = boto3.client('events')
def send_order_created_event(order):
    return eventbridge.put_events(Entries=[{'Source': 'myapp.orders', 'DetailType': 'Order Created',
        'Detail': json.dumps({'orderId': order['id'], 'customerId': order['customer_id'], 'amount': order['amount'], 'items': order['items']}),
        'EventBusName': 'my-custom-bus'}])
for order in ({'id': 'o-1', 'customer_id': 'c-1', 'amount': 999.99, 'items': []}, {'id': 'o-2', 'customer_id': 'c-2', 'amount': 1000, 'items': [{'sku': 'B-1'}]}):
    answer = send_order_created_event(order)
    assert answer['FailedEntryCount'] == 0
    print(answer['Entries'][0]['EventId'])
"""
HANDLER = """
import json, os, boto3
sqs = boto3.client("sqs")
def handler(event, context):
    print("handling", event["detail"]["orderId"])
    sqs.send_message(QueueUrl=os.environ["DONE"], MessageBody=json.dumps([event["id"], event["detail"]["orderId"]]))
"""


def _environment(server: Server) -> dict[str, str]:
    printed = subprocess.run(
        [sys.executable, "-m", "bascule", "env", "--url", server.url], capture_output=True, text=True, check=True
    ).stdout
    exports = dict(shlex.split(line)[1].split("=", 1) for line in printed.splitlines())
    return {**server.environment, **exports}


def test_unmodified_program_reaches_function_and_queue_through_a_rule(server: Server, tmp_path: Path) -> None:
    events, sqs, functions = server.client("events"), server.client("sqs"), server.client("lambda")
    done = sqs.create_queue(QueueName="done")["QueueUrl"]
    audit = sqs.create_queue(QueueName="audit")["QueueUrl"]
    audit_arn = sqs.get_queue_attributes(QueueUrl=audit, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    function_arn = create_function(functions, "large-order", HANDLER, Environment={"Variables": {"DONE": done}})
    events.create_event_bus(Name="my-custom-bus")
    pattern = {
        "source": ["myapp.orders"],
        "detail-type": ["Order Created"],
        "detail": {"amount": [{"numeric": [">=", 1000]}]},
    }
    events.put_rule(Name="large", EventBusName="my-custom-bus", EventPattern=json.dumps(pattern))
    events.put_targets(
        Rule="large",
        EventBusName="my-custom-bus",
        Targets=[{"Id": "1", "Arn": function_arn}, {"Id": "2", "Arn": audit_arn}],
    )
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    printed = subprocess.run(
        [sys.executable, str(program)], env=_environment(server), capture_output=True, text=True, check=True, timeout=60
    ).stdout.split()
    small_id, large_id = printed

    handled = sqs.receive_message(QueueUrl=done, WaitTimeSeconds=20)["Messages"]
    assert [json.loads(message["Body"]) for message in handled] == [[large_id, "o-2"]]
    audited = sqs.receive_message(QueueUrl=audit, WaitTimeSeconds=20, MaxNumberOfMessages=10)["Messages"]
    assert [json.loads(message["Body"])["id"] for message in audited] == [large_id]

    story = subprocess.run(
        [sys.executable, "-m", "bascule", "story", small_id, "--url", server.url],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "rule large did not match: detail.amount is 999.99, but it should be a number >= 1000." in " ".join(
        story.split()
    )


def test_bascule_run_gives_a_program_the_environment(server: Server) -> None:
    code = "import boto3; print(boto3.client('sts').get_caller_identity()['Account'])"
    done = subprocess.run(
        [sys.executable, "-m", "bascule", "run", "--url", server.url, "--", sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() == "000000000000"


def test_bascule_run_says_when_there_is_no_such_program(server: Server) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bascule", "run", "--", "no-such-program-anywhere"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 127
    assert "no program 'no-such-program-anywhere'" in done.stderr
    assert "Traceback" not in done.stderr


def test_status_and_tail_show_what_happens(server: Server) -> None:
    server.client("events").put_events(Entries=[{"Source": "seen.by.tail", "DetailType": "Look", "Detail": "{}"}])
    status = subprocess.run(
        [sys.executable, "-m", "bascule", "status", "--url", server.url], capture_output=True, text=True, check=True
    )
    assert "Bascule" in status.stdout
    tail = subprocess.Popen(
        [sys.executable, "-u", "-m", "bascule", "tail", "--url", server.url], stdout=subprocess.PIPE, text=True
    )
    assert tail.stdout is not None
    try:
        server.client("events").put_events(Entries=[{"Source": "seen.by.tail", "DetailType": "Look", "Detail": "{}"}])
        line = eventually(
            lambda: next((found for found in iter(tail.stdout.readline, "") if "seen.by.tail" in found), "")
        )
        assert "Look" in line
    finally:
        tail.terminate()
        tail.wait()
        tail.stdout.close()
