"""Every number of the events service, with its unit and where it comes from."""

from __future__ import annotations

#: Event buses of one account and Region, the default bus included. count; EventBridge quotas
BUSES_MAX = 100
#: Characters of a bus's resource policy. EventBridge quotas
BUS_POLICY_CHARS_MAX = 10_240
#: Rules of one bus. count; AWS starts at 300 and raises it on request, we start where the matcher is still fast
RULES_PER_BUS_MAX = 10_000
#: Targets of one rule. count; EventBridge quotas (fixed)
TARGETS_PER_RULE_MAX = 5
#: Tags of one rule or bus. count; TagResource API reference
TAGS_MAX = 50
#: Levels of nesting of ``Detail``, its own braces being the first. PutEventsRequestEntry
DETAIL_DEPTH_MAX = 1_000
#: Characters of ``DetailType``. PutEventsRequestEntry
DETAIL_TYPE_CHARS_MAX = 128
#: Items of one page of a list. count; ListRules API reference
PAGE_ITEMS_MAX = 100
#: A schedule that is later than this was missed, and is skipped. milliseconds; a firing belongs to its minute
SCHEDULE_LATE_MS_MAX = 60_000
#: Schedules fired in one tick. count
SCHEDULES_PER_TICK_MAX = 100
#: Buses whose compiled rules are kept in memory. count
ROUTED_BUSES_MAX = 256
#: Parsed target templates kept in memory. count
TEMPLATES_KEPT_MAX = 4_096
