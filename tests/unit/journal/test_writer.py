"""What the journal writes, and how little of it."""

from __future__ import annotations

import pytest

from bascule.journal import find_event, find_story, notes_of, notes_of_each
from bascule.journal.layout import SIGNAL
from bascule.kernel.context import Context
from bascule.kernel.delivery import Refused
from bascule.kernel.ids import event_batch_id, event_id
from bascule.kernel.journal import EventBatch, EventEntry, Note
from bascule.kernel.store import Tx
from tests.unit.delivery.platform import EVENT, RULE, SCOPE, WORK, Platform

OTHER = "arn:aws:work:us-east-1:000000000000:other"


def records(platform: Platform, event: str) -> list[bytes]:
    """All records of the second in which an event was born."""
    second = int(event.replace("-", "")[:12], 16) // 1000
    return [record.body for record in platform.read(lambda tx: tx.logs.read(f"journal/{second}"))]


def test_a_call_with_its_acceptances_is_one_record(platform: Platform) -> None:
    event = platform.put_event(WORK, OTHER, WORK)
    assert len(records(platform, event)) == 1
    notes = platform.read(lambda tx: notes_of(tx, event))
    assert [(note.kind, note.target_arn, note.detail) for note in notes] == [
        ("accepted", WORK, {"source_arn": RULE, "reference": "m-1"}),
        ("accepted", OTHER, {"source_arn": RULE, "reference": "m-2"}),
        ("accepted", WORK, {"source_arn": RULE, "reference": "m-3"}),
    ]


def test_a_call_recorded_before_its_acceptances_tells_the_same_story(platform: Platform) -> None:
    event = platform.put_event(WORK, OTHER, is_batch_first=True)
    assert len(records(platform, event)) == 3
    notes = platform.read(lambda tx: notes_of(tx, event))
    assert [(note.kind, note.target_arn) for note in notes] == [("accepted", WORK), ("accepted", OTHER)]


def test_each_event_of_a_call_is_found_by_its_own_id(platform: Platform) -> None:
    batch_id = event_batch_id(platform.clock.now_ms(), platform.ids.token(9))
    bodies = [b'{"n":%d}' % number for number in range(10)]
    entries: list[EventEntry | None] = [EventEntry(body, "shop", ("r",)) for body in bodies]
    entries[4] = None

    def command(ctx: Context, tx: Tx) -> None:
        for index in (7, 2):
            ctx.courier.send(ctx, tx, platform.delivery(event_id=event_id(batch_id, index)))
        ctx.journal.batch(tx, EventBatch(batch_id, SCOPE, ctx.now_ms, tuple(entries)))

    platform.write(command)
    for index, body in enumerate(bodies):
        found = platform.read(lambda tx, index=index: find_event(tx, event_id(batch_id, index)))
        assert (found.event if found else None) == (None if index == 4 else body)
        notes = platform.read(lambda tx, index=index: notes_of(tx, event_id(batch_id, index)))
        assert len(notes) == (1 if index in (7, 2) else 0)
    assert platform.read(lambda tx: find_event(tx, event_id(batch_id, 10))) is None


def test_ids_are_found_however_they_are_spelled(platform: Platform) -> None:
    event = platform.put_event(WORK)
    found = platform.read(lambda tx: find_event(tx, event.upper().replace("-", "")))
    assert found is not None
    assert found.event_id == event
    assert (found.bus, found.event, found.matched, found.at_ms) == (
        "shop",
        EVENT,
        ("big-orders",),
        platform.clock.now_ms(),
    )


@pytest.mark.parametrize("unknown", ["", "nonsense", "0" * 32, "ffffffff-ffff-ffff-ffff-ffffffffffff", "ü" * 300])
def test_an_unknown_id_has_no_story(platform: Platform, unknown: str) -> None:
    platform.put_event(WORK)
    assert platform.read(lambda tx: find_story(tx, unknown)) is None


def test_a_retry_a_day_later_joins_the_story_of_its_event(platform: Platform) -> None:
    event = platform.put_event(WORK)
    platform.run(86_000_000)
    later = Note("retry", platform.clock.now_ms(), event, WORK, "d-1", 7, code="THROTTLING", message="x" * 5_000)
    platform.write(lambda ctx, tx: ctx.journal.note(tx, later))
    first, second = platform.read(lambda tx: notes_of(tx, event))
    assert first.kind == "accepted"
    assert (second.kind, second.attempt, second.subject, second.code) == ("retry", 7, "d-1", "THROTTLING")
    assert second.message == "x" * 1_024


