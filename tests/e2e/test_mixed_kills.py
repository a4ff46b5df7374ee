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
    for kind, runs in (("Handled", 1), ("Mapped", 2), ("Failed", 3), ("Dead", 4)):
        ledger.handled[kind][0] = runs
    ledger.tell("Ordered", 0, group=0)
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
        "Failed: fewer than three attempts",
        "Dead: more attempts than kills explain",
        "FIFO: handled before an earlier one of its group",
        "Ordered: never handled",
    }


def test_every_event_ends_where_it_belongs_over_a_few_kills() -> None:
    counts, violations = run(3, seed=7, load_s=(0.2, 0.6))
    assert not violations, (violations, counts)


@pytest.mark.long
def test_every_event_ends_where_it_belongs_over_a_hundred_kills() -> None:
    counts, violations = run(100, seed=11)
    assert not violations, (violations, counts)
