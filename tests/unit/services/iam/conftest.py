"""A fresh desk for every test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.services.iam.desk import Desk


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    made.store.close()
