"""The bounds of the journal: age and bytes."""

from __future__ import annotations

import pytest

from bascule.journal import find_story
from bascule.journal.layout import LOGS_QUEUE
from bascule.journal.retention import _ALL, _sizes, kept_ms
from bascule.kernel.journal import Note
from bascule.kernel.scope import Scope
from bascule.kernel.settings import Settings
from tests.unit.delivery.platform import WORK, Platform

HOUR_MS = 3_600_000


def size(platform: Platform) -> int:
    found = platform.read(lambda tx: _sizes.get(tx.documents, Scope(), _ALL))
    return 0 if found is None else found.bytes_count


def announced(platform: Platform) -> int:
    return len(platform.read(lambda tx: tx.queues.peek(LOGS_QUEUE, count_max=1000)))


def is_known(platform: Platform, event: str) -> bool:
    return platform.read(lambda tx: find_story(tx, event)) is not None


def test_a_story_is_kept_for_its_age_and_a_grace_and_then_removed_whole() -> None:
    platform = Platform(journal_age_ms=24 * HOUR_MS)
    event = platform.put_event(WORK)
    platform.run(24 * HOUR_MS)
    assert is_known(platform, event)
    assert size(platform) > 0
    platform.run(2 * HOUR_MS + 120_000)
    assert not is_known(platform, event)
    assert (size(platform), announced(platform)) == (0, 0)
    platform.close()


def test_the_grace_is_never_longer_than_the_age() -> None:
    assert kept_ms(Settings(journal_age_ms=1_000)) == 2_000
    assert kept_ms(Settings()) == 26 * HOUR_MS


def test_the_oldest_stories_go_when_the_journal_is_too_large() -> None:
    platform = Platform(journal_bytes_max=20_000)
    events = []
    for _ in range(60):
        events.append(platform.put_event(WORK, WORK))
        platform.run(1_500)
    platform.run(60_000)
    known = [is_known(platform, event) for event in events]
    assert known == sorted(known), "only the oldest are gone"
    assert 5 < sum(known) < 60
    assert size(platform) <= 20_000
    platform.close()


def test_a_burst_is_noticed_before_the_next_regular_look() -> None:
    platform = Platform(journal_bytes_max=16_000)
    fired: set[str] = set()
    platform.store.on_signal(fired.update)
    platform.put_event(WORK)
    assert "journal.grown" not in fired
    for _ in range(3):
        platform.put_event(WORK)
    assert "journal.grown" in fired
    platform.close()


def test_a_large_second_is_removed_in_bounded_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bascule.journal.retention.RECORDS_MAX", 10)
    platform = Platform(journal_age_ms=1_000)
    platform.run(0)
    event = platform.put_event(WORK)
    for number in range(35):
        note = Note("retry", platform.clock.now_ms(), event, WORK, "d", number + 1)
        platform.write(lambda ctx, tx, note=note: ctx.journal.note(tx, note))
    tick_count = platform.run(120_000)
    assert tick_count > 4
    assert not is_known(platform, event)
    assert (size(platform), announced(platform)) == (0, 0)
    platform.close()


def test_logs_that_were_written_just_before_a_crash_are_removed_in_time() -> None:
    platform = Platform(journal_age_ms=HOUR_MS)
    event = platform.put_event(WORK)
    platform.restart()
    platform.run(3 * HOUR_MS)
    assert not is_known(platform, event)
    assert (size(platform), announced(platform)) == (0, 0)
    platform.close()


def test_stories_of_ids_from_elsewhere_are_removed_too(platform: Platform) -> None:
    note = Note("lost", platform.clock.now_ms(), "order 66")
    platform.write(lambda ctx, tx: ctx.journal.note(tx, note))
    platform.run(27 * HOUR_MS)
    assert not is_known(platform, "order 66")
    assert platform.read(lambda tx: tx.logs.position()) == 0


def test_logs_remembered_as_announced_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bascule.journal.retention.ANNOUNCED_MAX", 2)
    platform = Platform()
    for _ in range(5):
        platform.put_event(WORK)
        platform.run(1_000)
    platform.put_event(WORK)
    assert len(platform.journal._retention._announced) == 2
    platform.close()
