"""CloudWatch Logs: groups, streams, events, search and retention.

Enough for what functions write and people read: ``aws logs tail --follow``, ``sam logs`` and the SDKs. The runtime writes
through ``sink.LogSink``, rules of EventBridge through ``target.LogGroupTarget``.
"""

from __future__ import annotations

from bascule.kernel.service import Service, operations
from bascule.services.logs import events, filtering, groups, listing, resource_policies, streams, tags
from bascule.services.logs.retention import LOOPS
from bascule.services.logs.target import LogGroupTarget

SERVICE = Service(
    name="logs",
    operations=operations(
        groups.create_log_group,
        groups.delete_log_group,
        groups.describe_log_groups,
        listing.list_log_groups,
        groups.put_retention_policy,
        groups.delete_retention_policy,
        streams.create_log_stream,
        streams.delete_log_stream,
        streams.describe_log_streams,
        events.put_log_events,
        events.get_log_events,
        filtering.filter_log_events,
        tags.tag_resource,
        tags.untag_resource,
        tags.list_tags_for_resource,
        tags.tag_log_group,
        tags.untag_log_group,
        tags.list_tags_log_group,
        resource_policies.put_resource_policy,
        resource_policies.describe_resource_policies,
        resource_policies.delete_resource_policy,
    ),
    targets={"logs": LogGroupTarget()},
    loops=LOOPS,
)
