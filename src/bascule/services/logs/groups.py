"""Log groups: their life, retention and tags."""

from __future__ import annotations

import msgspec

from bascule.api import logs as api
from bascule.kernel.arns import parse_arn
from bascule.kernel.context import Context
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.services.logs import tokens
from bascule.services.logs.errors import InvalidParameter, ResourceAlreadyExists, ResourceNotFound
from bascule.services.logs.limits import DESCRIBE_ITEMS_MAX, RETENTION_DAYS
from bascule.services.logs.model import LogGroup
from bascule.services.logs.state import GROUPS, RESOURCE_POLICIES, STREAMS, log_name

NO_GROUP = "The specified log group does not exist."
GROUP_EXISTS = "The specified log group already exists"
RESERVED = "Log groups starting with AWS/ are reserved for AWS."
PREFIX_AND_PATTERN = "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters."


def found_group(ctx: Context, tx: Tx, name: str) -> LogGroup:
    """The group.

    Raises   ResourceNotFound.
    """
    group = GROUPS.get(tx.documents, ctx.scope, name)
    if group is None:
        raise ResourceNotFound(NO_GROUP)
    return group


def named_group(ctx: Context, tx: Tx, name: str | None, identifier: str | None) -> LogGroup:
    """The group that a request names either by ``logGroupName`` or by ``logGroupIdentifier`` (a name or an ARN).

    Raises   InvalidParameter unless exactly one is given; ResourceNotFound.
    """
    if (name is None) == (identifier is None):
        raise InvalidParameter("LogGroup name and LogGroup ARN are mutually exclusive parameters.")
    return found_group(ctx, tx, name if name is not None else _name_of(identifier or ""))


def _name_of(identifier: str) -> str:
    arn = parse_arn(identifier)
    return identifier if arn is None else arn.resource.removeprefix("log-group:").removesuffix(":*")


def tagged_group(ctx: Context, tx: Tx, resource_arn: str) -> LogGroup:
    """The group of an ARN given to the tag operations.

    Raises   InvalidParameter when it is no ARN of a log group; ResourceNotFound.
    """
    arn = parse_arn(resource_arn)
    if arn is None or not arn.resource.startswith("log-group:"):
        raise InvalidParameter("The specified resource ARN is not that of a log group.")
    return found_group(ctx, tx, _name_of(resource_arn))


@operation("CreateLogGroup", refuses=("kmsKeyId",))
def create_log_group(ctx: Context, tx: Tx, inp: api.CreateLogGroupRequest) -> api.Empty:
    """Create a log group.

    Raises   ResourceAlreadyExists; InvalidParameter for a name that AWS keeps for itself.
    """
    if inp.log_group_name.lower().startswith("aws/"):
        raise InvalidParameter(RESERVED)
    if GROUPS.get(tx.documents, ctx.scope, inp.log_group_name) is not None:
        raise ResourceAlreadyExists(GROUP_EXISTS)
    group = LogGroup(
        name=inp.log_group_name,
        created_ms=ctx.now_ms,
        tags=dict(inp.tags or {}),
        group_class=inp.log_group_class or "STANDARD",
        is_protected=bool(inp.deletion_protection_enabled),
    )
    GROUPS.put(tx.documents, ctx.scope, group.name, group)
    return api.Empty()


@operation("DeleteLogGroup")
def delete_log_group(ctx: Context, tx: Tx, inp: api.DeleteLogGroupRequest) -> api.Empty:
    """Delete a log group with its streams and events.

    Raises   ResourceNotFound; InvalidParameter while it is protected from deletion.
    """
    group = found_group(ctx, tx, inp.log_group_name)
    if group.is_protected:
        raise InvalidParameter("The specified log group has deletion protection enabled.")
    while streams := STREAMS.page(tx.documents, ctx.scope, parent=group.name):
        for name, stream in streams:
            tx.logs.drop(log_name(stream))
            STREAMS.delete(tx.documents, ctx.scope, name, parent=group.name)
    RESOURCE_POLICIES.delete(tx.documents, ctx.scope, group.name)
    GROUPS.delete(tx.documents, ctx.scope, group.name)
    return api.Empty()


def _described(ctx: Context, group: LogGroup) -> api.LogGroup:
    arn = ctx.scope.arn("logs", f"log-group:{group.name}")
    return api.LogGroup(
        log_group_name=group.name,
        creation_time=group.created_ms,
        retention_in_days=group.retention_days,
        metric_filter_count=0,
        arn=f"{arn}:*",
        log_group_arn=arn,
        stored_bytes=0,
        log_group_class=group.group_class,
        deletion_protection_enabled=group.is_protected,
    )


@operation("DescribeLogGroups", reads=True, refuses=("accountIdentifiers", "includeLinkedAccounts"))
def describe_log_groups(ctx: Context, tx: Tx, inp: api.DescribeLogGroupsRequest) -> api.DescribeLogGroupsResponse:
    """Log groups by name: all, those with a prefix, or those whose name contains a text.

    Raises   InvalidParameter for prefix and pattern together, or a token that we did not make.
    """
    if inp.log_group_name_prefix is not None and inp.log_group_name_pattern is not None:
        raise InvalidParameter(PREFIX_AND_PATTERN)
    size = inp.limit or DESCRIBE_ITEMS_MAX
    after = tokens.name_after(inp.next_token)
    wanted = None if inp.log_group_identifiers is None else {_name_of(text) for text in inp.log_group_identifiers}
    pattern = inp.log_group_name_pattern or ""
    shown: list[LogGroup] = []
    while len(shown) <= size:
        page = GROUPS.page(tx.documents, ctx.scope, prefix=inp.log_group_name_prefix or "", after=after, count_max=500)
        shown += [
            group
            for name, group in page
            if pattern in name
            and (wanted is None or name in wanted)
            and inp.log_group_class in (None, group.group_class)
        ]
        if len(page) < 500:
            break
        after = page[-1][0]
    token = tokens.name_token(shown[size - 1].name) if len(shown) > size else None
    return api.DescribeLogGroupsResponse(
        log_groups=[_described(ctx, group) for group in shown[:size]], next_token=token
    )


def _changed(ctx: Context, tx: Tx, name: str, *, retention_days: int | None) -> api.Empty:
    group = found_group(ctx, tx, name)
    changed = msgspec.structs.replace(group, retention_days=retention_days)
    GROUPS.put(tx.documents, ctx.scope, name, changed)
    tx.notify("logs.retention")
    return api.Empty()


@operation("PutRetentionPolicy")
def put_retention_policy(ctx: Context, tx: Tx, inp: api.PutRetentionPolicyRequest) -> api.Empty:
    """Keep events for a number of days.

    Raises   ResourceNotFound; InvalidParameter for a number that Logs does not offer.
    """
    if inp.retention_in_days not in RETENTION_DAYS:
        offered = ", ".join(map(str, sorted(RETENTION_DAYS)))
        raise InvalidParameter(
            f"1 validation error detected: Value '{inp.retention_in_days}' at 'retentionInDays' failed to satisfy "
            f"constraint: Member must satisfy enum value set: [{offered}]"
        )
    return _changed(ctx, tx, inp.log_group_name, retention_days=inp.retention_in_days)


@operation("DeleteRetentionPolicy")
def delete_retention_policy(ctx: Context, tx: Tx, inp: api.DeleteRetentionPolicyRequest) -> api.Empty:
    """Keep events for ever again."""
    return _changed(ctx, tx, inp.log_group_name, retention_days=None)
