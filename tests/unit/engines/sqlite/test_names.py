"""The first name past a prefix, which bounds a page."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.engines.sqlite.documents import first_name_past


@pytest.mark.parametrize(
    ("prefix", "past"),
    [
        ("", None),
        ("a", "b"),
        ("az", "a{"),
        ("\ud7ff", "\ue000"),
        ("\U0010ffff", None),
        ("a\U0010ffff", "b"),
    ],
)
def test_the_first_name_past_a_prefix(prefix: str, past: str | None) -> None:
    assert first_name_past(prefix) == past


names = st.text(st.characters(codec="utf-8"), max_size=4)


@given(names, names)
def test_a_name_is_below_the_bound_exactly_when_it_starts_with_the_prefix_or_sorts_before_it(
    prefix: str, name: str
) -> None:
    past = first_name_past(prefix)
    in_range = name >= prefix and (past is None or name < past)
    assert in_range == name.startswith(prefix)
