"""One platform for each test, with boto3 clients."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.world import World


@pytest.fixture
def world() -> Iterator[World]:
    with World() as running:
        yield running
