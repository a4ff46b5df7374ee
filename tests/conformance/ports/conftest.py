"""Every engine, one store per test. A new engine is one more entry of ``ENGINES``; the suites do not change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bascule.engines.sqlite import open_store
from bascule.kernel.store import Store

ENGINES: dict[str, Callable[[Path], Store]] = {
    "sqlite-memory": lambda _: open_store(None),
    "sqlite-file": lambda folder: open_store(folder / "data"),
}


@pytest.fixture(params=ENGINES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store of the engine under test."""
    opened = ENGINES[request.param](tmp_path)
    yield opened
    opened.close()
