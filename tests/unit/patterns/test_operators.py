"""Operators alone: wildcard complexity, numbers, addresses, ignoring case, and many alternatives at once."""

from __future__ import annotations

import json

import pytest

from bascule.patterns import Pattern, PatternError
from bascule.patterns.decimals import NumberText, number_of, number_of_int, shown
from bascule.patterns.operators.addresses import address_of
from bascule.patterns.operators.any_of import AnyOf
from bascule.patterns.operators.ignore_case import ends, equals, starts
from bascule.patterns.operators.wildcard import Wildcard, complexity, glob, wildcard_of

COMPLEXITIES = {
    "*": 2,
    "*a*": 3,
    "dir/*.png": 2,
    "*a*a*": 5,
    "*a*a*a*": 7,
    "*a*a*a*a*a*": 11,
    "*aaaaaaaaaaaa": 13,
    "arn:aws:events:us-east-1:*:event-bus/*": 3,
    "/Users/*/dir/dir/dir/dir/dir/doc.txt": 7,
    "*:*:*:*:*:event-bus/*": 11,
    "abc": 1,
}


@pytest.mark.parametrize("text", COMPLEXITIES)
def test_wildcard_complexity_has_the_reference_value(text: str) -> None:
    wildcard = wildcard_of(text)
    assert isinstance(wildcard, Wildcard)
    assert complexity(wildcard.pieces) == COMPLEXITIES[text]


def test_complexity_of_one_field_adds_up_over_its_wildcards() -> None:
    Pattern.parse('{"a": [{"wildcard": "*a*a*a*"}, {"wildcard": "*b*"}]}')
    with pytest.raises(PatternError, match="too complex"):
        Pattern.parse('{"a": [{"wildcard": "*a*a*a*"}, {"anything-but": {"wildcard": "*b*b*"}}]}')
    Pattern.parse('{"a": [{"wildcard": "*a*a*a*"}], "b": [{"wildcard": "*b*b*"}]}')


@pytest.mark.parametrize(
    ("pieces", "value", "holds"),
    [
        (("ab", "ba"), "aba", False),
        (("ab", "ba"), "abba", True),
        (("", "ab", "b", ""), "xab", False),
        (("", "ab", "b", ""), "xabcb", True),
        (("a", "a", "a"), "aa", False),
        (("a", "a", "a"), "aaa", True),
    ],
)
def test_pieces_of_a_wildcard_never_overlap(pieces: tuple[str, ...], value: str, holds: bool) -> None:
    assert glob(pieces, value) is holds


@pytest.mark.parametrize("token", ["300", "300.0", "3.0e2", "3E+2", "0.3e3"])
def test_number_is_its_value_whatever_its_notation(token: str) -> None:
    assert number_of(token) == 300.0


@pytest.mark.parametrize(
    "token",
    ["0.10000000000000001", "1e400", "1234567890123456789", "9007199254740993", "1.2345678e-320", "1e" + "9" * 30],
)
def test_literal_that_no_double_stands_for_is_only_its_text(token: str) -> None:
    assert number_of(token) == NumberText(token)


def test_integers_and_literals_give_the_same_numbers() -> None:
    for value in (0, -7, 2**53, 2**53 + 1, 123456789012345680, 10**30, 10**400, -(10**23)):
        assert number_of_int(value) == number_of(str(value))
    assert str(number_of("-0.0")) == "0.0"
    assert [shown(number_of(token)) for token in ("5", "5.50", "1e20", "1e400")] == ["5", "5.5", "1e+20", "1e400"]


@pytest.mark.parametrize(
    "text",
    ["10.0.0", "10.0.0.256", "10.0.0.1.1", "::1%lo", "[::1]", "::ffff:1.2.3.4", "1:2:3", ":::", "", "x", "1.2.3.4 "],
)
def test_other_text_is_no_address(text: str) -> None:
    assert address_of(text) is None


def test_address_has_one_value_in_every_spelling() -> None:
    assert address_of("10.0.0.1") == address_of("010.000.0.01") == (4, 0x0A000001)
    assert address_of("2001:DB8::1") == address_of("2001:0db8:0:0:0:0:0:1") is not None


@pytest.mark.parametrize(
    ("pattern", "value", "holds"),
    [("k", "\u212a", False), ("\u212a", "k", True), ("ß", "SS", True), ("SS", "ß", False), ("ẞ", "ß", True), ("ı", "I", True), ("I", "ı", False), ("İ", "i̇", True)],
)  # fmt: skip
def test_ignoring_case_accepts_the_mappings_of_the_patterns_own_characters(
    pattern: str, value: str, holds: bool
) -> None:
    assert equals(pattern, value) is holds
    assert starts(pattern, value + "tail") is holds
    assert ends(pattern, "head" + value) is holds
    many = AnyOf(
        next(iter(Pattern.parse(json.dumps({"a": [{"equals-ignore-case": pattern}]})).branches)).fields[0].conditions
    )
    assert many.holds(value) is holds


def test_spellings_of_a_character_never_start_alike() -> None:
    for code in range(0x110000):
        char = chr(code)
        lower, upper = char.lower(), char.upper()
        assert lower == upper or lower[0] != upper[0], char


def test_many_alternatives_at_once_give_what_each_gives() -> None:
    text = """{"a": ["x", 5, true, null, "10.0.0.1", {"prefix": "p"}, {"suffix": "s"}, {"equals-ignore-case": "Ab"},
      {"prefix": {"equals-ignore-case": "Qu"}}, {"suffix": {"equals-ignore-case": "zE"}}, {"suffix": {"equals-ignore-case": "ß"}},
      {"numeric": [">", 10, "<", 12]}, {"numeric": [">=", 12, "<", 13]}, {"numeric": [">", 20, "<", 30]}, {"numeric": [">=", 25, "<=", 31]},
      {"cidr": "10.9.0.0/16"}, {"cidr": "2001:db8::/32"}, {"wildcard": "w*w"}]}"""
    conditions = Pattern.parse(text).branches[0].fields[0].conditions
    many = AnyOf(conditions)
    values = [
        "x",
        "y",
        "px",
        "xs",
        "aB",
        "abc",
        "QUx",
        "xZe",
        "SS",
        "10.0.0.01",
        "10.9.1.2",
        "10.8.1.2",
        "2001:db8::5",
        "wow",
        "",
    ]
    numbers = [5.0, 10.0, 10.5, 12.0, 13.0, 20.0, 20.5, 25.0, 30.0, 31.0, 31.5, -1.0, NumberText("1e400")]
    for value in (*values, *numbers, True, False, None):
        assert many.holds(value) is any(condition.holds(value) for condition in conditions), value