def test_notes_of_an_id_from_elsewhere_are_kept_under_that_id(platform: Platform) -> None:
    for stranger in ("order 66", "7bf73129-1428-4cd3-a780-95db273d1602"):
        note = Note("accepted", platform.clock.now_ms(), stranger, WORK, attempt=1, detail={"reference": "m"})
        platform.write(lambda ctx, tx, note=note: ctx.journal.note(tx, note))
        story = platform.read(lambda tx, stranger=stranger: find_story(tx, stranger))
        assert story is not None
        assert story.event is None
        assert [(found.event_id, found.kind) for found in story.notes] == [(stranger, "accepted")]


def test_a_note_without_an_event_is_ignored(platform: Platform) -> None:
    platform.write(lambda ctx, tx: ctx.journal.note(tx, Note("lost", 1, "")))
    assert platform.read(lambda tx: tx.logs.position()) == 0


def test_a_call_that_is_rolled_back_leaves_no_story(platform: Platform) -> None:
    batch_id = event_batch_id(platform.clock.now_ms(), platform.ids.token(9))

    def command(ctx: Context, tx: Tx) -> None:
        ctx.courier.send(ctx, tx, platform.delivery(event_id=event_id(batch_id, 0)))
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        platform.write(command)
    event = platform.put_event(WORK)
    assert platform.read(lambda tx: find_story(tx, event_id(batch_id, 0))) is None
    assert len(platform.read(lambda tx: notes_of(tx, event))) == 1


def test_what_is_held_for_calls_that_never_come_is_bounded(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bascule.journal.writer.HELD_MAX", 2)
    now_ms = platform.clock.now_ms()
    detail: dict[str, str | int | float] = {"source_arn": RULE, "reference": "m"}

    def command(ctx: Context, tx: Tx) -> None:
        for number in range(5):
            name = event_id(event_batch_id(now_ms, f"{number:018x}"), 0)
            ctx.journal.note(tx, Note("accepted", now_ms, name, WORK, attempt=1, detail=detail))
        batch = EventBatch(event_batch_id(now_ms, f"{4:018x}"), SCOPE, now_ms, (EventEntry(EVENT, "shop"),))
        ctx.journal.batch(tx, batch)

    platform.write(command)
    kept = event_id(event_batch_id(now_ms, f"{4:018x}"), 0)
    assert len(platform.read(lambda tx: notes_of(tx, kept))) == 1


def test_calls_remembered_as_recorded_are_bounded(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bascule.journal.writer.RECORDED_MAX", 2)
    events = [platform.put_event(WORK) for _ in range(4)]
    assert [len(platform.read(lambda tx, event=event: notes_of(tx, event))) for event in events] == [1] * 4


def test_everything_new_fires_the_signal_of_the_journal(platform: Platform) -> None:
    fired: list[frozenset[str]] = []
    platform.store.on_signal(fired.append)
    platform.put_event()
    assert any(SIGNAL in signals for signals in fired)


def test_a_story_tells_every_end_of_a_delivery(platform: Platform) -> None:
    platform.work.script = [Refused("THROTTLING", "slow", is_retryable=True), Refused("NO_PERMISSIONS", "no")]
    event = platform.put_event(WORK)
    platform.run(2_000)
    notes = platform.read(lambda tx: notes_of(tx, event))
    assert [(note.kind, note.attempt, note.code) for note in notes] == [
        ("retry", 1, "THROTTLING"),
        ("refused", 2, "NO_PERMISSIONS"),
        ("lost", 2, "NO_PERMISSIONS"),
    ]
    assert len({note.subject for note in notes}) == 1
    assert notes[-1].detail["reason"] == "no dead-letter queue is set"


def test_notes_of_several_events_are_those_of_each(platform: Platform) -> None:
    events = [platform.put_event(WORK), platform.put_event(WORK), "from-elsewhere"]
    for event in events:
        platform.write(lambda ctx, tx, event=event: ctx.journal.note(tx, Note("retry", ctx.now_ms, event)))
    found = platform.read(lambda tx: notes_of_each(tx, [*events, "unknown"]))
    assert found == {
        event: platform.read(lambda tx, event=event: notes_of(tx, event)) for event in [*events, "unknown"]
    }
    assert [len(found[event]) for event in events] == [2, 2, 1]
