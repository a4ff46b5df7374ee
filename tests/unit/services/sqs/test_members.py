"""Every input member of every operation, and what it does here. The table must name each member of the model."""

from __future__ import annotations

from bascule.api import sqs as api
from bascule.services.sqs import SERVICE
from tests.unit.services import members

QUEUE_URL = {"QueueUrl": "names the queue"}
MESSAGE = {
    "MessageBody": "kept; checked for size and characters",
    "DelaySeconds": "delays the message; refused on FIFO queues",
    "MessageAttributes": "kept; checked; digested",
    "MessageSystemAttributes": "AWSTraceHeader is kept (that of the request when absent), any other refused",
    "MessageDeduplicationId": "deduplicates on FIFO queues; refused on standard queues",
    "MessageGroupId": "orders on FIFO queues; kept as a tenant on standard queues",
}
ENTRIES = {"Entries": "1 to 10, each on its own"}
PAGE = {"NextToken": "goes on after a page", "MaxResults": "bounds the page"}

ACTS: dict[str, dict[str, str]] = {
    "AddPermission": QUEUE_URL
    | {"Label": "statement id", "AWSAccountIds": "principals", "Actions": "actions of the statement; checked"},
    "CancelMessageMoveTask": {"TaskHandle": "names the task"},
    "ChangeMessageVisibility": QUEUE_URL
    | {"ReceiptHandle": "names the lease", "VisibilityTimeout": "new end of the lease, from now"},
    "ChangeMessageVisibilityBatch": QUEUE_URL | ENTRIES,
    "CreateQueue": {"QueueName": "checked", "Attributes": "each acts or is refused", "tags": "kept"},
    "DeleteMessage": QUEUE_URL | {"ReceiptHandle": "names the lease"},
    "DeleteMessageBatch": QUEUE_URL | ENTRIES,
    "DeleteQueue": QUEUE_URL,
    "GetQueueAttributes": QUEUE_URL | {"AttributeNames": "selects"},
    "GetQueueUrl": {"QueueName": "names the queue", "QueueOwnerAWSAccountId": "its account"},
    "ListDeadLetterSourceQueues": QUEUE_URL | PAGE,
    "ListMessageMoveTasks": {"SourceArn": "names the queue", "MaxResults": "bounds the list"},
    "ListQueueTags": QUEUE_URL,
    "ListQueues": PAGE | {"QueueNamePrefix": "selects"},
    "PurgeQueue": QUEUE_URL,
    "ReceiveMessage": QUEUE_URL
    | {
        "AttributeNames": "selects system attributes",
        "MessageSystemAttributeNames": "selects system attributes",
        "MessageAttributeNames": "selects message attributes",
        "MaxNumberOfMessages": "bounds the answer",
        "VisibilityTimeout": "length of the lease",
        "WaitTimeSeconds": "long poll",
        "ReceiveRequestAttemptId": "repeats a receive on FIFO queues; refused on standard queues",
    },
    "RemovePermission": QUEUE_URL | {"Label": "names the statement"},
    "SendMessage": QUEUE_URL | MESSAGE,
    "SendMessageBatch": QUEUE_URL | ENTRIES,
    "SetQueueAttributes": QUEUE_URL | {"Attributes": "each acts or is refused"},
    "StartMessageMoveTask": {
        "SourceArn": "names the dead-letter queue",
        "DestinationArn": "where to; each message's source when absent",
        "MaxNumberOfMessagesPerSecond": "the rate",
    },
    "TagQueue": QUEUE_URL | {"Tags": "kept"},
    "UntagQueue": QUEUE_URL | {"TagKeys": "removed"},
}


_VALUE = {
    "StringValue": "kept; checked",
    "BinaryValue": "kept; checked",
    "StringListValues": "refused, as on AWS",
    "BinaryListValues": "refused, as on AWS",
    "DataType": "kept; checked",
}
PARTS = {
    "ChangeMessageVisibilityBatchRequestEntry": {
        "Id": "names the entry",
        "ReceiptHandle": "names the lease",
        "VisibilityTimeout": "new end of the lease, from now",
    },
    "DeleteMessageBatchRequestEntry": {"Id": "names the entry", "ReceiptHandle": "names the lease"},
    "MessageAttributeValue": _VALUE,
    "MessageSystemAttributeValue": _VALUE,
    "SendMessageBatchRequestEntry": MESSAGE | {"Id": "names the entry"},
}


def test_every_operation_of_the_model_is_implemented() -> None:
    assert set(SERVICE.operations) == set(api.OPERATIONS)


def test_the_tables_name_every_input_member() -> None:
    members.check(api, SERVICE.operations, ACTS, PARTS, "refused: not built")


def test_operations_that_only_look_run_on_a_snapshot() -> None:
    looking = {name for name, operation in SERVICE.operations.items() if operation.reads}
    assert looking == {name for name in api.OPERATIONS if name.startswith(("Get", "List"))}
