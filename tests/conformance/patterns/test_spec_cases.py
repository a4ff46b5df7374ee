"""Every case and every error of the pattern specification, kept as data beside this file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bascule.patterns import Pattern, PatternError, RuleSet

HERE = Path(__file__).parent
CASES: list[dict[str, Any]] = json.loads((HERE / "spec_cases.json").read_text("utf-8"))
ERRORS: list[dict[str, Any]] = json.loads((HERE / "spec_errors.json").read_text("utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"case {case['number']} {case['note']}")
def test_specified_case_gives_the_specified_verdict_everywhere(case: dict[str, Any]) -> None:
    event = case["event"].encode()
    pattern = Pattern.parse(case["pattern"])
    assert pattern.matches(event) is case["matches"]
    assert pattern.explain(event).matched is case["matches"]
    assert list(RuleSet.compile({"rule": case["pattern"]}).match(event)) == ["rule"] * case["matches"]


def test_all_cases_agree_when_compiled_as_one_rule_set() -> None:
    texts = {str(case["number"]): case["pattern"] for case in CASES}
    rules = RuleSet.compile(texts)
    for case in CASES:
        event = case["event"].encode()
        alone = [key for key, text in texts.items() if Pattern.parse(text).matches(event)]
        assert list(rules.match(event)) == alone


@pytest.mark.parametrize("case", ERRORS, ids=lambda case: case["pattern"])
def test_invalid_pattern_is_refused_in_the_words_and_at_the_place_of_the_service(case: dict[str, Any]) -> None:
    with pytest.raises(PatternError) as caught:
        Pattern.parse(case["pattern"])
    message = str(caught.value)
    first_line, *locations = message.split("\n")
    assert first_line == f"Event pattern is not valid. Reason: {case['reason']}"
    assert caught.value.reason == case["reason"]
    column = case["column"]
    one = f' at [Source: (String)"{case["pattern"]}"; line: 1, column: {column}]'
    assert locations in ([] if column == 0 else [one], [one, one])
