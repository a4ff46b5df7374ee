"""SIGKILL under a mixed load of rules, functions, retries and mappings: everything acknowledged ends where it belongs."""

from __future__ import annotations

from collections import Counter

import pytest
from bench.kills_mixed import FUNCTION_KINDS, GROUPS, KINDS, Ledger, account, run

ENDS_ONCE = (*KINDS, *FUNCTION_KINDS, "GivenUp")


def _whole_ledger() -> Ledger:
    """One event of each kind, ended as it should."""
    ledger = Ledger()
    for kind in (*ENDS_ONCE, "Mapped", "Ordered"):
        ledger.acknowledge(kind, 0)
    for kind in ENDS_ONCE:
        ledger.found[kind][0] = 1
    ledger.begin("batch", ["0"], 0.0)
    ledger.end("batch", ["0"])
    for kind, runs in (("Handled", 1), ("Mapped", 2), ("Failed", 3), ("Dead", 4)):
        for life in range(runs):
            ledger.tell(kind, 0, request=f"{kind}-request" if kind in FUNCTION_KINDS else None)
            if kind in ("Mapped", "Dead") and life == 0:
                ledger.next_life()
    ledger.tell("Ordered", 0, group=0)
    ledger.births["GivenUp"][0] = ledger.life
    for receives in (1, 2):
        ledger.tell("GivenUp", 0, receives=receives)
    return ledger


def _violations(ledger: Ledger) -> set[str]:
    return set(account(ledger, [0.5], Counter(), (1, 0))[1])


def test_the_account_finds_no_fault_with_what_is_whole() -> None:
    assert _violations(_whole_ledger()) == set()


def test_the_account_sees_what_is_lost_doubled_given_up_early_or_out_of_order() -> None:
    ledger = _whole_ledger()
    ledger.found["Queue"][0] = 0
    ledger.found["Topic"][0] = 2
    ledger.handled["Mapped"][0] = 0
    ledger.handled["Failed"][0] = 2
    ledger.handled["Dead"][0] = 5
    ledger.tell("Ordered", GROUPS, group=0)
    ledger.tell("Ordered", 0, group=0)
    ledger.tell("Ordered", 3 * GROUPS, group=0)
    ledger.acknowledge("Ordered", 2 * GROUPS)
    assert _violations(ledger) == {
        "Queue: lost",
        "Topic: ended more than once",
        "Mapped: never handled",
        "Failed: fewer attempts than promised",
        "Dead: more attempts than kills explain",
        "FIFO: handled before an earlier one of its group",
        "Ordered: never handled",
        "Ordered: ended where it was not sent",
    }


def test_the_account_sees_what_ends_elsewhere_is_run_again_or_gets_a_second_request_id() -> None:
    ledger = _whole_ledger()
    ledger.found["Topic"][77] = 1
    ledger.tell("Mapped", 78)
    ledger.life = 6
    ledger.tell("Handled", 0, request="Handled-request")
    ledger.life = 8
    for _ in range(4):
        ledger.tell("Failed", 0, request="Failed-request")
    ledger.life = 9
    ledger.tell("Dead", 0, request="another")
    ledger.births["GivenUp"][0] = ledger.life
    violations = set(account(ledger, [0.5] * 9, Counter(), (1, 0))[1])
    assert violations == {
        "Topic: ended where it was not sent",
        "Mapped: ended where it was not sent",
        "Failed: run again although nobody was killed",
        "Dead: run under a second request id",
    }
    ledger.life = 6
    ledger.tell("Handled", 0, request="Handled-request")
    violations = set(account(ledger, [0.5] * 9, Counter(), (0, 0))[1])
    assert "Handled: run again although nobody was killed" in violations
    assert "checks that looked at nothing: stories" in violations


def test_the_account_sees_two_batches_of_a_group_at_once() -> None:
    ledger = _whole_ledger()
    ledger.life = 2
    ledger.begin("one", ["0", "1"], 10.0)
    ledger.begin("two", ["2"], 10.1)
    assert _violations(ledger) == set()
    ledger.begin("three", ["1"], 10.2)
    assert _violations(ledger) == {"FIFO: two batches of a group at once"}


def test_a_batch_whose_function_was_killed_is_over() -> None:
    ledger = _whole_ledger()
    ledger.life = 2
    ledger.begin("timed out", ["0"], 10.0)
    ledger.begin("its successor", ["0"], 12.1)
    ledger.next_life()
    ledger.begin("of an old process or a new one", ["0"], 12.2)
    ledger.next_life()
    ledger.begin("after the restart", ["0"], 12.3)
    ledger.births["GivenUp"][0] = ledger.life
    assert _violations(ledger) == set()


def test_the_account_sees_a_message_given_up_early_unless_a_kill_may_have_swallowed_a_receive() -> None:
    ledger = _whole_ledger()
    ledger.receives["GivenUp"][0] = 1
    assert _violations(ledger) == {"GivenUp: given up before its last receive"}
    ledger.births["GivenUp"][0] = ledger.life - 2
    assert _violations(ledger) == set(), "one receive may have gone with the kill"
    ledger.births["GivenUp"][0] = ledger.life - 4
    assert _violations(ledger) == {"checks that looked at nothing: receives"}


def test_every_event_ends_where_it_belongs_over_a_few_kills() -> None:
    counts, violations = run(3, seed=7, load_s=(0.2, 0.6))
    assert not violations, (violations, counts)


@pytest.mark.long
def test_every_event_ends_where_it_belongs_over_a_hundred_kills() -> None:
    counts, violations = run(100, seed=11)
    assert not violations, (violations, counts)
