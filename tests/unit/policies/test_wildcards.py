"""``*`` and ``?``."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.policies.variables import filled
from bascule.policies.wildcards import arn_matches, matches, protected


def _expected(pattern: str, text: str) -> bool:
    signs = {"*": ".*", "?": "."}
    return re.fullmatch("".join(signs.get(sign, re.escape(sign)) for sign in pattern), text, re.DOTALL) is not None


@given(st.text("ab*?:", max_size=8), st.text("ab:", max_size=12))
def test_wildcards_match_what_the_regular_expression_matches(pattern: str, text: str) -> None:
    assert matches(pattern, text) == _expected(pattern, text)


@given(st.text("ab*?", max_size=8))
def test_a_protected_text_fits_only_itself(text: str) -> None:
    assert matches(protected(text), text)
    assert not matches(protected(text), text + "a")
    if "*" in text:
        assert not matches(protected(text), text.replace("*", "", 1))


def test_a_pattern_full_of_stars_is_decided_at_once() -> None:
    assert not matches("*a" * 50 + "b", "a" * 5_000)


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("arn:aws:sns:us-east-1:1:topic", "arn:aws:sns:us-east-1:1:topic", True),
        ("arn:aws:sns:*:1:t*", "arn:aws:sns:us-east-1:1:topic", True),
        ("arn:aws:sns:*:topic", "arn:aws:sns:us-east-1:1:topic", False),
        ("arn:aws:lambda:*:*:function:*:live", "arn:aws:lambda:us-east-1:1:function:f:live", True),
        ("*", "anything", True),
        ("anything", "arn:aws:sns:us-east-1:1:topic", False),
    ],
)
def test_each_part_of_an_arn_is_compared_by_itself(pattern: str, text: str, fits: bool) -> None:
    assert arn_matches(pattern, text) is fits


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("no variable", "no variable"),
        ("home/${aws:username}/x", "home/ann/x"),
        ("home/${AWS:UserName}", "home/ann"),
        ("home/${aws:PrincipalTag/team, 'none'}", "home/none"),
        ("home/${aws:PrincipalTag/team}", None),
        ("cost ${$}5", "cost $5"),
        ("many ${aws:many}", None),
        ("open ${aws:username", "open ${aws:username"),
    ],
)
def test_variables_take_the_values_of_the_request(text: str, result: str | None) -> None:
    assert filled(text, {"aws:username": ["ann"], "aws:many": ["a", "b"]}) == result


def test_a_star_in_a_value_is_no_wildcard() -> None:
    pattern = filled("home/${aws:username}/${*}", {"aws:username": ["*"]})
    assert pattern is not None
    assert matches(pattern, "home/*/*")
    assert not matches(pattern, "home/ann/x")
