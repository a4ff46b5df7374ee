"""Counters. In memory, per process, cheap; the CloudWatch service and ``/_bascule/metrics`` read them."""

from __future__ import annotations

from collections import Counter


class Metrics:
    """Named counters with one label string: ``count("events.matched", "orders/big")``.

    Bounded: past ``LABELS_MAX`` different labels further ones are counted under ``other``.
    """

    LABELS_MAX = 10_000

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()

    def count(self, name: str, label: str = "", by: int = 1) -> None:
        """Add ``by`` to a counter."""
        key = (name, label)
        if key not in self._counts and len(self._counts) >= self.LABELS_MAX:
            key = (name, "other")
        self._counts[key] += by

    def value(self, name: str, label: str = "") -> int:
        """The counter's value; 0 when it was never counted."""
        return self._counts[(name, label)]

    def snapshot(self) -> dict[str, dict[str, int]]:
        """All counters: name -> label -> value."""
        values: dict[str, dict[str, int]] = {}
        for (name, label), value in sorted(self._counts.items()):
            values.setdefault(name, {})[label] = value
        return values
