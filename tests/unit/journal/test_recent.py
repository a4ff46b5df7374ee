"""The live view: everything once, in order, from a cursor that can be put down and taken up again."""

from __future__ import annotations

import sys

import pytest

from bascule.journal import Happening, recent
from bascule.kernel.delivery import Refused
from bascule.kernel.journal import Note
from tests.unit.delivery.platform import WORK, Platform

BUSY = Refused("THROTTLING", "slow", is_retryable=True)


def look(platform: Platform, cursor: str, count_max: int = 500) -> tuple[list[Happening], str]:
    found = platform.read(lambda tx: recent(tx, cursor, now_ms=platform.clock.now_ms(), count_max=count_max))
    return found.happenings, found.cursor


def kinds(happenings: list[Happening]) -> list[str]:
    return ["event" if one.note is None else one.note.kind for one in happenings]


def test_an_event_and_its_acceptances_are_seen_once(platform: Platform) -> None:
    _, cursor = look(platform, "")
    event = platform.put_event(WORK)
    seen, cursor = look(platform, cursor)
    assert kinds(seen) == ["event", "accepted"]
    assert {one.event_id for one in seen} == {event}
    assert (seen[0].bus, seen[0].matched) == ("shop", ("big-orders",))
    assert look(platform, cursor)[0] == []


def test_a_first_look_shows_the_last_seconds(platform: Platform) -> None:
    platform.put_event(WORK)
    platform.run(3_000)
    assert kinds(look(platform, "")[0]) == ["event", "accepted"]
    platform.run(60_000)
    assert look(platform, "")[0] == []


def test_retries_over_an_hour_are_each_seen_once(platform: Platform) -> None:
    platform.work.script = [BUSY] * 12
    cursor = ""
    seen: list[str] = []
    platform.put_event(WORK)
    for _ in range(600):
        happenings, cursor = look(platform, cursor)
        seen += kinds(happenings)
        platform.run(6_000)
    assert seen == ["event", *["retry"] * 12, "accepted"]


def test_a_look_takes_no_more_records_than_asked_and_loses_none(platform: Platform) -> None:
    cursor = look(platform, "")[1]
    for _ in range(30):
        platform.put_event()
        platform.run(700)
    seen: list[str] = []
    for _ in range(20):
        happenings, cursor = look(platform, cursor, count_max=4)
        assert len(happenings) <= 4
        seen += [one.event_id for one in happenings]
    assert len(seen) == len(set(seen)) == 30
    assert look(platform, cursor)[0] == []


@pytest.mark.parametrize("late_ms", [2_000, 4_900, 60_000, 3_600_000])
def test_a_record_that_commits_into_a_second_that_is_long_over_is_not_missed(platform: Platform, late_ms: int) -> None:
    event = platform.put_event()
    cursor = look(platform, "")[1]
    platform.run(late_ms)
    _, cursor = look(platform, cursor)
    slow = Note("received", platform.clock.now_ms() - late_ms, event, WORK)
    platform.write(lambda ctx, tx: ctx.journal.note(tx, slow))
    seen, cursor = look(platform, cursor)
    assert kinds(seen) == ["received"]
    assert look(platform, cursor)[0] == []


def test_a_reader_that_was_away_goes_on_where_it_was(platform: Platform) -> None:
    cursor = look(platform, "")[1]
    platform.put_event()
    platform.run(400_000)
    platform.put_event()
    platform.run(100_000)
    assert kinds(look(platform, cursor)[0]) == ["event", "event"]


def test_notes_of_an_id_from_elsewhere_are_seen_under_that_id(platform: Platform) -> None:
    cursor = look(platform, "")[1]
    note = Note("lost", platform.clock.now_ms(), "order 66")
    platform.write(lambda ctx, tx: ctx.journal.note(tx, note))
    [seen] = look(platform, cursor)[0]
    assert (seen.event_id, seen.note and seen.note.kind) == ("order 66", "lost")


def test_a_look_that_found_nothing_before_it_had_to_stop_says_that_there_is_more(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["bascule.journal.recent"], "STRANGERS_MAX", 2)
    platform.write(lambda ctx, tx: tx.logs.append("a/function", [(1, b"line")] * 10))
    found = platform.read(lambda tx: recent(tx, "0", now_ms=platform.clock.now_ms(), count_max=4))
    assert (found.happenings, found.is_end) == ([], False)
    found = platform.read(lambda tx: recent(tx, found.cursor, now_ms=platform.clock.now_ms(), count_max=4))
    assert (found.happenings, found.is_end) == ([], True)


def test_records_of_other_logs_are_passed_over(platform: Platform) -> None:
    cursor = look(platform, "")[1]
    lines = [(platform.clock.now_ms(), b"line")] * 30
    platform.write(lambda ctx, tx: tx.logs.append("a/function", lines))
    event = platform.put_event()
    seen, cursor = look(platform, cursor, count_max=4)
    assert [one.event_id for one in seen] == [event]
    assert look(platform, cursor, count_max=4)[0] == []


@pytest.mark.parametrize("cursor", ["x", "-1", "1.2", "9" * 30, "٣"])
def test_an_unreadable_cursor_begins_anew(platform: Platform, cursor: str) -> None:
    platform.put_event()
    assert kinds(look(platform, cursor)[0]) == ["event"]


def test_a_cursor_from_the_future_waits_for_it(platform: Platform) -> None:
    platform.put_event()
    assert look(platform, "99999999999")[0] == []


def test_a_cursor_stays_short(platform: Platform) -> None:
    cursor = look(platform, "")[1]
    for _ in range(100):
        platform.put_event(WORK)
        platform.run(1_000)
        _, cursor = look(platform, cursor)
    assert len(cursor) < 20
