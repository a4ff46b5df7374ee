"""One world for each module, and plain boto3 clients in it; tests use names of their own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.world import World


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World() as running:
        yield running


@pytest.fixture
def functions(world: World) -> Any:
    return world.client("lambda")


@pytest.fixture
def sqs(world: World) -> Any:
    return world.client("sqs")
