"""Counters. In memory, per process, cheap; the CloudWatch service and ``/_bascule/metrics`` read them."""

from __future__ import annotations


class Metrics:
    """Named counters with one label string: ``count("events.matched", "orders/big")``.

    Bounded: past ``LABELS_MAX`` different labels further ones are counted under ``other``.
    """

    LABELS_MAX = 10_000

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], int] = {}

    def count(self, name: str, label: str = "", by: int = 1) -> None:
        """Add ``by`` to a counter."""
        counts = self._counts
        key = (name, label)
        known = counts.get(key)
        if known is None and len(counts) >= self.LABELS_MAX:
            key = (name, "other")
            known = counts.get(key)
        counts[key] = by if known is None else known + by

    def value(self, name: str, label: str = "") -> int:
        """The counter's value; 0 when it was never counted."""
        return self._counts.get((name, label), 0)

    def snapshot(self) -> dict[str, dict[str, int]]:
        """All counters: name -> label -> value."""
        values: dict[str, dict[str, int]] = {}
        for (name, label), value in sorted(self._counts.items()):
            values.setdefault(name, {})[label] = value
        return values
