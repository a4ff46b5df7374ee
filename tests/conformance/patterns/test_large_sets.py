"""Sets large enough to use every kind of table give what their patterns give one by one, also after rules come and go."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from bascule.patterns import Pattern, RuleSet

WORDS = ["alpha", "beta", "Beta", "al", "gamma", "ta", "10.0.0.1", "10.0.0.01", "10.9.1.1", "straße", "STRASSE"]
PATHS = [
    ("s",),
    ("d", "a"),
    ("d", "b"),
    ("d", "i", "k"),
    ("d", "i", "n"),
    ("d", "i", "deep", "x"),
    ("d",),
    ("d", "a", "sub"),
]


def alternatives(source: random.Random, path: tuple[str, ...]) -> list[Any]:
    word = source.choice(WORDS)
    low = source.randrange(20)
    choices: list[list[Any]] = [
        [word],
        [word, source.choice(WORDS)],
        [word, None, True],
        [{"prefix": word[:3]}],
        [{"suffix": word[-2:]}],
        [{"equals-ignore-case": word}],
        [{"wildcard": f"{word[:2]}*{word[-1]}"}],
        [{"wildcard": f"*{word[1:3]}*"}],
        [{"cidr": f"10.{low}.0.0/{source.choice((8, 12, 16, 24))}"}],
        [{"anything-but": word}],
        [{"exists": source.random() < 0.5}],
        [{"exists": False}, word],
        [{"anything-but": {"prefix": word[:2]}}],
    ]
    numeric: list[list[Any]] = [
        [low],
        [{"numeric": [">", low, "<=", low + 5]}],
        [{"numeric": ["=", low]}],
        [{"numeric": ["<", low]}],
    ]
    if path[-1] == "n":
        return source.choice(numeric + [[{"exists": False}], [{"anything-but": low}]][: source.randrange(3)])
    return source.choice(choices)


def rule(source: random.Random) -> str:
    pattern: dict[str, Any] = {}
    for path in source.sample(PATHS[: source.choice((5, 6, 6, 8))], source.randrange(1, 4)):
        node = pattern
        for step in path[:-1]:
            inner = node.setdefault(step, {})
            if not isinstance(inner, dict):
                inner = node[step] = {}
            node = inner
        node[path[-1]] = alternatives(source, path)
    return json.dumps(pattern)


def value(source: random.Random, depth: int = 0) -> Any:
    kind = source.randrange(12)
    if kind < 7:
        return source.choice(WORDS)
    if kind < 10 or depth > 1:
        return source.choice([None, True, False, 1, 7, 7.5, "", {}])
    return [value(source, depth + 1) for _ in range(source.randrange(4))]


def item(source: random.Random) -> Any:
    if source.random() < 0.05:
        return source.choice([None, 5, "alpha", []])
    members = {
        "k": value(source),
        "n": source.choice([source.randrange(25), source.random() * 25, "7", [3, 9.5], None]),
    }
    if source.random() < 0.3:
        members["deep"] = (
            {"x": value(source)} if source.random() < 0.7 else [{"x": value(source)}, {"x": value(source)}]
        )
    return {key: member for key, member in members.items() if source.random() < 0.8}


def event(source: random.Random) -> bytes:
    detail: dict[str, Any] = {"b": value(source), "i": item(source)}
    if source.random() < 0.4:
        detail["i"] = [item(source) for _ in range(source.randrange(4))]
    detail["a"] = value(source) if source.random() < 0.9 else {"sub": "alpha"}
    if source.random() < 0.1:
        detail["i.k"] = "beta"
    whole: dict[str, Any] = {"other": [1.5, {"x": "y"}], "s": value(source), "d": detail}
    if source.random() < 0.1:
        whole["d.b"] = "alpha"
    if source.random() < 0.1:
        whole["d"] = [detail, {"a": "beta", "i": item(source)}]
    return json.dumps(whole, ensure_ascii=source.random() < 0.5).encode()


@pytest.mark.parametrize("seed", range(12))
def test_large_set_gives_what_its_patterns_give(seed: int) -> None:
    source = random.Random(seed)
    texts = {f"r{number}": rule(source) for number in range(source.choice((20, 60, 200)))}
    patterns = {rule_id: Pattern.parse(text) for rule_id, text in texts.items()}
    compiled = RuleSet.compile(texts)
    grown = RuleSet.compile(dict(list(texts.items())[: len(texts) // 2]))
    for rule_id, text in list(texts.items())[len(texts) // 2 :]:
        grown = grown.with_rule(rule_id, text)
    kept = set(source.sample(sorted(texts), len(texts) // 3))
    shrunk = grown
    for rule_id in texts.keys() - kept:
        shrunk = shrunk.without(rule_id)
    for _ in range(40):
        data = event(source)
        wanted = [rule_id for rule_id, pattern in patterns.items() if pattern.matches(data)]
        assert compiled.match(data) == wanted, data
        assert grown.match(data) == wanted, data
        assert shrunk.match(data) == [rule_id for rule_id in wanted if rule_id in kept], data


def test_rules_sharing_one_selective_field_are_told_apart_by_the_next() -> None:
    texts = {
        f"r{number}": json.dumps({"s": ["one"], "d": {"a": [f"v{number % 50}"], "b": [f"w{number}"]}})
        for number in range(500)
    }
    rules = RuleSet.compile(texts)
    assert rules.match(b'{"s": "one", "d": {"a": "v7", "b": "w57"}}') == ["r57"]
    assert rules.match(b'{"s": "two", "d": {"a": "v7", "b": "w57"}}') == []
    assert rules.match(b'{"s": "one", "d": {"a": "v7", "b": ["w57", "w107", "w58"]}}') == ["r57", "r107"]


def test_identical_rules_are_all_reported_in_order() -> None:
    texts = {f"r{number}": '{"s": ["one"]}' for number in range(50)}
    rules = RuleSet.compile(texts)
    assert rules.match(b'{"s": "one"}') == list(texts)
    assert rules.without("r3").match(b'{"s": "one"}') == [rule_id for rule_id in texts if rule_id != "r3"]


def test_replaced_rule_keeps_its_place_and_the_old_set_is_unchanged() -> None:
    old = RuleSet.compile({"first": '{"s": ["x"]}', "second": '{"s": ["x"]}'})
    new = old.with_rule("first", '{"s": ["x", "y"]}')
    assert new.match(b'{"s": "x"}') == ["first", "second"]
    assert new.match(b'{"s": "y"}') == ["first"]
    assert old.match(b'{"s": "y"}') == []
    assert new.without("absent") is new


def test_set_grown_rule_by_rule_from_nothing_stays_fast_and_right() -> None:
    rules = RuleSet.compile({})
    assert rules.match(b'{"s": "x"}') == []
    for number in range(300):
        rules = rules.with_rule(
            f"r{number}", json.dumps({"s": [f"v{number}"], f"field{number % 90}": [{"exists": True}]})
        )
    assert rules.match(b'{"s": "v42", "field42": 1}') == ["r42"]
    assert len(rules) == 300
    assert "r42" in rules
    assert rules.pattern("r42").matches(b'{"s": "v42", "field42": 1}')
