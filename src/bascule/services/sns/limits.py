"""Numbers and forms of SNS, each with its unit and source."""

from __future__ import annotations

import re

#: CreateTopic, Name: 1 to 256 characters, of which ``.fifo`` is part
TOPIC_NAME = re.compile(r"[A-Za-z0-9_-]{1,256}")
FIFO_TOPIC_NAME = re.compile(r"[A-Za-z0-9_-]{1,251}\.fifo")
#: CreateTopic, DisplayName. characters
DISPLAY_NAME_LENGTH_MAX = 100
#: Topic attribute MaximumMessageSize. bytes
MESSAGE_BYTES_LOWEST = 1_024
MESSAGE_BYTES_DEFAULT = 262_144
MESSAGE_BYTES_MAX = 1_048_576
#: A topic that admits more than 256 KiB has at most this many subscriptions. count; MaximumMessageSize
LARGE_MESSAGE_SUBSCRIPTIONS_MAX = 100
#: Publish, Subject. characters
SUBJECT_LENGTH_MAX = 100
#: PublishBatch. count
BATCH_ENTRIES_MAX = 10
BATCH_ENTRY_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")
#: MessageGroupId and MessageDeduplicationId. characters
FIFO_ID = re.compile(r"[A-Za-z0-9!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]{1,128}")
#: A deduplication id is remembered this long. milliseconds; SNS guide, "Message deduplication for FIFO topics"
DEDUPLICATION_MS = 300_000
#: Message attributes: their name and type. characters
ATTRIBUTE_NAME_LENGTH_MAX = 256
#: More attributes than this are no SQS message any more. count; SNS guide, "Raw message delivery"
RAW_ATTRIBUTES_MAX = 10
#: A confirmation token is valid this long, and a subscription waits for it no longer. milliseconds; ConfirmSubscription
CONFIRMATION_MS = 172_800_000
#: Random bytes of a confirmation token. count
TOKEN_BYTES = 64
#: Subscriptions of one topic that have a filter policy. count; SNS quotas
FILTER_POLICIES_PER_TOPIC_MAX = 200
#: A filter policy. bytes; SNS guide, "Filter policy constraints"
FILTER_POLICY_BYTES_MAX = 262_144
#: A page of a list. count; ListTopics, ListSubscriptions
PAGE = 100
#: Tags. count, characters; SNS guide, "Topic tagging"
TAGS_MAX = 50
#: Retries of deliveries to endpoints that AWS manages, and how long they go on. count, milliseconds; SNS guide, retries
MANAGED_RETRIES_MAX = 100_014
MANAGED_AGE_MAX_MS = 23 * 86_400_000
#: All retries of an HTTP delivery policy together may take this long. seconds; SNS guide, HTTP/S delivery policy
HTTP_RETRIES_S_MAX = 3_600
HTTP_RETRIES_MAX = 100
#: Topics whose subscribers are kept compiled, and compiled subscribers. count
ROUTED_TOPICS_MAX = 1_024
SUBSCRIBERS_MAX = 16_384
#: Expired confirmations removed by one tick. count
EXPIRED_PER_TICK = 100
#: An attempt to deliver over HTTP is leased this long: 15 s for the answer and time to write it. milliseconds
HTTP_LEASE_MS = 60_000
