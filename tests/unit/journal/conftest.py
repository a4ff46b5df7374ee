"""The platform under test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.delivery.platform import Platform


@pytest.fixture
def platform() -> Iterator[Platform]:
    made = Platform()
    yield made
    made.close()
