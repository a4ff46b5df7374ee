"""How long an environment may initialise when nobody waits for it."""

from __future__ import annotations

import pytest

from bascule.runtime.kept import init_s_max


@pytest.mark.parametrize(
    ("timeout_s", "expected_s"), [(3, 130.0), (130, 130.0), (300, 300.0), (900, 900.0), (5_400, 900.0)]
)
def test_initialisation_ahead_may_last_two_minutes_or_the_functions_timeout(timeout_s: int, expected_s: float) -> None:
    assert init_s_max(timeout_s) == expected_s
