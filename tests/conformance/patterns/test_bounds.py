"""No bytes make the engine raise, and no pattern or event of the allowed size stalls it."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bascule.patterns import Dialect, Pattern, PatternError, RuleSet

from . import strategies

EVENT_BYTES = 1_048_576  # the largest event
SHORT_BYTES = 131_072  # what the ordinary run uses; a quadratic step shows here too
PATTERN_CHARS = 4_096  # the longest pattern
STALL_S = 20.0  # far above what any case takes on a slow machine, far below what a quadratic one would

QUIET = settings(deadline=None, database=None, suppress_health_check=list(HealthCheck), max_examples=300)
RULES = {
    "text": '{"a": [{"wildcard": "*x*y"}], "d": {"k": ["v", {"prefix": "p"}]}}',
    "number": '{"n": [5, {"numeric": [">", 1, "<", 9]}]}',
    "absent": '{"a": [{"exists": false}], "l": {"x": [{"exists": true}]}}',
    "other": '{"l": {"x": [{"anything-but": "q"}], "y": [{"cidr": "10.0.0.0/8"}, {"equals-ignore-case": "Q"}]}}',
}
COMPILED = RuleSet.compile(RULES)
PARSED = {rule_id: Pattern.parse(text) for rule_id, text in RULES.items()}


def check_event(data: bytes) -> None:
    wanted = [rule_id for rule_id, pattern in PARSED.items() if pattern.matches(data)]
    assert COMPILED.match(data) == wanted
    for rule_id, pattern in PARSED.items():
        assert pattern.explain(data).matched is (rule_id in wanted)


@given(st.binary(max_size=60))
@settings(QUIET)
def test_arbitrary_bytes_as_an_event_never_raise(data: bytes) -> None:
    check_event(data)
    check_event(b'{"a": ' + data + b"}")
    check_event(b'{"zz": "' + data + b'", "n": 5}')


@given(strategies.events, st.randoms(use_true_random=False))
@settings(QUIET)
def test_damaged_events_never_raise_and_all_forms_agree(text: str, source: random.Random) -> None:
    data = bytearray(text.encode())
    for _ in range(source.randrange(1, 4)):
        if data:
            data[source.randrange(len(data))] = source.randrange(256)
    check_event(bytes(data))


@given(st.one_of(st.text(max_size=60), strategies.patterns))
@settings(QUIET)
def test_arbitrary_text_as_a_pattern_is_parsed_or_refused(text: str) -> None:
    for variant in (text, text[: len(text) // 2], '{"a": [' + text + "]}", '{"a": [{"wildcard": "' + text + '"}]}'):
        for dialect in Dialect:
            message = "Event pattern is not valid. Reason: "
            try:
                Pattern.parse(variant, dialect).matches(b'{"a": "x"}')
            except PatternError as error:
                message = str(error)
            assert message.startswith("Event pattern is not valid. Reason: ")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"5",
        b"[]",
        b'"a"',
        b'{"a": 1} x',
        b"{" * 5_000,
        b"[" * 5_000,
        b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
        b'{"n": ' + b"[" * 900 + b"5" + b"]" * 900 + b"}",
        b'{"n": ' + b"9" * 6_000 + b"}",
        b'{"n": 1e' + b"9" * 6_000 + b"}",
        b'{"n": 5, "s": "\\ud800"}',
        b'{"n": 5, "\\ud800": 1}',
        b'{"n": 5, "s": "\xff"}',
        b'{"a": "\\ud83d\\ude00"}',
        b'{"n": NaN}',
        b'\xef\xbb\xbf{"n": 5}',
    ],
    ids=lambda data: repr(data[:20]),
)
def test_odd_events_are_decided_alike_by_every_form(data: bytes) -> None:
    check_event(data)


def test_deeply_nested_event_is_still_matched() -> None:
    data = b'{"n": ' + b"[" * 900 + b"5" + b"]" * 900 + b"}"
    assert COMPILED.match(data) == ["number"]
    assert COMPILED.match(b'{"x": ' + b'{"a":' * 900 + b"5" + b"}" * 900 + b', "n": 5}') == ["number"]


def test_event_nested_deeper_than_the_service_allows_matches_nothing() -> None:
    assert COMPILED.match(b'{"n": 5, "x": ' + b"[" * 1_200 + b"]" * 1_200 + b"}") == []


def test_value_with_a_lone_surrogate_is_a_string_like_any_other() -> None:
    assert Pattern.parse('{"a": [{"prefix": "\\ud800"}]}').matches(b'{"a": "\\ud800x"}')


def list_event(element: Callable[[int], str]) -> Callable[[int], bytes]:
    def build(size_max: int) -> bytes:
        parts, size = [], 0
        while size < size_max - 100:
            parts.append(element(len(parts)))
            size += len(parts[-1]) + 1
        return ('{"l": [' + ",".join(parts) + "]}").encode()

    return build


def text_event(piece: bytes) -> Callable[[int], bytes]:
    return lambda size_max: b'{"l": "' + piece * ((size_max - 20) // len(piece)) + b'"}'


def long_pattern(alternative: Callable[[int], str]) -> str:
    parts: list[str] = []
    while sum(map(len, parts)) + len(parts) < PATTERN_CHARS - 200:
        parts.append(alternative(len(parts)))
    return '{"l": [' + ",".join(parts) + "]}"


WORST: dict[str, tuple[str, Callable[[int], bytes]]] = {
    "exact": (long_pattern(lambda n: f'"q{n}"'), list_event(lambda n: f'"{n}"')),
    "numbers": (long_pattern(lambda n: f'{{"numeric": ["=", {n}.5]}}'), list_event(str)),
    "prefixes": (long_pattern(lambda n: f'{{"prefix": "q{n}"}}'), list_event(lambda n: f'"{n}"')),
    "suffixes": (long_pattern(lambda n: f'{{"suffix": "q{n}"}}'), list_event(lambda n: f'"{n}"')),
    "ignore-case": (long_pattern(lambda n: f'{{"equals-ignore-case": "q{n}"}}'), list_event(lambda n: f'"{n}"')),
    "prefix ignore-case": (long_pattern(lambda n: f'{{"prefix": {{"equals-ignore-case": "q{n}"}}}}'), list_event(lambda n: f'"{n}"')),
    "suffix ignore-case": (long_pattern(lambda n: f'{{"suffix": {{"equals-ignore-case": "q{n}"}}}}'), list_event(lambda n: f'"{n}"')),
    "cidr": (long_pattern(lambda n: f'{{"cidr": "10.{n}.0.0/16"}}'), list_event(lambda n: f'"11.0.{n % 256}.{n // 256 % 256}"')),
    "anything-but": ('{"l": [{"anything-but": [' + ",".join(f'"{n % 10}"' for n in range(900)) + "]}]}", list_event(lambda n: f'"{n % 10}"')),
    "wildcard": ('{"l": [{"wildcard": "*ab*ab*ab*b"}]}', text_event(b"ab")),
    "wildcard of one letter": ('{"l": [{"wildcard": "*' + "a" * 9 + 'b"}]}', text_event(b"a")),
    "long ignore-case": ('{"l": [{"suffix": {"equals-ignore-case": "' + "ß" * 1_200 + '"}}]}', text_event(b"S")),
    "escapes": ('{"l": ["x"]}', text_event(b"\\n")),
    "surrogates": ('{"l": ["x"]}', text_event(b"\\ud800")),
    "digits": ('{"l": [5]}', lambda size: b'{"l": ' + b"9" * (size - 20) + b"}"),
    "fields": ("{" + ",".join(f'"f{n}": [1]' for n in range(300)) + "}", lambda size: b"{" + b",".join(b'"f%d":1' % n for n in range(size // 14)) + b"}"),
    "objects": (
        '{"l": {' + ",".join(f'"f{n}": [{{"exists": false}}, 1]' for n in range(100)) + ', "z": [1]}}',
        list_event(lambda n: f'{{"f{n % 100}":2}}'),
    ),
    "objects with two fields": ('{"l": {"a": [1], "b": [2], "c": [3]}}', list_event(lambda n: f'{{"{"abc"[n % 3]}":{n % 3 + 1}}}')),
    "arrays of arrays": ('{"l": {"a": [1], "b": [2]}}', list_event(lambda n: '[[{"a":1},{"b":2}],[{"a":1},{"b":2}]]')),
    "scalars beside arrays": (
        '{"l": [{"anything-but": "y"}], "l.a": [{"exists": false}], "l.b": [1], "l.c": [1], "l.d": [1]}',
        list_event(lambda n: f'"x",["x"],{{"a":1}},{{"{"bcd"[n % 3]}":1}}'),
    ),
    "dotted keys": (
        '{"l": {"a": {"b": {"c": [1], "d": [2]}, "e": [3]}}}',
        list_event(lambda n: '{"a.b":[{"c":1},{"d":3}],"a":[{"b":[{"d":2},{"c":2}]},{"e":3}],"a.b.c":2}'),
    ),
    "staircase": ('{"l": {"a": [1], "b": [2]}}', lambda size: b'{"l": ' + b'[{"a":1},' * 450 + b'{"b":2}' + b"]" * 450 + b"}"),
}  # fmt: skip


def decide(name: str, size_max: int) -> None:
    text, build = WORST[name]
    data = build(size_max)
    assert len(text) <= PATTERN_CHARS
    assert len(data) <= EVENT_BYTES
    begin = time.perf_counter()
    pattern = Pattern.parse(text)
    verdict = pattern.matches(data)
    assert RuleSet.compile({"r": text}).match(data) == (["r"] if verdict else [])
    assert pattern.explain(data).matched is verdict
    assert time.perf_counter() - begin < STALL_S


@pytest.mark.parametrize("name", WORST)
def test_worst_pattern_and_large_event_are_decided_in_bounded_time(name: str) -> None:
    decide(name, SHORT_BYTES)


@pytest.mark.long
@pytest.mark.parametrize("name", WORST)
def test_worst_pattern_and_largest_event_are_decided_in_bounded_time(name: str) -> None:
    decide(name, EVENT_BYTES)


def test_complexity_of_hostile_wildcards_is_computed_in_bounded_time() -> None:
    begin = time.perf_counter()
    for text in ("a" * 4_000 + "*", "*" + "ab" * 2_000, "*".join("abcdefghij" * 40), "*" + "a" * 4_000):
        with pytest.raises(PatternError) if text.startswith("*") or "*b" in text else _nothing():
            Pattern.parse(json.dumps({"a": [{"wildcard": text}]}))
    assert time.perf_counter() - begin < STALL_S


class _nothing:
    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None


def test_too_many_combinations_of_or_are_refused_at_once() -> None:
    branches = json.dumps([{"a": [number]} for number in range(20)])
    text = "{" + ", ".join(f'"$or": {branches}' for _ in range(12)) + "}"
    with pytest.raises(PatternError, match="combinations"):
        Pattern.parse(text)
    with pytest.raises(PatternError, match="nesting depth"):
        Pattern.parse('{"a":' * 600 + "[1]" + "}" * 600)
