"""Admission: who may run, and Lambda's reason when not."""

from __future__ import annotations

import msgspec
import pytest

from bascule.kernel.invocation import FunctionVersion, InvocationThrottled
from bascule.kernel.scope import Scope
from bascule.runtime.concurrency import Concurrency

PLAIN = FunctionVersion(
    scope=Scope(), name="plain", version="1", revision_id="r", runtime="python3.13", handler="a.b", code_digest="d"
)
RESERVED = msgspec.structs.replace(PLAIN, name="reserved", reserved_concurrency=1)


def test_versions_of_a_function_share_its_reservation() -> None:
    concurrency = Concurrency(10)
    admission = concurrency.enter(RESERVED)
    with pytest.raises(InvocationThrottled, match="ReservedFunctionConcurrentInvocationLimitExceeded"):
        concurrency.enter(msgspec.structs.replace(RESERVED, version="2"))
    concurrency.leave(admission)
    assert concurrency.free(RESERVED) == 1


def test_functions_without_a_reservation_share_the_account() -> None:
    concurrency = Concurrency(1)
    concurrency.enter(PLAIN)
    with pytest.raises(InvocationThrottled, match=r"^ConcurrentInvocationLimitExceeded"):
        concurrency.enter(msgspec.structs.replace(PLAIN, name="other"))
    assert concurrency.free(RESERVED) == 1
    elsewhere = msgspec.structs.replace(PLAIN, scope=Scope("111122223333"))
    assert concurrency.free(elsewhere) == 1


def test_a_reservation_that_changes_meanwhile_does_not_unbalance_the_account() -> None:
    concurrency = Concurrency(1)
    admission = concurrency.enter(PLAIN)
    now_reserved = msgspec.structs.replace(PLAIN, reserved_concurrency=2)
    assert concurrency.free(now_reserved) == 1
    concurrency.leave(admission)
    assert (concurrency.free(now_reserved), concurrency.free(PLAIN)) == (2, 1)


def test_a_reservation_of_zero_admits_nobody() -> None:
    concurrency = Concurrency(1)
    stopped = msgspec.structs.replace(PLAIN, reserved_concurrency=0)
    assert concurrency.free(stopped) == 0
    with pytest.raises(InvocationThrottled, match="Reserved"):
        concurrency.enter(stopped)


def test_functions_without_a_reservation_share_what_others_have_not_reserved() -> None:
    concurrency = Concurrency(10)
    concurrency.reserve({(Scope(), "a"): 4, (Scope(), "b"): 3, (Scope("111122223333"), "c"): 9})
    assert concurrency.free(PLAIN) == 3
    concurrency.reserve_one((Scope(), "a"), 6)
    assert concurrency.free(PLAIN) == 1
    concurrency.reserve_one((Scope(), "b"), None)
    assert concurrency.free(PLAIN) == 4
    concurrency.reserve_one((Scope(), "b"), 99)
    with pytest.raises(InvocationThrottled, match=r"^ConcurrentInvocationLimitExceeded"):
        concurrency.enter(PLAIN)


def test_kept_environments_are_taken_from_a_reservation_or_from_the_account() -> None:
    concurrency = Concurrency(10)
    concurrency.reserve({(Scope(), "reserved"): 1})
    concurrency.claim({(Scope(), "reserved"): 1, (Scope(), "other"): 5})
    assert concurrency.free(PLAIN) == 4
    with pytest.raises(InvocationThrottled, match="Reserved"):
        concurrency.enter(RESERVED)
    concurrency.claim({})
    assert (concurrency.free(PLAIN), concurrency.free(RESERVED)) == (9, 1)
