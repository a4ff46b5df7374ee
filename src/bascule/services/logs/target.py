"""What a log group accepts from ``delivery``: rules write events to it.

AWS publishes only that EventBridge makes the stream. Here each sender has one stream a day, named by a UUID made of both, so a
busy rule does not leave a stream for every event and a reader of the newest streams finds the newest events.
"""

from __future__ import annotations

import uuid
from functools import lru_cache

from bascule.kernel.arns import Arn
from bascule.kernel.context import Context
from bascule.kernel.delivery import Accepted, Delivery, Refused
from bascule.kernel.scope import Scope
from bascule.kernel.store import Tx
from bascule.policies import check_delivery_by_policies
from bascule.services.logs import limits
from bascule.services.logs.groups import NO_GROUP
from bascule.services.logs.resource_policies import policies_of
from bascule.services.logs.state import GROUPS, append_events, ensure_stream

TIMESTAMP = "Timestamp"
#: What a service needs to be allowed to write to a group that does not have its stream yet.
ACTIONS = ("logs:CreateLogStream", "logs:PutLogEvents")


@lru_cache(maxsize=1_024)
def stream_name(source_arn: str, day: int) -> str:
    """The stream that a sender writes to on a day."""
    return str(uuid.uuid3(uuid.NAMESPACE_URL, f"{source_arn}/{day}"))


class LogGroupTarget:
    """The owner of ``arn:aws:logs:...:log-group:name`` ARNs, with or without ``:*``."""

    def accept(self, ctx: Context, tx: Tx, delivery: Delivery, arn: Arn) -> Accepted:
        """Append the payload as one log event at ``parameters["Timestamp"]`` (milliseconds), or now.

        Gives    the name of the stream.
        Raises   Refused NO_RESOURCE when there is no such group; NO_PERMISSIONS when a resource policy forbids it;
                 INVALID_PARAMETER when the message is empty or too large, or too old or too new to be taken. None of
                 them is worth a retry.
        Promise  exactly once, with the sender's transaction.
        """
        kind, _, name = arn.resource.partition(":")
        name = name.removesuffix(":*")
        group = GROUPS.get(tx.documents, ctx.scope, name) if kind == "log-group" else None
        if group is None:
            raise Refused("NO_RESOURCE", NO_GROUP)
        stream = stream_name(delivery.source_arn, ctx.now_ms // limits.DAY_MS)
        _check_permission(ctx, tx, ctx.scope, delivery, name, stream)
        at_ms = _timestamp(ctx, delivery)
        message = delivery.payload.decode("utf-8", "replace")
        size = len(delivery.payload) + limits.EVENT_OVERHEAD_BYTES
        if not message:
            raise Refused("INVALID_PARAMETER", "The log event is empty.")
        if size > limits.EVENT_BYTES_MAX:
            raise Refused(
                "INVALID_PARAMETER", f"Log event too large: {size} bytes exceeds limit of {limits.EVENT_BYTES_MAX}"
            )
        kept_ms = limits.EVENT_AGE_MS_MAX
        if group.retention_days is not None:
            kept_ms = min(kept_ms, group.retention_days * limits.DAY_MS)
        if at_ms < ctx.now_ms - kept_ms:
            raise Refused("INVALID_PARAMETER", "The log event is too old or has expired.")
        if at_ms > ctx.now_ms + limits.EVENT_AHEAD_MS_MAX:
            raise Refused("INVALID_PARAMETER", "The log event is too new.")
        found = ensure_stream(tx, ctx.ids, ctx.scope, name, stream, now_ms=ctx.now_ms)
        append_events(tx, ctx.scope, name, found, [(at_ms, message)], now_ms=ctx.now_ms)
        tx.notify(f"logs:{name}")
        return Accepted(stream)


def _check_permission(ctx: Context, tx: Tx, scope: Scope, delivery: Delivery, group: str, stream: str) -> None:
    policies = policies_of(tx, scope, group)
    if policies or ctx.settings.enforce_policies:
        resource = scope.arn("logs", f"log-group:{group}:log-stream:{stream}")
        for action in ACTIONS:
            check_delivery_by_policies(ctx.settings, delivery, policies, action=action, resource=resource)


def _timestamp(ctx: Context, delivery: Delivery) -> int:
    parameters = delivery.parameters
    if not parameters.keys() <= {TIMESTAMP}:
        raise Refused(
            "INVALID_PARAMETER", f"A log group does not understand the target parameters {sorted(parameters)}."
        )
    return int(parameters[TIMESTAMP]) if parameters else ctx.now_ms
