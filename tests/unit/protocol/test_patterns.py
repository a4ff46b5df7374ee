"""Java's expressions read as Python's."""

from __future__ import annotations

import pytest

from bascule.protocol.catalog import Catalog
from bascule.protocol.limits import MATCHED_TEXT_MAX
from bascule.protocol.patterns import matcher

SERVED = ("events", "lambda", "logs", "sqs", "sts")


@pytest.mark.parametrize(
    ("pattern", "value", "is_match"),
    [
        (r"[a-z]+", "abc", True),
        (r"[a-z]+", "abc\n", False),
        (r"[a-z]+", "xabc!", False),
        (r"^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$", "Größe 1/2", True),
        (r"^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$", "no!", False),
        (r"[\w-_]*", "a-b_c", True),
    ],
)
def test_a_pattern_matches_whole_values(pattern: str, value: str, is_match: bool) -> None:
    matches = matcher(pattern)
    assert matches is not None
    assert matches(value) is is_match


def test_an_unreadable_pattern_is_not_checked() -> None:
    assert matcher(r"(?<oops") is None


def test_very_long_values_are_not_matched() -> None:
    matches = matcher(r"a")
    assert matches is not None
    assert matches("b" * (MATCHED_TEXT_MAX + 1))


@pytest.mark.parametrize("service", SERVED)
def test_every_pattern_of_the_served_services_is_checked(service: str) -> None:
    model = Catalog().model(service)
    assert model is not None
    assert [name for name, shape in model.shapes.items() if shape.pattern and matcher(shape.pattern) is None] == []
