"""The scenario in boto3: a bus, a rule, a function, queues, and orders. No endpoint, no Bascule code: only the environment."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import boto3
from botocore.config import Config

BUS = "orders"
RULE = "large-orders"
FUNCTION = "handle-large-order"
PATTERN = {
    "source": ["myapp.orders"],
    "detail-type": ["Order Created"],
    "detail": {"amount": [{"numeric": [">=", 1000]}]},
}


class Order(NamedTuple):
    """What the shop sends."""

    order_id: str
    customer_id: str
    amount: int


def _package() -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as package:
        package.write(Path(__file__).with_name("handler.py"), "handler.py")
    return archive.getvalue()


class Shop:
    """Everything the demo does to AWS."""

    def __init__(self, url: str) -> None:
        session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1")
        config = Config(retries={"max_attempts": 0}, connect_timeout=5, read_timeout=30)
        self._clients = {
            name: session.client(name, endpoint_url=url, config=config) for name in ("events", "lambda", "sqs", "logs")
        }
        self.queues: dict[str, str] = {}

    def client(self, name: str) -> Any:
        """The boto3 client of a service."""
        return self._clients[name]

    def build(self) -> None:
        """Create the queues, the function, the bus, the rule and its targets."""
        sqs, functions, events = self.client("sqs"), self.client("lambda"), self.client("events")
        arns: dict[str, str] = {}
        for name in ("audit", "warehouse", "failed-orders"):
            self.queues[name] = sqs.create_queue(QueueName=name)["QueueUrl"]
            attributes = sqs.get_queue_attributes(QueueUrl=self.queues[name], AttributeNames=["QueueArn"])
            arns[name] = attributes["Attributes"]["QueueArn"]
        function_arn = functions.create_function(
            FunctionName=FUNCTION,
            Runtime="python3.12",
            Role="arn:aws:iam::000000000000:role/orders",
            Handler="handler.handle_large_order",
            Code={"ZipFile": _package()},
            Environment={"Variables": {"WAREHOUSE_QUEUE_URL": self.queues["warehouse"]}},
            DeadLetterConfig={"TargetArn": arns["failed-orders"]},
        )["FunctionArn"]
        functions.get_waiter("function_active_v2").wait(FunctionName=FUNCTION)
        functions.add_permission(
            FunctionName=FUNCTION,
            StatementId="events",
            Action="lambda:InvokeFunction",
            Principal="events.amazonaws.com",
        )
        events.create_event_bus(Name=BUS)
        events.put_rule(Name=RULE, EventBusName=BUS, EventPattern=json.dumps(PATTERN))
        events.put_targets(
            Rule=RULE,
            EventBusName=BUS,
            Targets=[{"Id": "function", "Arn": function_arn}, {"Id": "audit", "Arn": arns["audit"]}],
        )

    def send(self, orders: list[Order]) -> list[str]:
        """Put orders on the bus, ten a call; gives the event ids of what was accepted."""
        ids: list[str] = []
        for start in range(0, len(orders), 10):
            answer = self.client("events").put_events(
                Entries=[
                    {
                        "Source": "myapp.orders",
                        "DetailType": "Order Created",
                        "EventBusName": BUS,
                        "Detail": json.dumps(
                            {
                                "orderId": order.order_id,
                                "customerId": order.customer_id,
                                "amount": order.amount,
                                "items": [],
                            }
                        ),
                    }
                    for order in orders[start : start + 10]
                ]
            )
            ids.extend(entry["EventId"] for entry in answer["Entries"] if "EventId" in entry)
        return ids

    def drain(self, queue: str, *, wait_s: int = 0) -> list[dict[str, Any]]:
        """Take up to ten messages off a queue."""
        answer = self.client("sqs").receive_message(
            QueueUrl=self.queues[queue], MaxNumberOfMessages=10, WaitTimeSeconds=wait_s, MessageAttributeNames=["All"]
        )
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        if messages:
            self.client("sqs").delete_message_batch(
                QueueUrl=self.queues[queue],
                Entries=[
                    {"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(messages)
                ],
            )
        return messages
