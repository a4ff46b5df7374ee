"""Batches of a queue as people process them with Powertools: what fails is told to Lambda message by message."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    SqsFifoPartialProcessor,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.parser import BaseModel, envelopes, parse
from aws_lambda_powertools.utilities.parser.models import SqsModel, SqsRecordModel
from aws_lambda_powertools.utilities.parser.types import Json
from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()


class Job(BaseModel):
    n: int
    broken: bool = False


class JobRecord(SqsRecordModel):
    body: Json[Job]


class Jobs(SqsModel):
    Records: list[JobRecord]


standard = BatchProcessor(event_type=EventType.SQS, model=JobRecord)
fifo = SqsFifoPartialProcessor()


def work(record: JobRecord) -> None:
    if record.body.broken:
        raise ValueError(f"job {record.body.n} is broken")
    logger.info("done", extra={"n": record.body.n})


def work_in_order(record: SQSRecord) -> None:
    job = record.json_body
    if job.get("broken"):
        raise ValueError(f"job {job['n']} is broken")
    logger.info("done", extra={"n": job["n"], "group": record.attributes.message_group_id})


@logger.inject_lambda_context
def on_standard(event: dict[str, Any], context: LambdaContext) -> Any:
    jobs = parse(event=event, model=Job, envelope=envelopes.SqsEnvelope)
    logger.info("batch", extra={"jobs": [job.n for job in jobs], "first": Jobs(**event).Records[0].messageId})
    return process_partial_response(event=event, record_handler=work, processor=standard, context=context)


@logger.inject_lambda_context
def on_fifo(event: dict[str, Any], context: LambdaContext) -> Any:
    return process_partial_response(event=event, record_handler=work_in_order, processor=fifo, context=context)
