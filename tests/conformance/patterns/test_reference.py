"""The engine, in every form it has, agrees with the plain reference matcher on random patterns and events."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from bascule.patterns import Pattern, PatternError, RuleSet

from . import reference, strategies

HERE = Path(__file__).parent
CASES = json.loads((HERE / "spec_cases.json").read_text("utf-8"))
QUIET = settings(deadline=None, database=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"case {case['number']}")
def test_reference_itself_gives_the_specified_verdicts(case: dict[str, object]) -> None:
    assert reference.matches(str(case["pattern"]), str(case["event"])) is case["matches"]


def agree(texts: list[str], events: list[str]) -> None:
    """Compare one by one, as one set, as a set grown rule by rule, and as a set shrunk again."""
    valid = {}
    for text in texts:
        try:
            valid[f"rule{len(valid)}"] = text
            Pattern.parse(text)
        except PatternError:  # too complex, or reserved in $or
            del valid[f"rule{len(valid) - 1}"]
    compiled = RuleSet.compile(valid)
    grown = RuleSet.compile({})
    for rule_id, text in valid.items():
        grown = grown.with_rule(rule_id, text)
    some = dict(list(valid.items())[::2])
    shrunk = compiled
    for rule_id in set(valid) - set(some):
        shrunk = shrunk.without(rule_id)
    for event in events:
        wanted = [rule_id for rule_id, text in valid.items() if reference.matches(text, event)]
        data = event.encode()
        for rule_id, text in valid.items():
            pattern = Pattern.parse(text)
            assert pattern.matches(data) is (rule_id in wanted), (text, event)
            explanation = pattern.explain(data)
            assert explanation.matched is (rule_id in wanted)
            assert explanation.sentence
        assert compiled.match(data) == wanted, (valid, event)
        assert grown.match(data) == wanted, (valid, event)
        assert shrunk.match(data) == [rule_id for rule_id in wanted if rule_id in some], (valid, event)


@given(strategies.meetings(6, 6))
@settings(QUIET, max_examples=300)
def test_engine_agrees_with_the_reference(meeting: tuple[list[str], list[str]]) -> None:
    agree(*meeting)


@pytest.mark.long
def test_engine_agrees_with_the_reference_over_a_hundred_thousand_cases(request: pytest.FixtureRequest) -> None:
    if not request.config.getoption("--long", default=False):
        pytest.skip("needs --long")
    compared = 0

    @given(strategies.meetings(8, 12))
    @settings(QUIET, max_examples=7_000)
    def run(meeting: tuple[list[str], list[str]]) -> None:
        nonlocal compared
        agree(*meeting)
        compared += len(meeting[0]) * len(meeting[1])

    run()
    assert compared >= 100_000
