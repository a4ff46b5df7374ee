"""Bascule's own end points when something is wrong: JSON with a sentence, never a connection that just ends."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from bascule.edge.connection import Connection
from bascule.kernel.store import StoreBusy, StoreClosed
from bascule.protocol import HttpAnswer, HttpRequest
from tests.world import World


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World() as made:
        yield made


@pytest.mark.parametrize("wait", ["%C2%B2", "9" * 5000, "-1", "x", ""])
def test_a_wait_that_is_no_number_is_none(world: World, wait: str) -> None:
    assert world.get(f"/_bascule/tail?wait={wait}").status == 200


@pytest.mark.parametrize("count", ["%C2%B2", "9" * 5000, "0", "x", ""])
def test_a_count_that_is_no_number_is_refused(world: World, count: str) -> None:
    answer = world.get(f"/_bascule/retries?count={count}")
    assert answer.status == 400
    assert json.loads(answer.body)["message"].startswith("count must be a number between 1 and 500")


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (StoreBusy(), 503, "is busy"),
        (StoreClosed(), 503, "is stopping"),
        (ZeroDivisionError(), 500, "see the server's log"),
    ],
)
def test_what_fails_inside_is_answered(world: World, error: Exception, status: int, words: str) -> None:
    async def route(request: HttpRequest, rest: str, connection: Connection) -> HttpAnswer:
        raise error

    path = f"/_bascule/{type(error).__name__}"
    world.bascule.pipeline._internal.add("GET", path, route)
    answer = world.get(path)
    assert answer.status == status
    assert words in json.loads(answer.body)["message"]
