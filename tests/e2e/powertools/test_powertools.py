"""Functions written with Powertools for AWS Lambda run unchanged, packed with it or with it in a layer."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.test_sqs_mappings import left, queue
from tests.functions import ROLE
from tests.server import Server
from tests.waiting import eventually

#: What ``pip install aws-lambda-powertools[parser,tracer]`` brings beside botocore, which functions find; pydantic_core is compiled.
DISTRIBUTIONS = (
    "aws-lambda-powertools",
    "pydantic",
    "pydantic_core",
    "annotated-types",
    "typing-inspection",
    "typing_extensions",
    "jmespath",
    "aws-xray-sdk",
    "wrapt",
)
HANDLERS = Path(__file__).parent
VARIABLES = {
    "POWERTOOLS_SERVICE_NAME": "shop",
    "POWERTOOLS_METRICS_NAMESPACE": "Shop",
    "POWERTOOLS_LOG_LEVEL": "INFO",
    "POWERTOOLS_TRACE_DISABLED": "1",
}


def add_distributions(archive: zipfile.ZipFile, folder: str) -> None:
    """What ``pip install --target`` would have put into the folder, from where pip has put it here."""
    for name in DISTRIBUTIONS:
        for file in distribution(name).files or ():
            if ".." not in file.parts and "__pycache__" not in file.parts:
                archive.write(str(file.locate()), f"{folder}{file}")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("powertools"), "--test") as running:
        yield running


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """``whole``: handlers with Powertools beside them; ``handlers`` alone; ``layer``: Powertools alone."""
    made: dict[str, bytes] = {}
    for name in ("whole", "handlers", "layer"):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            if name != "layer":
                for file in ("orders.py", "batches.py"):
                    archive.write(HANDLERS / file, file)
            if name != "handlers":
                add_distributions(archive, "python/" if name == "layer" else "")
        made[name] = packed.getvalue()
    return made


class Shop:
    """Functions on a real server, either with Powertools in their package or in a layer."""

    def __init__(self, server: Server, packages: dict[str, bytes]) -> None:
        self.functions, self.events = server.client("lambda"), server.client("events")
        self.sqs, self.logs = server.client("sqs"), server.client("logs")
        self._url = server.url
        self._packages = packages
        self._layer = ""

    def deploy(self, name: str, handler: str, *, way: str, **members: Any) -> str:
        layers: list[str] = []
        if way == "layer":
            if not self._layer:
                content = {"ZipFile": self._packages["layer"]}
                published = self.functions.publish_layer_version(LayerName="powertools", Content=content)
                self._layer = published["LayerVersionArn"]
            layers = [self._layer]
        arn: str = self.functions.create_function(
            FunctionName=name,
            Runtime="python3.12",
            Role=ROLE,
            Handler=handler,
            Code={"ZipFile": self._packages["handlers" if way == "layer" else "whole"]},
            Layers=layers,
            Environment={"Variables": VARIABLES},
            **{"Timeout": 10, "MemorySize": 256} | members,
        )["FunctionArn"]
        self.functions.get_waiter("function_active_v2").wait(FunctionName=name)
        return arn

    def later(self, seconds: int) -> None:
        """Move the server's clock, through everything that is due on the way."""
        httpx.post(f"{self._url}/_bascule/clock", json={"advance_s": seconds}, timeout=60).raise_for_status()

    def lines(self, function: str, pattern: str, count: int = 1) -> list[dict[str, Any]]:
        """The JSON lines of a function that match, once there are enough of them."""
        group = f"/aws/lambda/{function}"

        def found() -> list[dict[str, Any]]:
            if not self.logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
                return []
            events = self.logs.filter_log_events(logGroupName=group, filterPattern=pattern)["events"]
            read = [json.loads(event["message"]) for event in events]
            return read if len(read) >= count else []

        return eventually(found, what=f"{pattern} in {group}")


@pytest.fixture(scope="module")
def shop(server: Server, packages: dict[str, bytes]) -> Shop:
    return Shop(server, packages)


