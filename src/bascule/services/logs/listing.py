"""ListLogGroups: names of groups by up to five patterns, each a part of the name or, after ``^``, its beginning."""

from __future__ import annotations

from collections.abc import Iterator

from bascule.api import logs as api
from bascule.kernel.context import Context
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.services.logs import tokens
from bascule.services.logs.limits import DESCRIBE_ITEMS_MAX
from bascule.services.logs.model import LogGroup
from bascule.services.logs.state import GROUPS

#: Groups read by one statement. count
READ_COUNT = 500


@operation(
    "ListLogGroups",
    reads=True,
    refuses=("accountIdentifiers", "includeLinkedAccounts", "dataSources", "fieldIndexNames", "logGroupTags"),
)
def list_log_groups(ctx: Context, tx: Tx, inp: api.ListLogGroupsRequest) -> api.ListLogGroupsResponse:
    """Log groups by name.

    Raises   InvalidParameter for a token that we did not make.
    """
    size = inp.limit or DESCRIBE_ITEMS_MAX
    patterns = (inp.log_group_name_pattern or "").split("|")
    shown: list[LogGroup] = []
    for group in _groups_after(ctx, tx, tokens.name_after(inp.next_token)):
        if inp.log_group_class in (None, group.group_class) and any(_fits(group.name, one) for one in patterns):
            shown.append(group)
            if len(shown) > size:
                break
    return api.ListLogGroupsResponse(
        log_groups=[
            api.LogGroupSummary(
                log_group_name=group.name,
                log_group_arn=ctx.scope.arn("logs", f"log-group:{group.name}"),
                log_group_class=group.group_class,
            )
            for group in shown[:size]
        ],
        next_token=tokens.name_token(shown[size - 1].name) if len(shown) > size else None,
    )


def _fits(name: str, pattern: str) -> bool:
    return name.startswith(pattern[1:]) if pattern.startswith("^") else pattern in name


def _groups_after(ctx: Context, tx: Tx, after: str) -> Iterator[LogGroup]:
    while page := GROUPS.page(tx.documents, ctx.scope, after=after, count_max=READ_COUNT):
        yield from (group for _, group in page)
        after = page[-1][0]
