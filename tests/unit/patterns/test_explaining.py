"""Explanations say in one sentence which field failed, what was wanted and what was seen."""

from __future__ import annotations

import pytest

from bascule.patterns import Pattern

SENTENCES = [
    ('["paid"]', '"open"', "equals", 's is "open", but it should equal "paid".'),
    ('["paid", "sent"]', '"open"', "equals", 's is "open", but it should equal "paid" or "sent".'),
    ("[300]", '"300"', "equals", 's is "300", but it should equal 300 (text is never a number).'),
    ("[true]", "1", "equals", "s is 1, but it should equal true."),
    ('["10.0.0.1"]', '"x"', "equals", 's is "x", but it should equal the address "10.0.0.1".'),
    ('[{"prefix": "or"}]', '"OR"', "prefix", 's is "OR", but it should start with "or".'),
    ('[{"suffix": "or"}]', '"OR"', "suffix", 's is "OR", but it should end with "or".'),
    ('[{"prefix": {"equals-ignore-case": "x"}}]', '"y"', "prefix equals-ignore-case", 's is "y", but it should start with "x" ignoring case.'),
    ('[{"suffix": {"equals-ignore-case": "x"}}]', '"y"', "suffix equals-ignore-case", 's is "y", but it should end with "x" ignoring case.'),
    ('[{"equals-ignore-case": "x"}]', '"y"', "equals-ignore-case", 's is "y", but it should equal "x" ignoring case.'),
    ('[{"wildcard": "a*"}]', '"b"', "wildcard", 's is "b", but it should match the wildcard "a*".'),
    ('[{"anything-but": ["a", "b"]}]', '["a", "b"]', "anything-but", 's is ["a", "b"], but it should be present and not equal "a" or "b".'),
    ('[{"anything-but": {"prefix": "a"}}]', '"ab"', "anything-but", 's is "ab", but it should be present and not start with "a".'),
    ('[{"numeric": [">", 5, "<=", 10]}]', "11", "numeric", "s is 11, but it should be a number > 5 and <= 10."),
    ('[{"numeric": ["=", 5]}]', "7.5", "numeric", "s is 7.5, but it should be a number equal to 5."),
    ('[{"cidr": "10.0.0.0/24"}]', '"10.1.0.0"', "cidr", 's is "10.1.0.0", but it should be an IP address inside "10.0.0.0/24".'),
    ('[{"exists": true}]', '{"x": 1}', "exists", "s is missing (absent, empty or an object), but it should be present."),
    ('[{"exists": false}]', "null", "exists", "s is null, but it should be absent."),
    ('["y", {"exists": false}]', '"x"', "equals or exists", 's is "x", but it should equal "y" or be absent.'),
]  # fmt: skip


@pytest.mark.parametrize(("alternatives", "value", "operator", "sentence"), SENTENCES)
def test_mismatch_is_explained_in_one_sentence(alternatives: str, value: str, operator: str, sentence: str) -> None:
    explanation = Pattern.parse(f'{{"s": {alternatives}}}').explain(f'{{"s": {value}}}'.encode())
    assert not explanation.matched
    assert explanation.path == "s"
    assert explanation.operator == operator
    assert explanation.sentence == sentence


def test_match_is_explained_too() -> None:
    explanation = Pattern.parse('{"d": {"s": ["x"]}}').explain(b'{"d": {"s": "x"}}')
    assert explanation.matched
    assert (explanation.path, explanation.operator, explanation.wanted, explanation.seen) == (None, None, None, None)
    assert explanation.branch == 0


def test_first_failing_path_is_named() -> None:
    explanation = Pattern.parse('{"b": ["x"], "a": ["x"], "c": ["x"]}').explain(b'{"a": "x", "b": "y", "c": "z"}')
    assert (explanation.path, explanation.wanted, explanation.seen) == ("b", 'equal "x"', '"y"')


def test_nearest_branch_of_or_speaks_for_the_pattern() -> None:
    pattern = Pattern.parse('{"src": ["m"], "$or": [{"a": [1], "c": [2]}, {"b": [2]}]}')
    explanation = pattern.explain(b'{"src": "m", "a": 9, "b": 9, "c": 2}')
    assert explanation.branch == 0
    assert explanation.sentence == "Branch 1 of 2 of $or came nearest: a is 9, but it should equal 1."
    assert [branch.satisfied_count for branch in explanation.branches] == [2, 1]
    assert pattern.explain(b'{"src": "m", "b": 2}').sentence == "Branch 2 of 2 of $or matched."


def test_fields_met_in_different_array_elements_are_called_that() -> None:
    explanation = Pattern.parse('{"e": {"f": ["Mira"], "l": ["Vega"]}}').explain(
        b'{"e": [{"f": "Mira", "l": "R"}, {"f": "T", "l": "Vega"}]}'
    )
    assert explanation.operator == "array"
    assert "no single element satisfies all of them" in explanation.sentence


def test_event_that_is_no_object_is_called_that() -> None:
    explanation = Pattern.parse('{"e": ["x"]}').explain(b"not json")
    assert not explanation.matched
    assert explanation.sentence == "The event is not a JSON object, so no pattern can match it."


def test_long_values_are_shortened() -> None:
    explanation = Pattern.parse('{"s": ["x"]}').explain(
        b'{"s": [' + b",".join(b'"%d"' % n + b"" for n in range(100)) + b', "' + b"y" * 999 + b'"]}'
    )
    assert "and 96 more" in explanation.sentence
    assert len(explanation.sentence) < 300
