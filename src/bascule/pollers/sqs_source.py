"""Answers what the Lambda service asks about a queue before it keeps a mapping; the performer ``event-source``."""

from __future__ import annotations

from bascule.kernel.store import Tx
from bascule.services.lambda_.event_source_model import QueueFacts, SourceMissing, SourceQuestion
from bascule.services.sqs.state import find_arn


def describe_source(tx: Tx, question: SourceQuestion) -> QueueFacts | SourceMissing:
    """What is to be known of the queue; ``SourceMissing`` when there is none."""
    found = find_arn(tx, question.arn)
    return SourceMissing() if found is None else QueueFacts(visibility_s=found[1].visibility_s)
