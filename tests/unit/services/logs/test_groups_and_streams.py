"""Log groups and streams: life, listing, tags, retention."""

from __future__ import annotations

from typing import Any

import pytest

from bascule.services.logs.errors import (
    InvalidParameter,
    ResourceAlreadyExists,
    ResourceNotFound,
    TooManyTags,
)
from bascule.services.logs.retention import trim_expired
from tests.unit.services.logs.desk import Desk

DAY_MS = 86_400_000


def test_group_is_created_once(desk: Desk) -> None:
    desk.group()
    with pytest.raises(ResourceAlreadyExists, match="The specified log group already exists"):
        desk.group()
    with pytest.raises(ResourceAlreadyExists, match="The specified log stream already exists"):
        desk.call("CreateLogStream", log_group_name="g", log_stream_name="s")


def test_what_does_not_exist_is_named_by_kind(desk: Desk) -> None:
    with pytest.raises(ResourceNotFound, match=r"The specified log group does not exist\."):
        desk.put("x")
    desk.group()
    with pytest.raises(ResourceNotFound, match=r"The specified log stream does not exist\."):
        desk.put("x", stream="t")


def test_group_arn_ends_in_a_star_in_one_member_and_not_in_the_other(desk: Desk) -> None:
    desk.group()
    (shown,) = desk.call("DescribeLogGroups").log_groups
    assert shown.arn == "arn:aws:logs:us-east-1:000000000000:log-group:g:*"
    assert shown.log_group_arn == "arn:aws:logs:us-east-1:000000000000:log-group:g"
    assert (shown.stored_bytes, shown.retention_in_days, shown.log_group_class) == (0, None, "STANDARD")


def test_groups_are_found_by_prefix_or_by_part_of_the_name(desk: Desk) -> None:
    for name in ("/aws/lambda/a", "/aws/lambda/b", "/other/a"):
        desk.group(name)

    def names(**members: Any) -> list[str]:
        return [group.log_group_name for group in desk.call("DescribeLogGroups", **members).log_groups]

    assert names(log_group_name_prefix="/aws/") == ["/aws/lambda/a", "/aws/lambda/b"]
    assert names(log_group_name_pattern="/a") == ["/aws/lambda/a", "/aws/lambda/b", "/other/a"]
    assert names(log_group_identifiers=["/other/a"]) == ["/other/a"]
    with pytest.raises(InvalidParameter, match="mutually exclusive"):
        names(log_group_name_prefix="a", log_group_name_pattern="b")


def test_groups_are_listed_page_by_page(desk: Desk) -> None:
    for name in "cab":
        desk.group(name)
    first = desk.call("DescribeLogGroups", limit=2)
    second = desk.call("DescribeLogGroups", limit=2, next_token=first.next_token)
    assert [group.log_group_name for group in (*first.log_groups, *second.log_groups)] == ["a", "b", "c"]
    assert second.next_token is None
    with pytest.raises(InvalidParameter, match="nextToken is invalid"):
        desk.call("DescribeLogGroups", next_token="?")


def test_deleted_and_recreated_group_has_no_events(desk: Desk) -> None:
    desk.group()
    desk.put("old")
    desk.call("DeleteLogGroup", log_group_name="g")
    desk.group()
    assert desk.found() == []


def test_protected_group_is_not_deleted(desk: Desk) -> None:
    desk.group(deletion_protection_enabled=True)
    with pytest.raises(InvalidParameter, match="deletion protection"):
        desk.call("DeleteLogGroup", log_group_name="g")


def test_deleted_stream_is_gone(desk: Desk) -> None:
    desk.group()
    desk.call("DeleteLogStream", log_group_name="g", log_stream_name="s")
    assert desk.call("DescribeLogStreams", log_group_name="g").log_streams == []


def test_streams_are_ordered_by_name_or_by_last_event(desk: Desk) -> None:
    desk.group("g", "a", "b", "c")
    desk.put("x", stream="b", at_ms=2)
    desk.put("x", stream="a", at_ms=5)

    def names(**members: Any) -> list[str]:
        listed = desk.call("DescribeLogStreams", log_group_identifier="g", **members).log_streams
        return [stream.log_stream_name for stream in listed]

    assert names() == ["a", "b", "c"]
    assert names(order_by="LastEventTime", descending=True) == ["a", "b", "c"]
    assert names(order_by="LastEventTime") == ["c", "b", "a"]
    assert names(log_stream_name_prefix="b") == ["b"]
    with pytest.raises(InvalidParameter, match="Cannot order by LastEventTime"):
        names(order_by="LastEventTime", log_stream_name_prefix="a")


