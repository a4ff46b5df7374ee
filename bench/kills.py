"""``python -m bench.kills``: SIGKILL the server at random moments under full load and account for every acknowledged event.

Every event goes to an SQS queue; one in fifty also goes to a function. After the last restart everything is counted: an
acknowledged event must be in the queue exactly once and must have been handled at least once. Exits 1 when one is missing.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import sys
import threading
import time
from collections import Counter
from typing import Any

from bench.http_load import authorization
from bench.measures import Datagrams, Stage
from bench.platforms import Platform

SAMPLE = 50
READY_S_MAX = 1.0
DRAIN_S_MAX = 180.0


class Ledger:
    """What was sent, what was acknowledged, what arrived."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next = 0
        self.acknowledged: set[int] = set()
        self.sent = 0
        self.queued: Counter[int] = Counter()
        self.handled: Counter[int] = Counter()

    def take(self, count: int) -> range:
        with self._lock:
            first = self._next
            self._next += count
            self.sent += count
            return range(first, first + count)

    def acknowledge(self, numbers: range) -> None:
        with self._lock:
            self.acknowledged.update(numbers)


def _call(connection: http.client.HTTPConnection, target: str, service: str, body: dict[str, Any]) -> dict[str, Any]:
    version = "1.0" if service == "sqs" else "1.1"
    headers = {
        "X-Amz-Target": target,
        "Content-Type": f"application/x-amz-json-{version}",
        "Authorization": authorization(service),
    }
    connection.request("POST", "/", json.dumps(body), headers)
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != 200:
        raise ConnectionError(f"{target} answered {answer.status}: {text[:300]!r}")
    found: dict[str, Any] = json.loads(text or b"{}")
    return found


def _load(port: int, bus: str, udp_port: int, ledger: Ledger, stop: threading.Event) -> None:
    """Put events until told to stop; a call that was not answered is simply not acknowledged."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    while not stop.is_set():
        numbers = ledger.take(10)
        entries = [
            {
                "Source": "bench",
                "DetailType": "Sampled" if n % SAMPLE == 0 else "Order",
                "EventBusName": bus,
                "Detail": json.dumps({"amount": 1500, "n": n, "port": udp_port}),
            }
            for n in numbers
        ]
        try:
            answer = _call(connection, "AWSEvents.PutEvents", "events", {"Entries": entries})
        except (OSError, http.client.HTTPException):
            connection.close()
            time.sleep(0.02)
            continue
        if answer["FailedEntryCount"] == 0:
            ledger.acknowledge(numbers)
    connection.close()


def _collect_handled(inbox: Datagrams, ledger: Ledger, stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            ledger.handled[inbox.next(0.2)["n"]] += 1
        except TimeoutError:
            continue


def _drain(port: int, queue_url: str, ledger: Ledger, deadline: float) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    empty = 0
    while empty < 3 and time.monotonic() < deadline:
        body = {"QueueUrl": queue_url, "MaxNumberOfMessages": 10, "VisibilityTimeout": 600}
        messages = _call(connection, "AmazonSQS.ReceiveMessage", "sqs", body).get("Messages", [])
        if not messages:
            empty += 1
            time.sleep(0.1)
            continue
        for message in messages:
            ledger.queued[json.loads(message["Body"])["detail"]["n"]] += 1
        entries = [{"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(messages)]
        _call(connection, "AmazonSQS.DeleteMessageBatch", "sqs", {"QueueUrl": queue_url, "Entries": entries})
    connection.close()


def _build(platform: Platform) -> Stage:
    stage = Stage(platform, "kills")
    stage.target_queue()
    sampled = {"source": ["bench"], "detail-type": ["Sampled"]}
    stage.events.put_rule(Name="sampled", EventBusName=stage.name, EventPattern=json.dumps(sampled))
    arn = stage.create_function("sampled")
    stage.events.put_targets(Rule="sampled", EventBusName=stage.name, Targets=[{"Id": "f", "Arn": arn}])
    return stage


def run(
    kills: int, *, seed: int, connections: int = 4, load_s: tuple[float, float] = (0.2, 1.0)
) -> tuple[bool, dict[str, object]]:
    """Kill ``kills`` times; gives whether every promise held, and the counts."""
    chance = random.Random(seed)
    ledger, inbox = Ledger(), Datagrams()
    platform = Platform("Bascule")
    restarts: list[float] = []
    stop_collecting = threading.Event()
    collector = threading.Thread(target=_collect_handled, args=(inbox, ledger, stop_collecting))
    try:
        platform.start()
        stage = _build(platform)
        collector.start()
        for _ in range(kills):
            stop = threading.Event()
            loaders = [
                threading.Thread(target=_load, args=(platform.port, stage.name, inbox.port, ledger, stop))
                for _ in range(connections)
            ]
            for loader in loaders:
                loader.start()
            time.sleep(chance.uniform(*load_s))
            platform.kill()
            stop.set()
            for loader in loaders:
                loader.join()
            restarts.append(platform.start())
        deadline = time.monotonic() + DRAIN_S_MAX
        drains = [
            threading.Thread(target=_drain, args=(platform.port, stage.queue_url, ledger, deadline)) for _ in range(2)
        ]
        for drain in drains:
            drain.start()
        for drain in drains:
            drain.join()
        wanted = {n for n in ledger.acknowledged if n % SAMPLE == 0}
        while not wanted <= set(ledger.handled) and time.monotonic() < deadline:
            time.sleep(0.2)
    finally:
        stop_collecting.set()
        if collector.is_alive():
            collector.join()
        platform.close()
        inbox.close()
    return _account(ledger, restarts)


def _account(ledger: Ledger, restarts: list[float]) -> tuple[bool, dict[str, object]]:
    sampled = {n for n in ledger.acknowledged if n % SAMPLE == 0}
    counts: dict[str, object] = {
        "kills": len(restarts),
        "slowest restart (s)": round(max(restarts), 2),
        "events sent": ledger.sent,
        "events acknowledged": len(ledger.acknowledged),
        "acknowledged, in the queue exactly once": sum(1 for n in ledger.acknowledged if ledger.queued[n] == 1),
        "acknowledged, lost": sum(1 for n in ledger.acknowledged if ledger.queued[n] == 0),
        "in the queue more than once": sum(1 for count in ledger.queued.values() if count > 1),
        "not acknowledged, yet kept (the answer was cut off)": len(set(ledger.queued) - ledger.acknowledged),
        "acknowledged for the function": len(sampled),
        "handled at least once": sum(1 for n in sampled if ledger.handled[n] >= 1),
        "handled more than once": sum(1 for n in sampled if ledger.handled[n] > 1),
    }
    is_whole = (
        counts["acknowledged, lost"] == 0
        and counts["in the queue more than once"] == 0
        and counts["handled at least once"] == len(sampled)
        and bool(ledger.acknowledged)
    )
    return is_whole, counts


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    is_whole, counts = run(given.kills, seed=given.seed)
    for name, value in counts.items():
        print(f"{name:<56}{value:>10}")
    print("every promise held" if is_whole else "A PROMISE WAS BROKEN")
    return 0 if is_whole else 1


if __name__ == "__main__":
    sys.exit(main())
