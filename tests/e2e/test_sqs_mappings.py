"""Mappings of queues in a real server: how soon, how independently, and what a killed process leaves behind."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from pathlib import Path
from statistics import median
from typing import Any

import httpx
from botocore.exceptions import BotoCoreError

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
    time.sleep(20)
"""
FEEDS_ITSELF = """
import os, boto3
sqs = boto3.client("sqs")
def handler(event, context):
    sqs.send_message(QueueUrl=os.environ["QUEUE"], MessageBody="again")
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


def handled_ms(logs: Any, function: str, count: int) -> list[float]:
    """How late each message was, once ``count`` of them have been handled."""

    def lateness() -> list[float]:
        found = logs.filter_log_events(logGroupName=f"/aws/lambda/{function}", filterPattern='"DELAYED"')["events"]
        return [float(event["message"].split()[1]) for event in found]

    return eventually(lambda: found if len(found := lateness()) == count else [], what=f"the messages to {function}")


def sleepers(server: Server) -> list[str]:
    """One function that sleeps for 20 s, busy in every way: 20 queues, a FIFO queue, events and a caller; gives the queues."""
    sqs, functions = server.client("sqs"), server.client("lambda")
    create_function(functions, "slow", SLEEPS, Timeout=30)
    urls: list[str] = []
    for number in range(20):
        url, arn = queue(sqs, f"slow-{number}", VisibilityTimeout="60")
        functions.create_event_source_mapping(EventSourceArn=arn, FunctionName="slow", BatchSize=1)
        sqs.send_message(QueueUrl=url, MessageBody="zzz")
        urls.append(url)
    for n in range(30):
        sqs.send_message(QueueUrl=urls[0], MessageBody=str(n))
    url, arn = queue(sqs, "slow.fifo", VisibilityTimeout="60")
    functions.create_event_source_mapping(EventSourceArn=arn, FunctionName="slow", BatchSize=1)
    for n in range(8):
        sqs.send_message(QueueUrl=url, MessageBody=str(n), MessageGroupId=str(n))
    urls.append(url)
    for _ in range(5):
        functions.invoke(FunctionName="slow", InvocationType="Event")
    threading.Thread(target=waits_for, args=(server.client("lambda"),), daemon=True).start()
    return urls


def waits_for(functions: Any) -> None:
    with contextlib.suppress(BotoCoreError):
        functions.invoke(FunctionName="slow")


def test_a_function_that_sleeps_for_20_s_delays_no_other_mapping(fresh_server: Server) -> None:
    server = fresh_server
    sqs, functions, logs = server.client("sqs"), server.client("lambda"), server.client("logs")
    urls: list[str] = []
    for name in ("quick", "quick.fifo"):
        url, arn = queue(sqs, name)
        function = name.replace(".", "-")
        create_function(functions, function, SAYS_HOW_LATE)
        functions.create_event_source_mapping(EventSourceArn=arn, FunctionName=function)
        urls.append(url)

    def send(count: int) -> None:
        for n in range(count):
            sqs.send_message(QueueUrl=urls[0], MessageBody=str(time.time()))
            sqs.send_message(QueueUrl=urls[1], MessageBody=str(time.time()), MessageGroupId=str(n))
            time.sleep(0.02)

    send(1)
    eventually(lambda: not left(sqs, urls[0]) and not left(sqs, urls[1]), what="the first messages")
    slow = sleepers(server)
    waiting = [left(sqs, url) for url in slow]
    send(20)
    late_ms = handled_ms(logs, "quick", 21), handled_ms(logs, "quick-fifo", 21)
    assert [left(sqs, url) for url in slow] == waiting, "the sleepers woke up before the others were done"
    server.kill()
    # What a neighbour adds is a figure of bench/neighbours.py; here a wait behind a sleeper would be seen, not a busy machine.
    assert max(median(found) for found in late_ms) < 1_000, late_ms


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


def test_a_function_that_feeds_its_own_queue_is_stopped_and_the_message_ends_in_the_dead_letter_queue(
    tmp_path: Path,
) -> None:
    with Server(tmp_path, "--test") as server:
        functions, sqs = server.client("lambda"), server.client("sqs")
        dead_url, dead = queue(sqs, "loop-dead")
        policy = json.dumps({"deadLetterTargetArn": dead, "maxReceiveCount": 1})
        url, arn = queue(sqs, "loop", VisibilityTimeout="10", RedrivePolicy=policy)
        create_function(functions, "loop", FEEDS_ITSELF, Environment={"Variables": {"QUEUE": url}})
        functions.create_event_source_mapping(EventSourceArn=arn, FunctionName="loop")
        sqs.send_message(QueueUrl=url, MessageBody="once")

        def metrics() -> Any:
            return httpx.get(f"{server.url}/_bascule/metrics").json()

        eventually(lambda: "lambda.recursive_invocations_dropped" in metrics(), what="the loop to be stopped")
        assert metrics()["lambda.invocations"] == {"loop": 16}
        httpx.post(f"{server.url}/_bascule/clock", json={"advance_s": 11}, timeout=30)
        eventually(lambda: left(sqs, dead_url) == 1, what="the dead letter")
