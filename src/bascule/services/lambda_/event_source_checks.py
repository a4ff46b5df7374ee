"""What is checked of an event source mapping before it is kept. Pure; the first problem found is raised.

Sources that are not built yet are refused by name, so that nobody waits for records that never come.
"""

from __future__ import annotations

from bascule.api import lambda_ as api
from bascule.kernel.arns import parse_arn
from bascule.kernel.errors import NotImplementedHere
from bascule.services.lambda_.errors import InvalidParameterValue
from bascule.services.lambda_.event_source_model import EventSourceMapping

NO_WINDOW = "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
NO_QUEUE = (
    "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. "
    "SQS Error Message: The specified queue does not exist."
)
#: ARN service -> what such a source is called.
_OTHER_SOURCES = {
    "kinesis": "Kinesis streams",
    "dynamodb": "DynamoDB streams",
    "kafka": "Amazon MSK",
    "mq": "Amazon MQ",
    "rds": "Amazon DocumentDB",
}
_STREAMS = frozenset({"kinesis", "dynamodb"})
#: What a queue cannot have, as the structs call it and as the wire does.
NOT_FOR_QUEUES = {
    "destination_config": "DestinationConfig",
    "parallelization_factor": "ParallelizationFactor",
    "maximum_record_age_in_seconds": "MaximumRecordAgeInSeconds",
    "bisect_batch_on_function_error": "BisectBatchOnFunctionError",
    "maximum_retry_attempts": "MaximumRetryAttempts",
    "tumbling_window_in_seconds": "TumblingWindowInSeconds",
    "source_access_configurations": "SourceAccessConfigurations",
    "topics": "Topics",
    "queues": "Queues",
    "self_managed_event_source": "SelfManagedEventSource",
    "amazon_managed_kafka_event_source_config": "AmazonManagedKafkaEventSourceConfig",
    "self_managed_kafka_event_source_config": "SelfManagedKafkaEventSourceConfig",
    "document_db_event_source_config": "DocumentDBEventSourceConfig",
    "logging_config": "LoggingConfig",
}


def checked_source(inp: api.CreateEventSourceMappingRequest, region: str) -> str:
    """The ARN of the queue that a request names.

    Raises   InvalidParameterValue when it names no source, or one that cannot be; NotImplementedHere for other kinds.
    """
    if inp.event_source_arn is None:
        if inp.self_managed_event_source is None:
            raise InvalidParameterValue("Unrecognized event source.")
        if not inp.source_access_configurations:
            raise InvalidParameterValue("Required 'sourceAccessConfigurations' parameter is missing.")
        raise _not_built("self-managed Apache Kafka")
    arn = parse_arn(inp.event_source_arn)
    if arn is None:
        raise InvalidParameterValue("Unrecognized event source.")
    if arn.service in _STREAMS and inp.starting_position is None:
        raise InvalidParameterValue(
            "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: "
            "Member must not be null."
        )
    if arn.service in _OTHER_SOURCES:
        raise _not_built(_OTHER_SOURCES[arn.service])
    if arn.service != "sqs":
        raise InvalidParameterValue("Unrecognized event source.")
    if arn.region != region:
        raise InvalidParameterValue(f"The event source must be in the region of the function ('{region}').")
    if inp.starting_position is not None or inp.starting_position_timestamp is not None:
        raise InvalidParameterValue(f"Unsupported starting position for arn type: {inp.event_source_arn}")
    return inp.event_source_arn


def _not_built(kind: str) -> NotImplementedHere:
    return NotImplementedHere(f"Bascule has event source mappings for SQS queues only so far; {kind} are missing.")


def check_members(inp: api.CreateEventSourceMappingRequest | api.UpdateEventSourceMappingRequest) -> None:
    """Refuse what queues cannot have.

    Raises   InvalidParameterValue naming the member.
    """
    for attribute, name in NOT_FOR_QUEUES.items():
        if getattr(inp, attribute, None) is not None:
            raise InvalidParameterValue(f"Unsupported {name} parameter for given event source mapping type.")
    if inp.provisioned_poller_config and inp.provisioned_poller_config.poller_group_name is not None:
        raise InvalidParameterValue("Unsupported PollerGroupName parameter for given event source mapping type.")


def check_batching(mapping: EventSourceMapping) -> None:
    """Refuse batch sizes, windows and scaling that do not go together.

    Raises   InvalidParameterValue.
    """
    if mapping.source_arn.endswith(".fifo") and mapping.window_s:
        raise InvalidParameterValue("Batching window is not supported for FIFO queues")
    if mapping.batch_size > 10 and mapping.window_s == 0:
        raise InvalidParameterValue(NO_WINDOW)
    if mapping.concurrency_max is not None and mapping.pollers is not None:
        raise InvalidParameterValue("ScalingConfig and ProvisionedPollerConfig cannot be used together.")
    if mapping.pollers is not None and mapping.pollers[0] > mapping.pollers[1]:
        raise InvalidParameterValue("MinimumPollers must not be greater than MaximumPollers.")


def check_visibility(visibility_s: int, timeout_s: int) -> None:
    """Refuse a queue whose messages come back while the function may still run.

    Raises   InvalidParameterValue.
    """
    if visibility_s < timeout_s:
        raise InvalidParameterValue(
            f"Queue visibility timeout: {visibility_s} seconds is less than Function timeout: {timeout_s} seconds"
        )
