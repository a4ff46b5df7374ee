"""SIGKILL under a mixed load of rules, functions, retries and mappings: everything acknowledged ends where it belongs."""

from __future__ import annotations

import pytest
from bench.kills_mixed import run


def test_every_event_ends_where_it_belongs_over_a_few_kills() -> None:
    counts, violations = run(3, seed=7, load_s=(0.2, 0.6))
    assert not violations, (violations, counts)


@pytest.mark.long
def test_every_event_ends_where_it_belongs_over_a_hundred_kills() -> None:
    counts, violations = run(100, seed=11)
    assert not violations, (violations, counts)
