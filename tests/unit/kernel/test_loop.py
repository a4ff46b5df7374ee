"""The loop host: who is due, in which order, and what a crash changes."""

from __future__ import annotations

import pytest

from bascule.kernel.loop import CRASH_PAUSE_MS, POLL_MS, Loop, LoopHost


def loop(name: str, *, signals: frozenset[str] = frozenset(), poll_ms: int = POLL_MS) -> Loop:
    return Loop(name, tick=lambda ctx, tx: None, signals=signals, poll_ms=poll_ms)


def test_every_loop_is_due_at_the_start_and_has_one_name() -> None:
    host = LoopHost([loop("a"), loop("b")], now_ms=0)
    assert host.names == ("a", "b")
    assert [one.name for one in host.due(0)] == ["a", "b"]
    with pytest.raises(AssertionError, match="declared twice"):
        LoopHost([loop("a"), loop("a")], now_ms=0)


def test_a_loop_is_due_when_it_asked_to_be_and_the_longest_overdue_comes_first() -> None:
    a, b = loop("a"), loop("b")
    host = LoopHost([a, b], now_ms=0)
    host.ran(a, 300, now_ms=0)
    host.ran(b, 200, now_ms=0)
    assert host.next_due_ms() == 200
    assert host.due(199) == []
    assert host.due(300) == [b, a]


@pytest.mark.parametrize("asked", [None, 10**9])
def test_a_loop_that_asks_for_nothing_is_polled(asked: int | None) -> None:
    a = loop("a", poll_ms=70)
    host = LoopHost([a], now_ms=0)
    host.ran(a, asked, now_ms=5)
    assert host.next_due_ms() == 75


def test_a_signal_makes_its_listeners_due_and_nobody_else() -> None:
    a, b = loop("a", signals=frozenset({"x", "y"})), loop("b", signals=frozenset({"z"}))
    host = LoopHost([a, b], now_ms=0)
    for one in (a, b):
        host.ran(one, None, now_ms=0)
    host.signalled(frozenset({"y", "other"}), now_ms=10)
    assert host.due(10) == [a]
    host.signalled(frozenset({"x"}), now_ms=20)
    assert host.next_due_ms() == 10


def test_a_crash_is_counted_reported_and_followed_by_a_pause(caplog: pytest.LogCaptureFixture) -> None:
    a = loop("a")
    host = LoopHost([a], now_ms=0)
    host.crashed(a, RuntimeError("boom"), now_ms=100)
    assert host.crash_count == 1
    assert host.next_due_ms() == 100 + CRASH_PAUSE_MS
    assert "loop a crashed" in caplog.text
    assert "boom" in caplog.text


def test_a_host_without_loops_is_never_due() -> None:
    assert LoopHost([], now_ms=0).next_due_ms() is None
