"""One implementation, dialects as data: which operators each place allows, and how bare numbers compare there."""

from __future__ import annotations

import pytest

from bascule.patterns import Dialect, Pattern, PatternError, RuleSet

BASIC = [
    '["x"]',
    "[5]",
    "[null]",
    '[""]',
    '[{"prefix": "x"}]',
    '[{"suffix": "x"}]',
    '[{"equals-ignore-case": "x"}]',
    '[{"exists": false}]',
    '[{"numeric": [">", 5]}]',
    '[{"anything-but": "x"}]',
    '[{"anything-but": [1, 2]}]',
]
REFUSED = {
    Dialect.EVENT_BUS: [],
    Dialect.PIPES: [
        '[{"wildcard": "x*"}]',
        '[{"anything-but": {"prefix": "x"}}]',
        '[{"anything-but": {"wildcard": "x"}}]',
    ],
    Dialect.EVENT_SOURCE_MAPPING: [
        '[{"wildcard": "x*"}]',
        '[{"cidr": "10.0.0.0/8"}]',
        '[{"anything-but": {"suffix": "x"}}]',
    ],
    Dialect.SNS_ATTRIBUTES: ['[{"anything-but": {"suffix": "x"}}]', '[{"prefix": {"equals-ignore-case": "x"}}]'],
    Dialect.SNS_BODY: ['[{"anything-but": {"suffix": "x"}}]', '[{"suffix": {"equals-ignore-case": "x"}}]'],
}


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize("alternatives", BASIC)
def test_basic_operators_are_allowed_everywhere(dialect: Dialect, alternatives: str) -> None:
    Pattern.parse(f'{{"a": {alternatives}}}', dialect)
    Pattern.parse(f'{{"$or": [{{"a": {alternatives}}}, {{"b": ["y"]}}]}}', dialect)


@pytest.mark.parametrize(
    ("dialect", "alternatives"), [(dialect, one) for dialect, refused in REFUSED.items() for one in refused]
)
def test_operators_a_place_does_not_know_are_refused_there_and_allowed_on_a_bus(
    dialect: Dialect, alternatives: str
) -> None:
    text = f'{{"a": {alternatives}}}'
    Pattern.parse(text)
    with pytest.raises(PatternError):
        Pattern.parse(text, dialect)


def test_sns_names_the_unsupported_form_of_anything_but() -> None:
    with pytest.raises(PatternError) as caught:
        Pattern.parse('{"a": [{"anything-but": {"suffix": "x"}}]}', Dialect.SNS_BODY)
    assert caught.value.reason == "Unsupported anything-but pattern: suffix"


@pytest.mark.parametrize("number", ["300", "300.0", "3.0e2"])
def test_event_source_mappings_compare_bare_numbers_as_written(number: str) -> None:
    event = f'{{"n": {number}}}'.encode()
    text = '{"n": [300]}'
    assert Pattern.parse(text).matches(event)
    is_same = number == "300"
    assert Pattern.parse(text, Dialect.EVENT_SOURCE_MAPPING).matches(event) is is_same
    rules = RuleSet.compile({"r": text, "s": '{"n": [{"numeric": ["=", 300]}]}'}, Dialect.EVENT_SOURCE_MAPPING)
    assert rules.match(event) == (["r", "s"] if is_same else ["s"])
    many = ", ".join(str(value) for value in range(400))
    listed = b'{"n": [' + b"1.5, " * 100 + number.encode() + b"]}"
    assert Pattern.parse(f'{{"n": [{many}]}}', Dialect.EVENT_SOURCE_MAPPING).matches(listed) is is_same


def test_sns_attribute_policies_are_flat() -> None:
    with pytest.raises(PatternError) as caught:
        Pattern.parse('{"a": {"b": ["x"]}}', Dialect.SNS_ATTRIBUTES)
    assert caught.value.reason == "Filter policy scope MessageAttributes does not support nested filter policy"
    Pattern.parse('{"a": {"b": ["x"]}}', Dialect.SNS_BODY)


def test_sns_policies_are_limited_in_keys_and_combinations() -> None:
    keys = ", ".join(f'"k{number}": ["x"]' for number in range(6))
    with pytest.raises(PatternError) as caught:
        Pattern.parse("{" + keys + "}", Dialect.SNS_ATTRIBUTES)
    assert caught.value.reason == "Filter policy can not have more than 5 keys"
    values = ", ".join(f'"v{number}"' for number in range(13))
    with pytest.raises(PatternError) as caught:
        Pattern.parse(f'{{"a": [{values}], "b": [{values}]}}', Dialect.SNS_ATTRIBUTES)
    assert caught.value.reason == "Filter policy is too complex"


def test_sns_attributes_match_any_value_of_a_string_array_and_numbers_by_value() -> None:
    pattern = Pattern.parse(
        '{"color": ["red"], "price": [{"numeric": [">=", 100]}], "gone": [{"exists": false}]}', Dialect.SNS_ATTRIBUTES
    )
    assert pattern.matches(b'{"color": ["blue", "red"], "price": 100.0}')
    assert not pattern.matches(b'{"color": ["blue", "red"], "price": "100"}')
    assert not pattern.matches(b'{"color": "red", "price": 100, "gone": "x"}')