def test_streams_are_listed_page_by_page(desk: Desk) -> None:
    desk.group("g", "a", "b", "c")
    first = desk.call("DescribeLogStreams", log_group_name="g", limit=2, descending=True)
    second = desk.call("DescribeLogStreams", log_group_name="g", limit=2, descending=True, next_token=first.next_token)
    assert [stream.log_stream_name for stream in (*first.log_streams, *second.log_streams)] == ["c", "b", "a"]


def test_stream_shows_its_first_and_last_event(desk: Desk) -> None:
    desk.group()
    desk.put("a", "b")
    (stream,) = desk.call("DescribeLogStreams", log_group_name="g").log_streams
    now_ms = desk.clock.now_ms()
    assert (stream.first_event_timestamp, stream.last_event_timestamp) == (now_ms, now_ms + 1)
    assert stream.last_ingestion_time == now_ms


def test_tags_by_arn_and_by_name_are_the_same_tags(desk: Desk) -> None:
    desk.group(tags={"a": "1"})
    arn = desk.scope.arn("logs", "log-group:g")
    desk.call("TagResource", resource_arn=arn, tags={"b": "2"})
    desk.call("TagLogGroup", log_group_name="g", tags={"c": "3"})
    assert desk.call("ListTagsLogGroup", log_group_name="g").tags == {"a": "1", "b": "2", "c": "3"}
    desk.call("UntagResource", resource_arn=f"{arn}:*", tag_keys=["a"])
    desk.call("UntagLogGroup", log_group_name="g", tags=["b"])
    assert desk.call("ListTagsForResource", resource_arn=arn).tags == {"c": "3"}
    with pytest.raises(TooManyTags):
        desk.call("TagLogGroup", log_group_name="g", tags={str(number): "" for number in range(50)})
    with pytest.raises(InvalidParameter):
        desk.call("ListTagsForResource", resource_arn="arn:aws:sqs:us-east-1:000000000000:q")


def test_retention_takes_only_the_days_on_offer(desk: Desk) -> None:
    desk.group()
    with pytest.raises(InvalidParameter, match="'retentionInDays'"):
        desk.call("PutRetentionPolicy", log_group_name="g", retention_in_days=2)
    desk.call("PutRetentionPolicy", log_group_name="g", retention_in_days=3)
    assert desk.call("DescribeLogGroups").log_groups[0].retention_in_days == 3
    desk.call("DeleteRetentionPolicy", log_group_name="g")
    assert desk.call("DescribeLogGroups").log_groups[0].retention_in_days is None


def test_events_older_than_the_retention_are_removed_by_the_loop(desk: Desk) -> None:
    desk.group()
    desk.put("old")
    desk.call("PutRetentionPolicy", log_group_name="g", retention_in_days=1)
    desk.clock.advance(DAY_MS - 1000)
    desk.put("new")
    for advance_ms, left in ((0, ["old", "new"]), (2000, ["new"])):
        desk.clock.advance(advance_ms)
        ctx = desk.context()
        assert desk.store.write(lambda tx, ctx=ctx: trim_expired(ctx, tx)) is None
        assert desk.found() == left


def test_names_that_begin_with_aws_are_reserved_and_those_with_a_slash_before_it_are_not(desk: Desk) -> None:
    for name in ("aws/x", "AWS/x"):
        with pytest.raises(InvalidParameter, match="Log groups starting with AWS"):
            desk.call("CreateLogGroup", log_group_name=name)
    desk.group("/aws/x")


def test_groups_are_found_by_patterns_and_listed_page_by_page(desk: Desk) -> None:
    for name in ("/aws/lambda/orders", "/aws/events/orders", "orders", "other"):
        desk.group(name)

    def found(**members: Any) -> list[str]:
        return [group.log_group_name for group in desk.call("ListLogGroups", **members).log_groups]

    assert found() == ["/aws/events/orders", "/aws/lambda/orders", "orders", "other"]
    assert found(log_group_name_pattern="^/aws/lambda|other") == ["/aws/lambda/orders", "other"]
    assert found(log_group_name_pattern="orders") == ["/aws/events/orders", "/aws/lambda/orders", "orders"]
    assert found(log_group_class="INFREQUENT_ACCESS") == []
    first = desk.call("ListLogGroups", log_group_name_pattern="orders", limit=2)
    assert first.log_groups[0].log_group_arn == desk.scope.arn("logs", "log-group:/aws/events/orders")
    assert found(log_group_name_pattern="orders", limit=2, next_token=first.next_token) == ["orders"]
    assert desk.call("ListLogGroups", limit=4).next_token is None
