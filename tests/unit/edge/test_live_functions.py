"""The key of the end points that read files of this machine."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, cast

from bascule.edge.connection import Connection
from bascule.edge.internal import Internal
from bascule.edge.live_functions import KEY_HEADER, LiveControls
from bascule.protocol import HttpAnswer, HttpRequest
from tests.world import World


async def about() -> dict[str, Any]:
    return {}


class Routes:
    """Where the end points are registered."""

    def __init__(self, world: World, key_file: Path) -> None:
        self._routes: dict[tuple[str, str], Any] = {}
        bascule = world.bascule
        controls = LiveControls(bascule.runtime.live, bascule.store, bascule.contexts, key_file, about)
        controls.add_to(cast(Internal, self))

    def add(self, method: str, path: str, route: Any) -> None:
        self._routes[method, path] = route

    async def ask(self, method: str, path: str, key: str = "") -> HttpAnswer:
        request = HttpRequest(method, path, "after=0&wait=0", {KEY_HEADER: key}, b"")
        return cast(HttpAnswer, await self._routes[method, path](request, "", Connection()))


def test_clients_that_come_at_once_are_told_of_one_key(tmp_path: Path) -> None:
    key_file = tmp_path / "dev.key"

    async def scene(routes: Routes) -> None:
        answers = await asyncio.gather(*(routes.ask("GET", "/_bascule/dev") for _ in range(3)))
        assert {json.loads(answer.body)["key_file"] for answer in answers} == {str(key_file)}
        assert (await routes.ask("GET", "/_bascule/dev/happenings", key_file.read_text())).status == 200
        assert (await routes.ask("GET", "/_bascule/dev/happenings", "another")).status == 403

    with World() as world:
        asyncio.run(scene(Routes(world, key_file)))


def test_a_key_that_cannot_be_written_is_said_and_tried_again(tmp_path: Path) -> None:
    key_file = tmp_path / "missing" / "dev.key"

    async def scene(routes: Routes) -> None:
        refused = await routes.ask("GET", "/_bascule/dev")
        assert refused.status == 400
        assert json.loads(refused.body)["message"] == f"'{key_file}' cannot be written: No such file or directory."
        assert (await routes.ask("GET", "/_bascule/dev/happenings")).status == 403
        key_file.parent.mkdir()
        assert (await routes.ask("GET", "/_bascule/dev")).status == 200
        assert (await routes.ask("GET", "/_bascule/dev/happenings", key_file.read_text())).status == 200

    with World() as world:
        asyncio.run(scene(Routes(world, key_file)))
