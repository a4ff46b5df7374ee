"""Lambda's numbers, with unit and source."""

from __future__ import annotations

NAME_CHARACTERS_MAX = 64  # count; CreateFunction
ZIPPED_BYTES_MAX = 52_428_800  # bytes; Lambda quotas, deployment package (direct upload)
UNZIPPED_BYTES_MAX = 262_144_000  # bytes; Lambda quotas, function and layers together
PACKAGE_ENTRIES_MAX = 65_535  # count; ours: a zip file without the 64-bit extension holds no more
ENVIRONMENT_BYTES_MAX = 4_096  # bytes of the JSON form; Lambda quotas
TIMEOUT_S_MAX = 900  # seconds; Lambda quotas (5,400 in the model is for managed instances)
MEMORY_MB_MAX = 10_240  # MB; Lambda quotas (32,768 in the model is for managed instances)
TMP_MB_MAX = 10_240  # MB; Lambda quotas
TAGS_MAX = 50  # count; TagResource
POLICY_BYTES_MAX = 20_480  # bytes; Lambda quotas, resource-based policy
PAGE_ITEMS_MAX = 50  # count; ListFunctions never gives more
SYNC_PAYLOAD_BYTES_MAX = 6_291_456  # bytes; Invoke
ASYNC_PAYLOAD_BYTES_MAX = 1_048_576  # bytes; Invoke, October 2025
CLIENT_CONTEXT_BYTES_MAX = 3_583  # bytes; Invoke
UNRESERVED_CONCURRENCY_MIN = 100  # count; PutFunctionConcurrency
CODE_STORAGE_BYTES_MAX = 322_122_547_200  # bytes; Lambda quotas, 300 GB
EVENT_AGE_S_DEFAULT = 21_600  # seconds; PutFunctionEventInvokeConfig
RETRIES_DEFAULT = 2  # count; PutFunctionEventInvokeConfig
DEAD_LETTER_MESSAGE_BYTES_MAX = 1_024  # bytes of ErrorMessage; developer guide, dead-letter queues
THROTTLE_DELAY_MS_MIN = 1_000  # milliseconds; developer guide, error handling of asynchronous invocation
THROTTLE_DELAY_MS_MAX = 300_000  # milliseconds; same page
CHAIN_INVOCATIONS_MAX = 16  # count; developer guide, recursive loop detection
ALIASES_MAX = 10_000  # count; ours: AWS documents no number
EVENT_SOURCE_BATCH_DEFAULT = 10  # count; CreateEventSourceMapping, SQS
EVENT_SOURCE_FILTERS_MAX = 10  # count; Lambda quotas, 5 that may be raised to 10
EVENT_SOURCE_POLLERS_DEFAULT = (2, 200)  # count, lowest and highest; ProvisionedPollerConfig, SQS
EVENT_SOURCES_PAGE_MAX = 100  # count; ListEventSourceMappings
ROLE_SESSION_MS = 43_200_000  # milliseconds; ours, 12 hours: the longest session of a role in IAM
LAYERS_MAX = 5  # count; Lambda quotas, layers of a function
