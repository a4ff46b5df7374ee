"""SIGKILL under load: every acknowledged event is in its queue exactly once and handled at least once."""

from __future__ import annotations

import pytest
from bench.kills import run


def test_nothing_acknowledged_is_lost_over_a_few_kills() -> None:
    is_whole, counts = run(2, seed=7, connections=2, load_s=(0.2, 0.5))
    assert is_whole, counts


@pytest.mark.long
def test_nothing_acknowledged_is_lost_over_twenty_kills() -> None:
    is_whole, counts = run(20, seed=11)
    assert is_whole, counts
