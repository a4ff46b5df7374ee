"""One world for each module and plain boto3 clients in it; a loopback end point for HTTP subscriptions."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from bascule.services.sns import state
from bascule.services.sns.model import SigningKey
from bascule.services.sns.signing import make_signing_key
from tests.parity.sns.endpoint import Endpoint
from tests.parity.sns.inbox import Inbox
from tests.world import World


@cache
def signing_key() -> SigningKey:
    """Making a key takes 100 ms; one is enough for all worlds of a process."""
    return make_signing_key(1_767_225_600_000)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World() as running:
        running.write(lambda tx: state.put_signing_key(tx, signing_key()))
        yield running


@pytest.fixture
def sns(world: World) -> Any:
    return world.client("sns")


@pytest.fixture
def inbox(world: World) -> Inbox:
    return Inbox(world)


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint() as serving:
        yield serving
