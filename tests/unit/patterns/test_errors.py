"""The words and places of errors beyond the table of the specification: JSON syntax, several lines, long text."""

from __future__ import annotations

import pytest

from bascule.patterns import Pattern, PatternError

SYNTAX = [
    ("this is not json", "Unrecognized token 'this': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')", 5),
    ("{'a': ['x']}", "Unexpected character (''' (code 39)): was expecting double-quote to start field name", 3),
    ('{"a" 1}', "Unexpected character ('1' (code 49)): was expecting a colon to separate field name and value", 7),
    ('{"a": ["x" "y"]}', "Unexpected character ('\"' (code 34)): was expecting comma to separate Array entries", 13),
    ('{"a": ["x"] "b": 1}', "Unexpected character ('\"' (code 34)): was expecting comma to separate Object entries", 14),
    ('{"a": ["x"],}', "Unexpected character ('}' (code 125)): was expecting double-quote to start field name", 14),
    ('{"a": [01]}', "Invalid numeric value: Leading zeroes not allowed", 9),
    ('{"a": ["x\\q"]}', "Unrecognized character escape 'q' (code 113)", 12),
    ('{"a": ["x', "Unexpected end-of-input: was expecting closing quote for a string value", 10),
    ("", "Filter is not an object", 1),
    ('"text"', "Filter is not an object", 2),
]  # fmt: skip


@pytest.mark.parametrize(("text", "reason", "column"), SYNTAX)
def test_text_that_is_not_json_is_refused_in_the_words_of_the_services_parser(
    text: str, reason: str, column: int
) -> None:
    with pytest.raises(PatternError) as caught:
        Pattern.parse(text)
    assert caught.value.reason == reason
    assert (caught.value.line, caught.value.column) == (1, column)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_error_on_a_later_line_names_line_and_column(end: str) -> None:
    with pytest.raises(PatternError) as caught:
        Pattern.parse(f'{{"a":{end} [{end}  {{"prefix": 1}}]}}')
    assert (caught.value.line, caught.value.column) == (3, 15)
    assert caught.value.message.endswith("line: 3, column: 15]")


def test_member_of_an_anything_but_list_is_located_twice() -> None:
    with pytest.raises(PatternError) as caught:
        Pattern.parse('{"a": [{"anything-but": ["x", null]}]}')
    assert str(caught.value).count("line: 1, column: 35]") == 2


def test_address_block_and_complexity_errors_have_no_location() -> None:
    for text in ('{"a": [{"cidr": "10.0.0.0/32"}]}', '{"a": [{"wildcard": "*a*a*a*a*a*"}]}'):
        with pytest.raises(PatternError) as caught:
            Pattern.parse(text)
        assert "\n" not in str(caught.value)
        assert caught.value.column == 0


def test_long_pattern_is_cut_in_the_location() -> None:
    with pytest.raises(PatternError) as caught:
        Pattern.parse('{"a": ["' + "x" * 2_000 + '", []]}')
    assert len(str(caught.value)) < 800


@pytest.mark.parametrize(
    "unclosed", ['{"a": {"b": ["x"]', '{"a": ["x"}', '{"a": [{"prefix": "x"]}', "{", '{"a"', '{"a":']
)
def test_unbalanced_brackets_are_refused(unclosed: str) -> None:
    with pytest.raises(PatternError):
        Pattern.parse(unclosed)


def test_text_after_the_closing_brace_is_ignored() -> None:
    assert Pattern.parse('{"a": ["x"]} and more').matches(b'{"a": "x"}')


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"a": [{"numeric": ["=", 1e400, 3]}]}', "Too many elements in numeric expression"),
        ('{"a": [{"numeric": ["==", "5"]}]}', "Unrecognized numeric range operator: =="),
        ('{"a": [{"numeric": [">", 1, "<", "5"]}]}', "Value of < must be numeric"),
        ('{"a": [{"anything-but": 1e400}]}', "Cannot compare number : 1e400"),
        ('{"a": [{"anything-but": {"prefix": [""]}}]}', "Null prefix/suffix not allowed"),
        ('{"a": [{"anything-but": {"prefix": {"equals-ignore-case": "x"}}}]}', "Value of anything-but must be an array or single string/number value."),
        ('{"a": [{"suffix": {}}]}', "Suffix expression name not found"),
        ('{"a": [{"prefix": {"equals-ignore-case": "x", "y": 1}}]}', "Only one key allowed in match expression"),
        ('{"a": [{"wildcard": "é**"}]}', "Consecutive wildcard characters at pos 3"),
        ('{"a": [{"cidr": "::ffff:0:0/96"}]}', "IPv4 mask bits must be < 32"),
        ('{"$or": []}', "There must have at least 2 Objects in $or relationship."),
        ('{"a": {"b": 5}}', '"b" must be an object or an array'),
    ],
)  # fmt: skip
def test_reason_names_what_is_wrong(text: str, reason: str) -> None:
    with pytest.raises(PatternError) as caught:
        Pattern.parse(text)
    assert caught.value.reason == reason
