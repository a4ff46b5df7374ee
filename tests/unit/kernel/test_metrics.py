"""Counters."""

from __future__ import annotations

import pytest

from bascule.kernel.metrics import Metrics


def test_counters_are_kept_by_name_and_label() -> None:
    metrics = Metrics()
    metrics.count("events.matched", "orders/big")
    metrics.count("events.matched", "orders/big", by=2)
    metrics.count("events.matched", "orders/small")
    metrics.count("puts")
    assert metrics.value("events.matched", "orders/big") == 3
    assert metrics.value("never") == 0
    assert metrics.snapshot() == {
        "events.matched": {"orders/big": 3, "orders/small": 1},
        "puts": {"": 1},
    }


def test_too_many_labels_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Metrics, "LABELS_MAX", 2)
    metrics = Metrics()
    for label in ("a", "b", "c", "d", "a"):
        metrics.count("n", label)
    assert metrics.snapshot() == {"n": {"a": 2, "b": 1, "other": 2}}
