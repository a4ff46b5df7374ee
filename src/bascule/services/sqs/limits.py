"""Numbers of SQS, each with its unit and source."""

from __future__ import annotations

import re

QUEUE_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")  # CreateQueue API reference; a FIFO name counts its suffix
QUEUE_NAME_LENGTH_MAX = 80  # characters; CreateQueue API reference
FIFO_SUFFIX = ".fifo"  # end of a FIFO queue's name; CreateQueue API reference
NAME_REUSE_WAIT_MS = 60_000  # milliseconds; DeleteQueue API reference
PURGE_INTERVAL_MS = 60_000  # milliseconds; PurgeQueue API reference
LIST_QUEUES_MAX = 1000  # count; ListQueues API reference
TAGS_MAX = 50  # count; SQS quotas
TAG_KEY_LENGTH_MAX = 128  # characters; SQS quotas
TAG_VALUE_LENGTH_MAX = 256  # characters; SQS quotas

MESSAGE_BYTES_MAX = 1_048_576  # bytes, body and attributes; SendMessage API reference, since August 2025
MESSAGE_BYTES_MAX_LOWEST = 1_024  # bytes; SetQueueAttributes API reference
BATCH_BYTES_MAX = 1_048_576  # bytes, all entries together; SendMessageBatch API reference
BATCH_ENTRIES_MAX = 10  # count; SendMessageBatch API reference
ENTRY_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")  # SendMessageBatchRequestEntry
ATTRIBUTES_MAX = 10  # count; "Amazon SQS message metadata"
ATTRIBUTE_NAME = re.compile(r"[A-Za-z0-9_.-]{1,256}")  # "Amazon SQS message metadata"
ATTRIBUTE_TYPE_LENGTH_MAX = 256  # characters; "Amazon SQS message metadata"
#: Alphanumeric and punctuation: message group id, deduplication id, receive request attempt id.
FIFO_ID = re.compile(r"[\x21-\x7e]{1,128}")

DELAY_S_MAX = 900  # seconds; SendMessage API reference
WAIT_S_MAX = 20  # seconds; ReceiveMessage API reference
VISIBILITY_S_MAX = 43_200  # seconds, also in total from the receive; ChangeMessageVisibility API reference
RETENTION_S_LOWEST = 60  # seconds; SetQueueAttributes API reference
RETENTION_S_MAX = 1_209_600  # seconds; SetQueueAttributes API reference
RECEIVE_COUNT_MAX = 1000  # maxReceiveCount; SetQueueAttributes API reference
REDRIVE_SOURCES_MAX = 10  # sourceQueueArns of a redrive allow policy; SetQueueAttributes API reference
RECEIVE_MESSAGES_MAX = 10  # count; ReceiveMessage API reference
IN_FLIGHT_MAX = 120_000  # messages of a queue; SQS quotas
DEDUPLICATION_MS = 300_000  # milliseconds; "Exactly-once processing in Amazon SQS"
ATTEMPT_KEPT_MS = 300_000  # milliseconds; ReceiveMessage API reference, ReceiveRequestAttemptId

PERMISSION_ACTIONS_MAX = 7  # count; AddPermission API reference
PERMISSION_LABEL = re.compile(r"[A-Za-z0-9_-]{1,80}")  # AddPermission API reference
POLICY_STATEMENTS_MAX = 20  # count; SQS quotas

MOVE_TASKS_LISTED_MAX = 10  # count; ListMessageMoveTasks API reference
MOVE_RATE_MAX = 500  # messages a second; StartMessageMoveTask API reference
MOVE_STEP_MAX = 100  # messages that one task moves in one transaction; ours
MOVE_STEPS_MAX = 3  # tasks that move messages in one transaction; ours
SWEEP_QUEUES_MAX = 200  # queues looked at in one transaction; ours
SWEEP_PAUSE_MS = 60_000  # milliseconds between sweeps for expired messages; ours
REDRIVE_ROUNDS_MAX = 10  # leases tried in one receive when messages go to the dead-letter queue; ours
#: Something is due but may not be given (a blocked group, an expired message): look again after this. milliseconds; ours
BLOCKED_LOOK_MS = 250
