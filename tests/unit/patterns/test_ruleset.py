"""What the rule set promises: order, immutability, the quick path for ordinary events, and rules the schema cannot hold."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from bascule.patterns import Pattern, PatternError, RuleSet
from bascule.patterns import ruleset as ruleset_module
from bascule.patterns.schema import CHILDREN_MAX, Schema

ORDINARY = [
    b'{"source": "shop", "detail": {"zone": "a", "amount": 5, "note": "x"}}',
    b'{"source": "shop", "detail": {"zone": "b", "amount": 12.5, "tags": ["t1", "t2"]}}',
    b'{"source": "shop", "detail": {"zone": null, "amount": "5", "tags": []}}',
    b'{"source": "else", "detail": {"items": [{"sku": "s1"}, {"sku": "s9"}]}}',
    b'{"source": "else", "resources": ["arn"]}',
]
RULES: dict[str, Any] = {
    **{f"zone{letter}": {"source": ["shop"], "detail": {"zone": [letter]}} for letter in "abcd"},
    "amount": {"detail": {"amount": [{"numeric": [">", 1, "<", 10]}]}},
    "large": {"detail": {"amount": [{"numeric": [">", 12]}]}},
    "note": {"detail": {"note": [{"prefix": "x"}, {"exists": False}], "zone": [{"anything-but": "q"}]}},
    **{f"tag{number}": {"detail": {"tags": [f"t{number}"]}} for number in range(4)},
    **{f"sku{number}": {"detail": {"items": {"sku": [f"s{number}"]}}} for number in range(4)},
}


def test_ordinary_events_are_decided_without_the_general_path(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = {rule_id: json.dumps(pattern) for rule_id, pattern in RULES.items()}
    expected = [
        [rule_id for rule_id, text in texts.items() if Pattern.parse(text).matches(event)] for event in ORDINARY
    ]
    rules = RuleSet.compile(texts)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the general path was taken")

    monkeypatch.setattr(ruleset_module, "read_event", refuse)
    assert [rules.match(event) for event in ORDINARY] == expected


def test_events_with_arrays_switch_the_set_to_its_careful_form_with_the_same_answers() -> None:
    rules = RuleSet.compile({f"sku{number}": json.dumps({"items": {"sku": [f"s{number}"]}}) for number in range(4)})
    quick = rules.match
    for _ in range(100):
        assert rules.match(b'{"items": [{"sku": "s1"}, {"sku": "s3"}]}') == ["sku1", "sku3"]
    assert rules.match is not quick
    assert rules.match(b'{"items": {"sku": "s2"}}') == quick(b'{"items": {"sku": "s2"}}') == ["sku2"]


def test_ids_come_in_the_order_rules_were_added() -> None:
    rules = RuleSet.compile(
        {"z": '{"a": ["x"]}', "m": '{"a": [{"prefix": "x"}]}', "b": '{"a": [{"exists": true}]}'}
    ).with_rule("a", '{"a": ["x"]}')
    assert rules.match(b'{"a": "x"}') == ["z", "m", "b", "a"]


def test_rule_that_is_not_valid_leaves_the_set_alone() -> None:
    rules = RuleSet.compile({"r": '{"a": ["x"]}'})
    with pytest.raises(PatternError):
        rules.with_rule("bad", "{}")
    with pytest.raises(PatternError):
        RuleSet.compile({"bad": "[]"})
    assert rules.match(b'{"a": "x"}') == ["r"]


def test_one_path_wanted_as_value_and_as_object_is_matched_both_ways() -> None:
    rules = RuleSet.compile({"value": '{"d": {"a": ["x"]}}', "object": '{"d": {"a": {"b": ["y"]}}}'})
    assert rules.match(b'{"d": {"a": "x"}}') == ["value"]
    assert rules.match(b'{"d": {"a": {"b": "y"}}}') == ["object"]
    assert rules.match(b'{"d": {"a": ["x", {"b": "y"}]}}') == ["value", "object"]


def test_more_fields_than_a_struct_holds_are_matched_on_the_general_path() -> None:
    texts = {f"r{number}": json.dumps({"d": {f"field{number}": [number]}}) for number in range(5 * CHILDREN_MAX)}
    rules = RuleSet.compile(texts)
    for number in (0, 7, CHILDREN_MAX + 9, 5 * CHILDREN_MAX - 1):
        assert rules.match(b'{"d": {"field%d": %d}}' % (number, number)) == [f"r{number}"]
        assert rules.match(b'{"d.field%d": %d}' % (number, number)) == [f"r{number}"]


def test_numbers_that_are_no_doubles_match_by_their_text() -> None:
    rules = RuleSet.compile(
        {
            "long": '{"n": [1234567890123456789]}',
            "range": '{"n": [{"numeric": [">", 0.1]}]}',
            "not": '{"n": [{"anything-but": 0.1}]}',
        }
    )
    assert rules.match(b'{"n": 1234567890123456789}') == ["long", "not"]
    assert rules.match(b'{"n": 1234567890123456789.0}') == ["not"]
    assert rules.match(b'{"n": 0.10000000000000001}') == ["not"]
    assert rules.match(b'{"n": 0.1}') == []
    assert rules.match(b'{"n": [0.1, 7]}') == ["range", "not"]


def test_schema_names_stay_when_it_is_extended() -> None:
    schema = Schema(["a", "d.b"], frozenset())
    extended = schema.extended(["d.c", "n"], frozenset({"n"}))
    assert extended.chain("d.b") == schema.chain("d.b")
    assert extended.paths == {"a", "d.b", "d.c", "n"}
    assert Schema(["a", "a.b", 'q"', ".".join("abcdefghij")], frozenset()).paths == {"a"}


def test_adding_and_removing_rules_on_a_large_bus_is_quick() -> None:
    rules = RuleSet.compile(
        {f"r{number}": json.dumps({"s": ["one"], "d": {"k": [f"v{number}"]}}) for number in range(3_000)}
    )
    begin = time.perf_counter()
    changed = rules.with_rule("new", '{"s": ["one"], "d": {"k": ["v7"], "q": [{"numeric": [">", 5]}]}}').without("r8")
    assert time.perf_counter() - begin < 1.0  # milliseconds on a quiet machine
    assert changed.match(b'{"s": "one", "d": {"k": "v7", "q": 6}}') == ["r7", "new"]
    assert changed.match(b'{"s": "one", "d": {"k": "v8"}}') == []
    assert rules.match(b'{"s": "one", "d": {"k": "v8"}}') == ["r8"]
