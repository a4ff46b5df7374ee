"""``Detail`` is compacted and nothing else: the fast road and the general one agree, and both keep every token."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bascule.services.events.detail_json import _general, canonical_detail


class Token(str):
    """A number as it was written."""


def tokens(text: str | bytes) -> Any:
    return json.loads(text, parse_int=Token, parse_float=Token)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("{}", "{}"),
        (" { } ", "{}"),
        ('{"a" : 1 , "b":[ 1 ,\n2 ]}', '{"a":1,"b":[1,2]}'),
        ('{"amount": 2500.10}', '{"amount":2500.10}'),
        ('{"amount": 1000.0}', '{"amount":1000.0}'),
        ('{"n": 123456789012345678901234567890}', '{"n":123456789012345678901234567890}'),
        ('{"n": 0.1000000000000000055511151231257827}', '{"n":0.1000000000000000055511151231257827}'),
        ('{"n": 1e400, "m": -0}', '{"n":1e400,"m":-0}'),
        ('{"s": "a b : , { }"}', '{"s":"a b : , { }"}'),
        ('{"s": "caf\\u00e9 \\" \\\\"}', '{"s":"caf\\u00e9 \\" \\\\"}'),
        ('{"s": "café"}', '{"s":"café"}'),
        ('{"b": 1, "a": 2}', '{"b":1,"a":2}'),
        ('{"a": 1, "b": 2, "a": 3}', '{"a":3,"b":2}'),
        ('{"a": 1, "\\u0061": 2.50}', '{"a":2.50}'),
        ('{"x": [{"a": 1, "a": {"b": 1, "b": 2.0}}]}', '{"x":[{"a":{"b":2.0}}]}'),
        ('{"k\\":": 1, "s": "\\":"}', '{"k\\":":1,"s":"\\":"}'),
        ('{"big": 1e400, "a": 1, "a": 2}', '{"big":1e400,"a":2}'),
    ],
)
def test_detail_is_compacted_and_nothing_else(written: str, kept: str) -> None:
    assert canonical_detail(written) == kept.encode()
    assert _general(written.encode()) == kept.encode()


@pytest.mark.parametrize(
    "written",
    [
        "",
        " ",
        "[]",
        '"text"',
        "1",
        "null",
        "{",
        "}",
        '{"a"}',
        '{"a":}',
        '{"a":1,}',
        '{,"a":1}',
        '{"a" 1}',
        '{"a":1 "b":2}',
        '{"a":[1,]}',
        '{"a":[1 2]}',
        '{"a":[}]',
        '{"a":{]}',
        '{"a":01}',
        '{"a":+1}',
        '{"a":.5}',
        '{"a":1.}',
        '{"a":NaN}',
        '{"a":1e400,"b":Infinity}',
        '{"a":True}',
        "{'a':1}",
        "{a:1}",
        "{1:1}",
        '{"a":1}x',
        '{"a":1}{}',
        '{"a":"\x01"}',
        '{"a":"\\x"}',
        '{"a":"\\ud800 alone"}',
        '{"a":1e400,"b":"\\ud800 alone"}',
        '{"a":"open}',
        '{"a"::1}',
        '{"a":1::2}',
        "{:1}",
        '{"a":{"b":1}"c":2}',
        '{"a":1e400 {} }',
    ],
)
def test_what_is_not_a_json_object_is_malformed(written: str) -> None:
    assert canonical_detail(written) is None
    assert _general(written.encode()) is None


def test_half_a_surrogate_pair_in_the_text_itself_is_malformed() -> None:
    assert canonical_detail('{"a":"\ud800"}') is None


@pytest.mark.parametrize(("depth", "is_allowed"), [(1000, True), (1001, False), (50_000, False)])
def test_depth_is_bounded_without_recursion(depth: int, is_allowed: bool) -> None:
    inner = depth - 1
    text = '{"a":' + "[" * inner + "]" * inner + "}"
    assert (canonical_detail(text) is not None) is is_allowed


def test_many_brackets_beside_each_other_are_not_depth() -> None:
    text = '{"a":[' + ",".join(["{}"] * 1500) + "]}"
    assert canonical_detail(text) == text.encode()


def test_brackets_inside_strings_are_not_depth() -> None:
    text = '{"a":"' + "[" * 2000 + '"}'
    assert canonical_detail(text) == text.encode()


numbers = st.one_of(
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=6), inner, max_size=4)),
    max_leaves=20,
)
layouts = st.sampled_from(
    [
        {"separators": (",", ":")},
        {},
        {"indent": 2},
        {"ensure_ascii": False},
        {"indent": "\t", "ensure_ascii": False},
    ]
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.text(max_size=6), values, max_size=5), layouts)
def test_compaction_keeps_every_token_and_the_order_of_keys(detail: dict[str, Any], layout: dict[str, Any]) -> None:
    written = json.dumps(detail, **layout)
    kept = canonical_detail(written)
    assert kept is not None
    assert tokens(kept) == tokens(written)
    assert list(tokens(kept)) == list(detail)
    assert kept == _general(written.encode())
    assert canonical_detail(kept.decode()) == kept
    assert len(kept) <= len(written.encode())


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet='{}[]:,"\\ 01.eE+-aut/\n', max_size=24))
def test_both_roads_agree_on_any_text(written: str) -> None:
    kept = canonical_detail(written)
    assert kept == _general(written.encode())
    try:
        expected = tokens(written)
    except ValueError:
        assert kept is None
    else:
        assert (kept is not None) == isinstance(expected, dict)


@settings(max_examples=80, deadline=None)
@given(st.decimals(allow_nan=False, allow_infinity=False, places=4), st.text(alphabet="ab", max_size=2))
def test_decimal_amounts_are_never_rounded(amount: Decimal, key: str) -> None:
    written = f'{{ "{key}" : {amount:f} , "list" : [ {amount:f} ] }}'
    kept = canonical_detail(written)
    assert kept == f'{{"{key}":{amount:f},"list":[{amount:f}]}}'.encode()
