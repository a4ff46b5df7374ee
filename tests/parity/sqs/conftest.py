"""One world for each test, and a plain boto3 client of SQS in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.world import World


@pytest.fixture
def world() -> Iterator[World]:
    with World() as running:
        yield running


@pytest.fixture
def sqs(world: World) -> Any:
    return world.client("sqs")
