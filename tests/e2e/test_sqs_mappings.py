"""Mappings of queues in a real server: how soon, how independently, and what a killed process leaves behind."""

from __future__ import annotations

import json
import time
from statistics import median
from typing import Any

from tests.functions import create_function
from tests.server import Server
from tests.waiting import eventually

SAYS_HOW_LATE = """
import time
def handler(event, context):
    now = time.time()
    for record in event["Records"]:
        print("DELAYED", (now - float(record["body"])) * 1000)
"""
SLEEPS = """
import time
def handler(event, context):
    time.sleep(4)
"""
PASSES_ON = """
import json, os, uuid, boto3
sqs = boto3.client("sqs")
def handler(event, context):
    for record in event["Records"]:
        group = record["attributes"]["MessageGroupId"]
        sqs.send_message(QueueUrl=os.environ["OUT"], MessageBody=record["body"], MessageGroupId=group,
                         MessageDeduplicationId=str(uuid.uuid4()))
"""


def queue(sqs: Any, name: str, **attributes: str) -> tuple[str, str]:
    if name.endswith(".fifo"):
        attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true"} | attributes
    url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    return url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def left(sqs: Any, url: str) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    return sum(int(one) for one in sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values())


def test_message_reaches_an_idle_function_at_once_while_another_mapping_is_busy_with_a_slow_one(server: Server) -> None:
    sqs, functions, logs = server.client("sqs"), server.client("lambda"), server.client("logs")
    slow, slow_arn = queue(sqs, "slow")
    quick, quick_arn = queue(sqs, "quick")
    create_function(functions, "slow", SLEEPS)
    create_function(functions, "quick", SAYS_HOW_LATE)
    functions.create_event_source_mapping(EventSourceArn=slow_arn, FunctionName="slow", BatchSize=1)
    functions.create_event_source_mapping(EventSourceArn=quick_arn, FunctionName="quick")
    sqs.send_message(QueueUrl=quick, MessageBody=str(time.time()))
    eventually(lambda: not left(sqs, quick), what="the first message")
    for _ in range(10):
        sqs.send_message(QueueUrl=slow, MessageBody="zzz")
    time.sleep(0.3)
    for _ in range(20):
        sqs.send_message(QueueUrl=quick, MessageBody=str(time.time()))
        time.sleep(0.02)
    eventually(lambda: not left(sqs, quick), what="the quick messages")
    assert left(sqs, slow) >= 5

    def lateness() -> list[float]:
        found = logs.filter_log_events(logGroupName="/aws/lambda/quick", filterPattern='"DELAYED"')["events"]
        return [float(event["message"].split()[1]) for event in found]

    late_ms = eventually(lambda: found if len(found := lateness()) == 21 else None, what="the log lines")
    assert median(late_ms) < 50, late_ms


def test_killed_server_loses_no_message_and_keeps_the_order_of_every_group(fresh_server: Server) -> None:
    server = fresh_server
    sqs, functions = server.client("sqs"), server.client("lambda")
    out, _ = queue(sqs, "out.fifo")
    url, arn = queue(sqs, "in.fifo", VisibilityTimeout="3")
    create_function(functions, "passes", PASSES_ON, Timeout=3, Environment={"Variables": {"OUT": out}})
    functions.create_event_source_mapping(EventSourceArn=arn, FunctionName="passes", BatchSize=5)
    groups, each = 4, 25
    for index in range(each):
        sqs.send_message_batch(
            QueueUrl=url,
            Entries=[
                {"Id": str(group), "MessageBody": json.dumps([group, index]), "MessageGroupId": str(group)}
                for group in range(groups)
            ],
        )
        if index in (6, 15):
            server.kill()
            server.start()
    eventually(lambda: not left(sqs, url), within_s=60, what="the end of the queue")
    seen: dict[int, list[int]] = {group: [] for group in range(groups)}
    while messages := sqs.receive_message(QueueUrl=out, MaxNumberOfMessages=10).get("Messages", []):
        for message in messages:
            group, index = json.loads(message["Body"])
            if index not in seen[group]:
                seen[group].append(index)
            sqs.delete_message(QueueUrl=out, ReceiptHandle=message["ReceiptHandle"])
    assert seen == {group: list(range(each)) for group in range(groups)}
