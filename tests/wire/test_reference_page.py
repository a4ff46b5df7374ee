"""Every limit and every error of the layer stands on its reference page."""

from __future__ import annotations

import inspect
from pathlib import Path

from bascule.kernel.errors import AwsError
from bascule.protocol import dialects, errors, limits

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "wire.md").read_text()


def test_every_limit_is_documented() -> None:
    assert [name for name in vars(limits) if name.isupper() and f"`{name}`" not in PAGE] == []


def test_every_error_is_documented() -> None:
    found = [value for _, value in inspect.getmembers(errors, inspect.isclass) if value.__module__ == errors.__name__]
    assert all(issubclass(error, AwsError) for error in found)
    assert [error.code for error in found if f"`{error.code}`" not in PAGE] == []


def test_every_older_code_is_documented() -> None:
    for codes in dialects.QUERY_CODES.values():
        assert [name for name in codes if name not in PAGE] == []
