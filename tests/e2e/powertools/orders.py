"""A function as people write it with Powertools: events of a bus are parsed, logged and counted."""

from __future__ import annotations

from typing import Any

import aws_lambda_powertools
import pydantic_core
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.parser import BaseModel, envelopes, event_parser
from aws_lambda_powertools.utilities.parser.models import EventBridgeModel
from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()
metrics = Metrics()
tracer = Tracer()


class Order(BaseModel):
    id: int
    items: list[str]


class Ordered(EventBridgeModel):
    detail: Order


@tracer.capture_method
def total(order: Order) -> int:
    return len(order.items)


@logger.inject_lambda_context(correlation_id_path=correlation_paths.EVENT_BRIDGE, log_event=True, clear_state=True)
@tracer.capture_lambda_handler
@metrics.log_metrics(capture_cold_start_metric=True)
@event_parser(model=Order, envelope=envelopes.EventBridgeEnvelope)
def by_envelope(event: Order, context: LambdaContext) -> dict[str, Any]:
    logger.append_keys(order_id=event.id)
    logger.info("order taken", extra={"items": total(event)})
    metrics.add_dimension(name="channel", value="web")
    metrics.add_metric(name="Items", unit=MetricUnit.Count, value=total(event))
    return {"from": [aws_lambda_powertools.__file__, pydantic_core.__file__], "order": event.model_dump()}


@logger.inject_lambda_context(correlation_id_path=correlation_paths.EVENT_BRIDGE)
@event_parser(model=Ordered)
def by_model(event: Ordered, context: LambdaContext) -> None:
    logger.info("order %s from %s", event.detail.id, event.source, extra={"at": event.time.isoformat()})
