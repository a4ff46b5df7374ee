"""A durable store in a temporary directory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bascule.engines.sqlite import SqliteStore, open_store


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the store of a test lives."""
    return tmp_path / "data"


@pytest.fixture
def store(folder: Path) -> Iterator[SqliteStore]:
    """An empty durable store."""
    opened = open_store(folder)
    yield opened
    opened.close()
