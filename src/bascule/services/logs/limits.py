"""The numbers of CloudWatch Logs, with unit and source."""

from __future__ import annotations

EVENTS_PER_PUT_MAX = 10_000  # count; PutLogEvents
BYTES_PER_PUT_MAX = 1_048_576  # bytes, with 26 of overhead per event; PutLogEvents
EVENT_OVERHEAD_BYTES = 26  # bytes; PutLogEvents
EVENT_BYTES_MAX = 1_048_576  # bytes; PutLogEvents, 2025
PUT_SPAN_MS_MAX = 86_400_000  # milliseconds; PutLogEvents
EVENT_AGE_MS_MAX = 14 * 86_400_000  # milliseconds; PutLogEvents
EVENT_AHEAD_MS_MAX = 2 * 3_600_000  # milliseconds; PutLogEvents
PAGE_EVENTS_MAX = 10_000  # count; GetLogEvents, FilterLogEvents
PAGE_BYTES_MAX = 1_048_576  # bytes; GetLogEvents, FilterLogEvents
SCANNED_EVENTS_MAX = 20_000  # count looked at by one FilterLogEvents call; ours
DESCRIBE_ITEMS_MAX = 50  # count; DescribeLogGroups, DescribeLogStreams
RESOURCE_POLICIES_MAX = 10  # count; PutResourcePolicy
TAGS_MAX = 50  # count; TagResource
DAY_MS = 86_400_000  # milliseconds
RETENTION_DAYS = frozenset(  # days; PutRetentionPolicy
    {1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}
)
