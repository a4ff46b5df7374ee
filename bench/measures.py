"""What is measured, through public APIs only, so that the same code runs on every platform."""

from __future__ import annotations

import io
import json
import socket
import statistics
import threading
import time
import zipfile
from collections.abc import Callable
from typing import Any

from bench.http_load import authorization, raw_request, requests_per_second
from bench.platforms import Platform

HANDLER = """
import json, os, socket, time
import boto3
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
def handler(event, context):
    now = time.time_ns()
    port = event.get("detail", event).get("port")
    if port:
        sock.sendto(json.dumps({"at": now, "n": event.get("detail", event).get("n")}).encode(), ("127.0.0.1", port))
    return {"ok": True}
"""
ROLE = "arn:aws:iam::000000000000:role/bench"


def _package(source: str) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as package:
        package.writestr("handler.py", source)
    return archive.getvalue()


def _event_detail(n: int) -> str:
    return json.dumps({"orderId": f"o-{n:08d}", "customerId": "c-77", "amount": 1500, "items": ["x" * 40] * 8, "n": n})


class Stage:
    """A bus with one rule, made once per measure with names of its own."""

    def __init__(self, platform: Platform, name: str) -> None:
        self.platform = platform
        self.name = name
        self.events = platform.client("events")
        self.sqs = platform.client("sqs")
        self.functions = platform.client("lambda")
        self.events.create_event_bus(Name=name)
        pattern = {"source": ["bench"], "detail": {"amount": [{"numeric": [">=", 1000]}]}}
        self.events.put_rule(Name=name, EventBusName=name, EventPattern=json.dumps(pattern))
        self.queue_url = ""

    def target_queue(self) -> None:
        self.queue_url = self.sqs.create_queue(QueueName=self.name)["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=["QueueArn"])["Attributes"][
            "QueueArn"
        ]
        self.events.put_targets(Rule=self.name, EventBusName=self.name, Targets=[{"Id": "q", "Arn": arn}])

    def target_function(self) -> None:
        arn = self.create_function(self.name)
        self.functions.add_permission(
            FunctionName=self.name, StatementId="e", Action="lambda:InvokeFunction", Principal="events.amazonaws.com"
        )
        self.events.put_targets(Rule=self.name, EventBusName=self.name, Targets=[{"Id": "f", "Arn": arn}])

    def create_function(self, name: str, source: str = HANDLER, *, is_awaited: bool = True) -> str:
        arn: str = self.functions.create_function(
            FunctionName=name,
            Runtime="python3.12",
            Role=ROLE,
            Handler="handler.handler",
            Timeout=30,
            MemorySize=256,
            Code={"ZipFile": _package(source)},
        )["FunctionArn"]
        if is_awaited:
            self.functions.get_waiter("function_active_v2").wait(FunctionName=name)
        return arn

    def put(self, *details: str) -> None:
        entries = [{"Source": "bench", "DetailType": "Order", "EventBusName": self.name, "Detail": d} for d in details]
        answer = self.events.put_events(Entries=entries)
        assert answer["FailedEntryCount"] == 0


def ingest(
    platform: Platform,
    connections: int,
    *,
    seconds: float,
    name: str = "ingest",
    also: Callable[[Stage], None] | None = None,
) -> float:
    """PutEvents, 10 entries of about 500 bytes a call, each matched and delivered to a queue. entries/s"""
    stage = Stage(platform, f"{name}-{connections}")
    stage.target_queue()
    if also is not None:
        also(stage)
    entries = [
        {"Source": "bench", "DetailType": "Order", "EventBusName": stage.name, "Detail": _event_detail(n)}
        for n in range(10)
    ]
    headers = {
        "X-Amz-Target": "AWSEvents.PutEvents",
        "Content-Type": "application/x-amz-json-1.1",
        "Authorization": authorization("events"),
    }
    request = raw_request(platform.port, "/", headers, json.dumps({"Entries": entries}).encode())
    requests_per_second(platform.port, request, connections=connections, seconds=min(0.5, seconds))
    rate = 10 * requests_per_second(platform.port, request, connections=connections, seconds=seconds)
    stage.sqs.delete_queue(QueueUrl=stage.queue_url)
    return rate


def queue_latency(platform: Platform, *, rounds: int) -> list[float]:
    """PutEvents call begun -> a waiting long poll has the message, both by boto3. milliseconds"""
    stage = Stage(platform, "latency-queue")
    stage.target_queue()
    receiver = platform.client("sqs")
    waits: list[float] = []
    for n in range(rounds):
        ready = threading.Event()
        arrived: list[float] = []

        def receive(ready: threading.Event = ready, arrived: list[float] = arrived) -> None:
            ready.set()
            answer = receiver.receive_message(QueueUrl=stage.queue_url, WaitTimeSeconds=10)
            arrived.append(time.perf_counter())
            receiver.delete_message(QueueUrl=stage.queue_url, ReceiptHandle=answer["Messages"][0]["ReceiptHandle"])

        thread = threading.Thread(target=receive)
        thread.start()
        ready.wait()
        time.sleep(0.03)
        began = time.perf_counter()
        stage.put(_event_detail(n))
        thread.join()
        waits.append((arrived[0] - began) * 1000)
    return waits


class Datagrams:
    """Where handlers report that they ran."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_000_000)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]

    def close(self) -> None:
        self.socket.close()

    def next(self, timeout_s: float) -> dict[str, Any]:
        self.socket.settimeout(timeout_s)
        found: dict[str, Any] = json.loads(self.socket.recv(1024))
        return found


def handler_latency(platform: Platform, *, rounds: int) -> list[float]:
    """PutEvents call begun -> the warm handler runs. milliseconds"""
    stage = Stage(platform, "latency-handler")
    stage.target_function()
    inbox = Datagrams()
    waits: list[float] = []
    for n in range(rounds + 3):
        began = time.time_ns()
        stage.put(json.dumps({"amount": 1500, "n": n, "port": inbox.port}))
        while (report := inbox.next(30))["n"] != n:
            pass
        if n >= 3:
            waits.append((report["at"] - began) / 1e6)
        time.sleep(0.01)
    inbox.close()
    return waits


def burst(platform: Platform, *, count: int) -> float:
    """``count`` events put as fast as possible -> the last one has been handled. events/s"""
    stage = Stage(platform, "burst")
    stage.target_function()
    inbox = Datagrams()
    stage.put(json.dumps({"amount": 1500, "n": -1, "port": inbox.port}))
    inbox.next(30)
    began = time.perf_counter()
    for start in range(0, count, 10):
        stage.put(*(json.dumps({"amount": 1500, "n": n, "port": inbox.port}) for n in range(start, start + 10)))
    seen: set[int] = set()
    while len(seen) < count:
        seen.add(inbox.next(60)["n"])
    inbox.close()
    return count / (time.perf_counter() - began)


def median(values: list[float]) -> float:
    return statistics.median(values)


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]