@pytest.mark.parametrize("way", ["whole", "layer"])
def test_an_event_is_parsed_logged_with_its_id_and_counted(shop: Shop, way: str) -> None:
    name = f"orders-{way}"
    arn = shop.deploy(name, "orders.by_envelope", way=way)
    shop.events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))
    shop.events.put_targets(Rule=name, Targets=[{"Id": "f", "Arn": arn}])
    entry = {"Source": name, "DetailType": "order", "Detail": json.dumps({"id": 7, "items": ["a", "b"]})}
    event_id = shop.events.put_events(Entries=[entry])["Entries"][0]["EventId"]
    [line] = shop.lines(name, '{ $.message = "order taken" }')
    assert line["correlation_id"] == event_id
    assert (line["level"], line["service"], line["order_id"], line["items"]) == ("INFO", "shop", 7, 2)
    assert (line["function_name"], line["function_arn"], line["cold_start"]) == (name, arn, True)
    assert line["function_memory_size"] == "256"
    [event] = shop.lines(name, "{ $.message.id = * }")
    assert event["message"]["detail"] == {"id": 7, "items": ["a", "b"]}
    measured = shop.lines(name, "{ $._aws.CloudWatchMetrics[0].Namespace = Shop }", 2)
    cold = next(one for one in measured if "ColdStart" in one)
    items = next(one for one in measured if "Items" in one)
    assert (cold["function_name"], items["Items"], items["channel"], items["service"]) == (name, [2.0], "web", "shop")

    answer = shop.functions.invoke(FunctionName=name, Payload=json.dumps(event["message"]))
    told = json.load(answer["Payload"])
    assert told["order"] == {"id": 7, "items": ["a", "b"]}
    assert not [place for place in told["from"] if "site-packages" in place], "it came from this machine"


def test_a_model_of_the_whole_event_and_an_event_that_does_not_fit(shop: Shop) -> None:
    shop.deploy("modelled", "orders.by_model", way="layer")
    event = {
        "version": "0",
        "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        "detail-type": "order",
        "source": "shop",
        "account": "000000000000",
        "time": "2026-01-01T00:00:00Z",
        "region": "us-east-1",
        "resources": [],
        "detail": {"id": 1, "items": []},
    }
    shop.functions.invoke(FunctionName="modelled", Payload=json.dumps(event))
    [line] = shop.lines("modelled", '{ $.message = "order 1 *" }')
    assert (line["message"], line["at"]) == ("order 1 from shop", "2026-01-01T00:00:00+00:00")
    refused = shop.functions.invoke(FunctionName="modelled", Payload=json.dumps(event | {"detail": {"id": "x"}}))
    assert refused["FunctionError"] == "Unhandled"
    assert json.load(refused["Payload"])["errorType"] == "ValidationError"


def test_partial_failures_of_batches_come_back_and_end_in_the_dead_letter_queue(shop: Shop) -> None:
    urls: dict[str, str] = {}
    dead: dict[str, str] = {}
    for kind, suffix in (("standard", ""), ("fifo", ".fifo")):
        dead[kind], dead_arn = queue(shop.sqs, f"dead-{kind}{suffix}")
        redrive = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 1})
        urls[kind], arn = queue(shop.sqs, f"jobs-{kind}{suffix}", VisibilityTimeout="60", RedrivePolicy=redrive)
        shop.deploy(f"on-{kind}", f"batches.on_{kind}", way="whole")
        shop.functions.create_event_source_mapping(
            EventSourceArn=arn,
            FunctionName=f"on-{kind}",
            BatchSize=5,
            FunctionResponseTypes=["ReportBatchItemFailures"],
        )
    jobs = [{"Id": str(n), "MessageBody": json.dumps({"n": n, "broken": n == 2})} for n in range(5)]
    shop.sqs.send_message_batch(QueueUrl=urls["standard"], Entries=jobs)
    in_order = [job | {"MessageGroupId": "g"} for job in jobs]
    shop.sqs.send_message_batch(QueueUrl=urls["fifo"], Entries=in_order)

    def dead_jobs(kind: str) -> list[int]:
        found = shop.sqs.receive_message(QueueUrl=dead[kind], MaxNumberOfMessages=10)
        return [json.loads(message["Body"])["n"] for message in found.get("Messages", [])]

    assert sorted(line["n"] for line in shop.lines("on-standard", '{ $.message = "done" }', 4)) == [0, 1, 3, 4]
    assert all(line["first"] for line in shop.lines("on-standard", '{ $.message = "batch" }'))
    assert [line["n"] for line in shop.lines("on-fifo", '{ $.message = "done" && $.group = "g" }', 2)] == [0, 1]
    shop.later(61)
    assert dead_jobs("standard") == [2]
    # A FIFO processor stops at the first failure: what follows in the batch was not tried, and is returned with it.
    assert dead_jobs("fifo") == [2, 3, 4]
    assert (left(shop.sqs, urls["standard"]), left(shop.sqs, urls["fifo"])) == (0, 0)
