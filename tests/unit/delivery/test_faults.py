"""Faults on demand."""

from __future__ import annotations

import pytest

from bascule.delivery import Faults
from tests.unit.delivery.platform import DLQ, EVENT, WORK, Platform


def test_a_fault_is_given_as_often_as_asked_and_then_the_target_answers_itself() -> None:
    platform = Platform(is_test=True)
    assert platform.engine.faults is not None
    platform.engine.faults.put(WORK, "throttled", times=2)
    platform.send(platform.delivery())
    assert platform.work.tried_ms == []
    platform.run(5_000)
    assert platform.taken() == [EVENT]
    assert len(platform.work.tried_ms) == 1
    platform.close()


def test_access_denied_is_final() -> None:
    platform = Platform(is_test=True)
    assert platform.engine.faults is not None
    platform.engine.faults.put(WORK, "access-denied", times=1)
    platform.send(platform.delivery(dead_letter_arn=DLQ))
    assert platform.letters.seen[0].attributes["ERROR_CODE"] == ("String", "NO_PERMISSIONS")
    platform.close()


def test_without_test_mode_there_are_no_faults(platform: Platform) -> None:
    assert platform.engine.faults is None


def test_zero_times_ends_a_fault() -> None:
    faults = Faults()
    faults.put(WORK, "unavailable", times=5)
    faults.put(WORK, "unavailable", times=0)
    assert faults.take(WORK) is None


def test_an_unknown_fault_is_refused() -> None:
    with pytest.raises(KeyError):
        Faults().put(WORK, "moody", times=1)
