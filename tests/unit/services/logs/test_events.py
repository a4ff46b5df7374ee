"""Events: putting, reading one stream, searching a group."""

from __future__ import annotations

from typing import Any

import pytest

from bascule.api import logs as api
from bascule.services.logs.errors import InvalidParameter
from tests.unit.services.logs.desk import Desk

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def read(desk: Desk, **members: Any) -> Any:
    return desk.call("GetLogEvents", log_group_name="g", log_stream_name="s", **members)


def texts(page: Any) -> list[str]:
    return [event.message for event in page.events]


def test_events_out_of_order_are_refused(desk: Desk) -> None:
    desk.group()
    now_ms = desk.clock.now_ms()
    events = [api.InputLogEvent(timestamp=now_ms + offset, message="m") for offset in (1, 0)]
    with pytest.raises(InvalidParameter, match="must be in chronological order"):
        desk.call("PutLogEvents", log_group_name="g", log_stream_name="s", log_events=events)


def test_events_over_more_than_a_day_are_refused(desk: Desk) -> None:
    desk.group()
    now_ms = desk.clock.now_ms()
    events = [api.InputLogEvent(timestamp=now_ms - offset, message="m") for offset in (DAY_MS + 1, 0)]
    with pytest.raises(InvalidParameter, match="cannot span more than 24 hours"):
        desk.call("PutLogEvents", log_group_name="g", log_stream_name="s", log_events=events)


def test_too_many_bytes_are_refused(desk: Desk) -> None:
    desk.group()
    with pytest.raises(InvalidParameter, match="Upload too large"):
        desk.put("x" * 600_000, "x" * 600_000)
    with pytest.raises(InvalidParameter, match="Log event too large"):
        desk.put("x" * 1_048_576)


def test_events_too_old_or_too_new_are_left_out_and_said_so(desk: Desk) -> None:
    desk.group()
    now_ms = desk.clock.now_ms()
    offsets = (-14 * DAY_MS - HOUR_MS, -14 * DAY_MS + HOUR_MS)
    events = [api.InputLogEvent(timestamp=now_ms + offset, message=str(offset)) for offset in offsets]
    answer = desk.call("PutLogEvents", log_group_name="g", log_stream_name="s", log_events=events)
    assert answer.rejected_log_events_info == api.RejectedLogEventsInfo(too_old_log_event_end_index=1)
    answer = desk.put("now", at_ms=0)
    assert answer.rejected_log_events_info is None
    answer = desk.put("future", at_ms=3 * HOUR_MS)
    assert answer.rejected_log_events_info == api.RejectedLogEventsInfo(too_new_log_event_start_index=0)
    assert texts(read(desk, start_from_head=True)) == [str(offsets[1]), "now"]


def test_events_beyond_the_retention_are_expired(desk: Desk) -> None:
    desk.group()
    desk.call("PutRetentionPolicy", log_group_name="g", retention_in_days=1)
    answer = desk.put("old", at_ms=-2 * DAY_MS)
    assert answer.rejected_log_events_info == api.RejectedLogEventsInfo(expired_log_event_end_index=1)


def test_newest_page_comes_first_and_tokens_lead_both_ways(desk: Desk) -> None:
    desk.group()
    desk.put("a", "b", "c", "d", "e")
    last = read(desk, limit=2)
    assert texts(last) == ["d", "e"]
    before = read(desk, limit=2, next_token=last.next_backward_token)
    assert texts(before) == ["b", "c"]
    assert texts(read(desk, limit=2, next_token=before.next_forward_token)) == ["d", "e"]


def test_token_stays_the_same_at_the_end_and_goes_on_when_more_comes(desk: Desk) -> None:
    desk.group()
    desk.put("a")
    page = read(desk, start_from_head=True)
    end = read(desk, next_token=page.next_forward_token)
    assert (end.events, end.next_forward_token) == ([], page.next_forward_token)
    desk.put("b")
    assert texts(read(desk, next_token=end.next_forward_token)) == ["b"]
    first = read(desk, next_token=page.next_backward_token)
    assert (first.events, first.next_backward_token) == ([], page.next_backward_token)


def test_empty_stream_gives_tokens_that_work_later(desk: Desk) -> None:
    desk.group()
    page = read(desk)
    assert page.events == []
    desk.put("a")
    assert texts(read(desk, next_token=page.next_forward_token)) == ["a"]


def test_time_range_includes_both_ends(desk: Desk) -> None:
    desk.group()
    desk.put("a", "b", "c", "d")
    now_ms = desk.clock.now_ms()
    assert texts(read(desk, start_time=now_ms + 1, end_time=now_ms + 2)) == ["b"], "the end is not of the range"
    assert desk.found(start_time=now_ms + 1, end_time=now_ms + 2) == ["b", "c"]


def test_token_of_another_kind_is_refused(desk: Desk) -> None:
    desk.group()
    with pytest.raises(InvalidParameter, match="nextToken is invalid"):
        read(desk, next_token="x")
    with pytest.raises(InvalidParameter, match="nextToken is invalid"):
        desk.call("FilterLogEvents", log_group_name="g", next_token="f/1/s")


def test_search_merges_streams_by_time_over_all_pages(desk: Desk) -> None:
    desk.group("g", "a", "b", "c")
    for number in range(30):
        desk.put(f"{number}", stream="abc"[number % 3], at_ms=number)
    assert desk.found(limit=4) == [str(number) for number in range(30)]


def test_search_is_limited_to_named_or_prefixed_streams(desk: Desk) -> None:
    desk.group("g", "a1", "a2", "b1")
    for stream in ("a1", "a2", "b1"):
        desk.put(stream, stream=stream)
    assert desk.found(log_stream_name_prefix="a") == ["a1", "a2"]
    assert desk.found(log_stream_names=["b1", "a1"]) == ["b1", "a1"]
    with pytest.raises(InvalidParameter, match="mutually exclusive"):
        desk.found(log_stream_names=["a1"], log_stream_name_prefix="a")


def test_found_events_have_different_ids_that_stay(desk: Desk) -> None:
    desk.group("g", "a", "b")
    desk.put("x", "y", stream="a")
    desk.put("x", "y", stream="b")
    first, again = (
        [event.event_id for event in desk.call("FilterLogEvents", log_group_name="g").events] for _ in range(2)
    )
    assert first == again
    assert len(set(first)) == 4
    assert {len(event_id) for event_id in first} == {56}


def test_message_keeps_every_character(desk: Desk) -> None:
    desk.group()
    message = 'tab\t "quotes" \N{SNOWMAN} \r\x00 end\n'
    desk.put(message)
    assert desk.found() == [message]


def test_a_search_from_the_end_gives_the_newest_first_page_by_page_over_all_streams(desk: Desk) -> None:
    desk.group("g", "s", "t")
    desk.put("a0", "a1", "a2")
    desk.put("b5", "b6", stream="t", at_ms=5)
    newest_first = ["b6", "b5", "a2", "a1", "a0"]
    assert desk.found(start_from_head=False) == newest_first
    for limit in (1, 2, 3):
        assert desk.found(start_from_head=False, limit=limit) == newest_first
    assert desk.found(start_from_head=True) == newest_first[::-1]
    assert desk.found("a1", start_from_head=False, limit=1) == ["a1"]
    page = desk.call("FilterLogEvents", log_group_name="g", start_from_head=False, limit=4)
    rest = desk.call("FilterLogEvents", log_group_name="g", next_token=page.next_token)
    assert texts(rest) == ["a0"], "the token keeps the direction"
