"""Faults on demand."""

from __future__ import annotations

import pytest

from bascule.delivery import Faults
from tests.unit.delivery.platform import DLQ, EVENT, RULE, WORK, Platform


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


def test_a_delayed_delivery_waits_once_and_is_then_taken_as_if_nothing_had_been() -> None:
    platform = Platform(is_test=True)
    assert platform.engine.faults is not None
    platform.engine.faults.put(WORK, "delay", times=5, delay_ms=30_000)
    platform.send(platform.delivery())
    waiting = platform.store.read(lambda tx: platform.engine.waiting(tx, 10))
    assert [(row.try_count, row.code, row.due_ms - platform.clock.now_ms()) for row in waiting] == [
        (0, "DELAYED", 30_000)
    ]
    platform.run(29_000)
    assert platform.taken() == []
    platform.run(2_000)
    assert platform.taken() == [EVENT]
    assert platform.engine.faults.listed()[0].times == 4
    platform.close()


def test_a_duplicated_delivery_arrives_twice_and_counts_once() -> None:
    platform = Platform(is_test=True)
    assert platform.engine.faults is not None
    platform.engine.faults.put(WORK, "duplicate", times=1)
    platform.send(platform.delivery())
    platform.send(platform.delivery())
    assert platform.taken() == [EVENT] * 3
    assert platform.metrics.value("events.SuccessfulInvocationAttempts", RULE) == 2
    platform.close()


def test_a_prefix_names_many_targets_and_the_longest_name_decides() -> None:
    faults = Faults()
    faults.put("arn:aws:*", "unavailable", times=10)
    faults.put("arn:aws:sqs:*", "throttled", times=10)
    faults.put("arn:aws:sqs:us-east-1:000000000000:a", "access-denied", times=1)
    taken = [
        fault.error
        for arn in ("sqs:us-east-1:000000000000:a", "sqs:us-east-1:000000000000:ab", "sns:us-east-1:000000000000:a")
        if (fault := faults.take(f"arn:aws:{arn}")) is not None
    ]
    assert taken == ["access-denied", "throttled", "unavailable"]
    assert faults.take("arn:other") is None


def test_faults_of_invocations_are_apart_from_those_of_deliveries() -> None:
    faults, function = Faults(), "arn:aws:lambda:us-east-1:000000000000:function:bill"
    faults.put(function, "throttled", times=1, at="invocation")
    assert faults.take(function) is None
    assert faults.take(function, "invocation") is not None
    with pytest.raises(ValueError, match="There is no fault"):
        faults.put(function, "access-denied", times=1, at="invocation")
    for target in (WORK, f"{function}:live"):
        with pytest.raises(ValueError, match="is never invoked"):
            faults.put(target, "throttled", times=1, at="invocation")


def test_faults_are_listed_and_cleared() -> None:
    faults = Faults()
    faults.put("a*", "throttled", times=2)
    faults.put("b*", "delay", times=1, delay_ms=5)
    assert [(fault.target, fault.error, fault.times) for fault in faults.listed()] == [
        ("a*", "throttled", 2),
        ("b*", "delay", 1),
    ]
    assert faults.clear("a*") == 1
    assert faults.clear() == 1
    assert faults.listed() == []


def test_an_unknown_fault_is_refused() -> None:
    with pytest.raises(ValueError, match="There is no fault"):
        Faults().put(WORK, "moody", times=1)
