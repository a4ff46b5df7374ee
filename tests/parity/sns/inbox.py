"""Queues for topics to deliver to, and what arrives in them."""

from __future__ import annotations

import json
from typing import Any

from tests.world import World


class Inbox:
    """Makes queues with names of their own and empties them."""

    def __init__(self, world: World) -> None:
        self.sqs = world.client("sqs")

    def queue(self, name: str, **attributes: str) -> str:
        """A new queue; gives its ARN."""
        if name.endswith(".fifo"):
            attributes["FifoQueue"] = "true"
        self.sqs.create_queue(QueueName=name, Attributes=attributes)
        return f"arn:aws:sqs:us-east-1:000000000000:{name}"

    def messages(self, arn: str) -> list[dict[str, Any]]:
        """Everything that is in a queue, which is then empty."""
        url = self.sqs.get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"]
        found: list[dict[str, Any]] = []
        while True:
            batch = self.sqs.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=10,
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["All"],
            ).get("Messages", [])
            if not batch:
                return found
            for message in batch:
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            found += batch

    def bodies(self, arn: str) -> list[Any]:
        """The JSON bodies of everything that is in a queue."""
        return [json.loads(message["Body"]) for message in self.messages(arn)]

    def texts(self, arn: str) -> list[str]:
        """What was published, out of the envelopes in a queue."""
        return [body["Message"] for body in self.bodies(arn)]
