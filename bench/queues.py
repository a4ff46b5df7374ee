"""Queues, fan-out and event source mappings, through public APIs only."""

from __future__ import annotations

import json
import re
import time
from typing import Any

from bench.http_load import authorization, raw_request, scripted
from bench.measures import Datagrams, Stage, _event_detail, ingest
from bench.platforms import Platform

#: A receipt handle in an answer, however the answer is spaced.
HANDLE = re.compile(rb'"ReceiptHandle": ?"([^"]+)"')

COUNTING_HANDLER = """
import json, socket, time
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
def handler(event, context):
    now = time.time_ns()
    bodies = [json.loads(record["body"]) for record in event["Records"]]
    time.sleep(bodies[0].get("sleep_s", 0))
    sock.sendto(json.dumps({"at": now, "n": bodies[0]["n"], "count": len(bodies)}).encode(), ("127.0.0.1", bodies[0]["port"]))
"""


class _Cycle:
    """The script of one connection: send ten, receive ten, delete what came, again and again."""

    def __init__(self, port: int, url: str) -> None:
        self._port = port
        self._url = url
        entries = [{"Id": str(n), "MessageBody": "x" * 500} for n in range(10)]
        self._send = self._request("SendMessageBatch", {"QueueUrl": url, "Entries": entries})
        self._receive = self._request("ReceiveMessage", {"QueueUrl": url, "MaxNumberOfMessages": 10})
        self._last = ""
        self.deleted_count = 0

    def _request(self, operation: str, body: dict[str, Any]) -> bytes:
        headers = {
            "X-Amz-Target": f"AmazonSQS.{operation}",
            "Content-Type": "application/x-amz-json-1.0",
            "Authorization": authorization("sqs"),
        }
        return raw_request(self._port, "/", headers, json.dumps(body).encode())

    def __call__(self, answer: bytes) -> bytes:
        if self._last == "send":
            self._last = "receive"
            return self._receive
        if self._last == "receive" and (handles := HANDLE.findall(answer)):
            self._last = "delete"
            self.deleted_count += len(handles)
            entries = [{"Id": str(n), "ReceiptHandle": handle.decode()} for n, handle in enumerate(handles)]
            return self._request("DeleteMessageBatch", {"QueueUrl": self._url, "Entries": entries})
        self._last = "send"
        return self._send


def through_a_queue(platform: Platform, *, connections: int, seconds: float) -> float:
    """SendMessageBatch, ReceiveMessage and DeleteMessageBatch of ten in turn on each connection. messages/s"""
    url = platform.client("sqs").create_queue(QueueName=f"through-{connections}")["QueueUrl"]
    cycles = [_Cycle(platform.port, url) for _ in range(connections)]
    began = time.perf_counter()
    scripted(platform.port, list(cycles), seconds=seconds)
    return sum(cycle.deleted_count for cycle in cycles) / (time.perf_counter() - began)


def fan_out(platform: Platform, *, seconds: float) -> float:
    """Events put at 8 connections, each delivered to five queues. deliveries/s"""

    def five(stage: Stage) -> None:
        for n in range(4):
            url = stage.sqs.create_queue(QueueName=f"{stage.name}-{n}")["QueueUrl"]
            arn = stage.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
            stage.events.put_targets(Rule=stage.name, EventBusName=stage.name, Targets=[{"Id": f"q{n}", "Arn": arn}])

    return 5 * ingest(platform, 8, seconds=seconds, name="fan-out", also=five)


class Mapped:
    """A queue mapped to a function that reports each batch."""

    def __init__(self, platform: Platform, name: str, source: str = COUNTING_HANDLER, **mapping: Any) -> None:
        stage = Stage(platform, name)
        self.is_fifo = is_fifo = name.endswith("fifo")
        self.sqs = stage.sqs
        attributes = {"VisibilityTimeout": "60"}
        if is_fifo:
            attributes |= {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
        queue_name = f"{name.removesuffix('fifo')}.fifo" if is_fifo else name
        self.url = self.sqs.create_queue(QueueName=queue_name, Attributes=attributes)["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        stage.create_function(name.replace(".", "-"), source)
        self.functions = stage.functions
        self.uuid = stage.functions.create_event_source_mapping(
            EventSourceArn=arn, FunctionName=name.replace(".", "-"), **{"BatchSize": 10, **mapping}
        )["UUID"]
        self.inbox = Datagrams()

    def wait_until(self, state: str) -> None:
        while self.functions.get_event_source_mapping(UUID=self.uuid)["State"] != state:
            time.sleep(0.02)

    def body(self, n: int, sleep_s: float = 0) -> str:
        return json.dumps({"n": n, "port": self.inbox.port, "sleep_s": sleep_s, "detail": _event_detail(n)})

    def send(self, n: int) -> None:
        """One message; in a FIFO queue each in a group of its own."""
        group = {"MessageGroupId": str(n), "MessageDeduplicationId": f"{n}-{time.time_ns()}"} if self.is_fifo else {}
        self.sqs.send_message(QueueUrl=self.url, MessageBody=self.body(n), **group)

    def handled(self, count: int) -> None:
        seen = 0
        while seen < count:
            seen += self.inbox.next(60)["count"]
        self.inbox.close()


def mapping_throughput(platform: Platform, *, count: int) -> float:
    """``count`` waiting messages handled through a mapping in batches of ten. messages/s"""
    mapped = Mapped(platform, "mapped", Enabled=False)
    mapped.wait_until("Disabled")
    for start in range(0, count, 10):
        entries = [{"Id": str(n), "MessageBody": mapped.body(start + n)} for n in range(10)]
        mapped.sqs.send_message_batch(QueueUrl=mapped.url, Entries=entries)
    began = time.perf_counter()
    mapped.functions.update_event_source_mapping(UUID=mapped.uuid, Enabled=True)
    mapped.handled(count)
    return count / (time.perf_counter() - began)


def mapping_latency(platform: Platform, *, rounds: int) -> list[float]:
    """SendMessage call begun -> the handler runs, the queue being empty before. milliseconds"""
    mapped = Mapped(platform, "mapped-latency")
    mapped.wait_until("Enabled")
    waits: list[float] = []
    for n in range(rounds + 3):
        began = time.time_ns()
        mapped.sqs.send_message(QueueUrl=mapped.url, MessageBody=mapped.body(n))
        while (report := mapped.inbox.next(30))["n"] != n:
            pass
        waits.append((report["at"] - began) / 1e6)
        time.sleep(0.01)
    mapped.inbox.close()
    return waits[3:]


def fifo_groups(platform: Platform, *, groups: int) -> float:
    """Five messages of 200 ms in each of ``groups`` groups of a FIFO queue, handled. seconds; one group takes at least 1"""
    mapped = Mapped(platform, f"groups-{groups}fifo", Enabled=False, BatchSize=1)
    mapped.wait_until("Disabled")
    for n in range(5 * groups):
        mapped.sqs.send_message(
            QueueUrl=mapped.url,
            MessageBody=mapped.body(n, 0.2),
            MessageGroupId=str(n % groups),
            MessageDeduplicationId=str(n),
        )
    began = time.perf_counter()
    mapped.functions.update_event_source_mapping(UUID=mapped.uuid, Enabled=True)
    mapped.handled(5 * groups)
    return time.perf_counter() - began
